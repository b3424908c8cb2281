//! The session of a build: what BuildKit asks of whoever wants the image, over a connection that turns round. Here it is asked
//! for logins at registries and for the task's secrets, which are nowhere else.

use std::collections::{BTreeMap, HashMap};
use std::pin::Pin;

use bollard::auth::DockerCredentials;
use bollard_buildkit_proto::health::health_check_response::ServingStatus;
use bollard_buildkit_proto::health::health_server::{Health, HealthServer};
use bollard_buildkit_proto::health::{HealthCheckRequest, HealthCheckResponse, HealthListRequest, HealthListResponse};
use bollard_buildkit_proto::moby::buildkit::secrets::v1::secrets_server::{Secrets, SecretsServer};
use bollard_buildkit_proto::moby::buildkit::secrets::v1::{GetSecretRequest, GetSecretResponse};
use bollard_buildkit_proto::moby::filesync::v1::auth_server::{Auth, AuthServer};
use bollard_buildkit_proto::moby::filesync::v1::{
    CredentialsRequest, CredentialsResponse, FetchTokenRequest, FetchTokenResponse, GetTokenAuthorityRequest,
    GetTokenAuthorityResponse, VerifyTokenAuthorityRequest, VerifyTokenAuthorityResponse,
};
use futures::Stream;
use hyper::StatusCode;
use hyper_util::rt::TokioExecutor;
use hyper_util::service::TowerToHyperService;
use tokio::task::AbortHandle;
use tonic::service::Routes;
use tonic::{Request, Response, Status};

use crate::executor::ExecutorError;
use crate::executor::docker::connect::Connection;
use crate::executor::docker::raw;
use crate::secret::SecretBytes;

/// What can be asked of us, as engines want to know it beforehand.
const METHODS: [&str; 5] = [
    "/grpc.health.v1.Health/Check",
    "/moby.buildkit.secrets.v1.Secrets/GetSecret",
    "/moby.filesync.v1.Auth/Credentials",
    "/moby.filesync.v1.Auth/FetchToken",
    "/moby.filesync.v1.Auth/GetTokenAuthority",
];

/// An open session. It ends when this is dropped.
#[derive(Debug)]
pub(in crate::action::build_image) struct Session {
    id: String,
    serving: AbortHandle,
}

impl Drop for Session {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// What a session answers with.
pub(super) struct Answers {
    pub(super) secrets: BTreeMap<String, SecretBytes>,
    /// By the host and port of the registry.
    pub(super) logins: HashMap<String, DockerCredentials>,
}

impl Session {
    /// `None` when the engine has no BuildKit, or lets nobody use it.
    pub(super) async fn open(
        connection: &Connection,
        id: String,
        answers: Answers,
    ) -> Result<Option<Self>, ExecutorError> {
        let mut line = connection.line().await?;
        let mut request = line
            .post("/session")
            .header("Connection", "Upgrade")
            .header("Upgrade", "h2c")
            .header("X-Docker-Expose-Session-Uuid", &id)
            .header("X-Docker-Expose-Session-Name", "windlass")
            .header("X-Docker-Expose-Session-Sharedkey", "");
        for method in METHODS {
            request = request.header("X-Docker-Expose-Session-Grpc-Method", method);
        }
        let request = request.body(raw::nothing()).map_err(|error| ExecutorError::Io {
            doing: "opening a session for the build".to_owned(),
            source: std::io::Error::other(error),
        })?;
        let answer = line.send(request).await?;
        if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
            tracing::debug!(status = %answer.status(), "the engine has no sessions: the classic builder builds");
            return Ok(None);
        }
        let wire = hyper::upgrade::on(answer).await.map_err(|error| line.broken(&error))?;
        let service = TowerToHyperService::new(answers.routes());
        let serving = async move {
            let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            if let Err(error) = server.serve_connection(wire, service).await {
                tracing::debug!(%error, "the session of a build broke off");
            }
        };
        Ok(Some(Self { id, serving: tokio::spawn(serving).abort_handle() }))
    }

    /// By what the build knows it.
    pub(super) fn id(&self) -> &str {
        &self.id
    }
}

impl Answers {
    fn routes(self) -> Routes {
        Routes::new(HealthServer::new(Alive))
            .add_service(SecretsServer::new(Drawer(self.secrets)))
            .add_service(AuthServer::new(Keyring(self.logins)))
            .prepare()
    }
}

/// The engine looks from time to time whether we are there.
#[derive(Debug)]
struct Alive;

#[tonic::async_trait]
impl Health for Alive {
    type WatchStream = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

    async fn check(&self, _: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        Ok(Response::new(HealthCheckResponse { status: ServingStatus::Serving.into() }))
    }

    async fn list(&self, _: Request<HealthListRequest>) -> Result<Response<HealthListResponse>, Status> {
        Err(Status::unimplemented("nobody lists this"))
    }

    async fn watch(&self, _: Request<HealthCheckRequest>) -> Result<Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented("nobody watches this"))
    }
}

#[derive(Debug)]
struct Drawer(BTreeMap<String, SecretBytes>);

#[tonic::async_trait]
impl Secrets for Drawer {
    async fn get_secret(&self, request: Request<GetSecretRequest>) -> Result<Response<GetSecretResponse>, Status> {
        let id = &request.get_ref().id;
        match self.0.get(id) {
            Some(secret) => Ok(Response::new(GetSecretResponse { data: secret.expose().to_vec() })),
            // An instruction may do without one that it does not require.
            None => Err(Status::not_found(format!("the task has no secret {id}"))),
        }
    }
}

struct Keyring(HashMap<String, DockerCredentials>);

impl Keyring {
    /// What is known of a registry, which BuildKit calls as it reaches it.
    fn of(&self, host: &str) -> Option<&DockerCredentials> {
        const HUB: [&str; 4] = ["docker.io", "index.docker.io", "https://index.docker.io/v1/", "registry-1.docker.io"];
        let hub = HUB.contains(&host).then_some(HUB).into_iter().flatten();
        self.0.get(host).or_else(|| hub.filter_map(|name| self.0.get(name)).next())
    }
}

#[tonic::async_trait]
impl Auth for Keyring {
    async fn credentials(&self, request: Request<CredentialsRequest>) -> Result<Response<CredentialsResponse>, Status> {
        let login = self.of(&request.get_ref().host).cloned().unwrap_or_default();
        let (username, secret) = (login.username.unwrap_or_default(), login.password.unwrap_or_default());
        Ok(Response::new(CredentialsResponse { username, secret }))
    }

    /// The engine fetches tokens itself with the login: it knows the way to its registries, and which certificates they have.
    async fn fetch_token(&self, _: Request<FetchTokenRequest>) -> Result<Response<FetchTokenResponse>, Status> {
        Err(Status::unavailable("tokens are fetched by the engine"))
    }

    async fn get_token_authority(
        &self,
        _: Request<GetTokenAuthorityRequest>,
    ) -> Result<Response<GetTokenAuthorityResponse>, Status> {
        Err(Status::unavailable("tokens are fetched by the engine"))
    }

    async fn verify_token_authority(
        &self,
        _: Request<VerifyTokenAuthorityRequest>,
    ) -> Result<Response<VerifyTokenAuthorityResponse>, Status> {
        Err(Status::unavailable("tokens are fetched by the engine"))
    }
}
