//! Requests that the client of registries does not have, or does not survive: the login tried, something deleted, a manifest put
//! under its digest.

use bytes::Bytes;
use http_auth::ChallengeParser;
use reqwest::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use reqwest::{Client, Method, RequestBuilder, Response};
use serde::Deserialize;

use super::access::{RegistryAccess, Transport};
use super::error::RegistryError;
use super::fault::RegistryFault;

/// A token server's answer, in its two spellings.
#[derive(Deserialize)]
struct Granted {
    #[serde(alias = "access_token")]
    token: String,
}

/// How a registry wants to be shown who somebody is.
enum Challenge {
    Basic,
    Token { realm: String, service: Option<String>, scope: Option<String> },
}

/// Plain requests to one registry.
#[derive(Clone, Debug)]
pub(super) struct Session {
    client: Client,
    server: String,
    access: RegistryAccess,
}

impl Session {
    pub(super) fn new(server: &str, access: &RegistryAccess) -> Result<Self, RegistryError> {
        let mut builder = Client::builder().read_timeout(access.patience).connect_timeout(access.patience);
        for certificate in certificates(access)? {
            builder = builder.add_root_certificate(certificate);
        }
        let client = builder.build().map_err(|error| RegistryError::of_request(server, "the set-up of TLS", &error))?;
        Ok(Self { client, server: server.to_owned(), access: access.clone() })
    }

    /// Asks for something below `/v2/`, with the login where the registry wants one. Anything but success is an error.
    pub(super) async fn ask(&self, method: Method, path: &str, what: &str) -> Result<(), RegistryError> {
        self.succeed(|| self.client.request(method.clone(), self.url(path)), what).await
    }

    /// Puts something below `/v2/`.
    pub(super) async fn put(&self, path: &str, body: Bytes, media_type: &str, what: &str) -> Result<(), RegistryError> {
        let request = || self.client.put(self.url(path)).header(CONTENT_TYPE, media_type).body(body.clone());
        self.succeed(request, what).await
    }

    async fn succeed(&self, request: impl Fn() -> RequestBuilder, what: &str) -> Result<(), RegistryError> {
        let response = self.authorised(request, what).await?;
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        let body = response.text().await.unwrap_or_default();
        Err(RegistryError::of_status(&self.server, what, status.as_u16(), &body))
    }

    /// The answer to the request, with the login where the registry wants one.
    async fn authorised(&self, request: impl Fn() -> RequestBuilder, what: &str) -> Result<Response, RegistryError> {
        let failed = |error| RegistryError::of_request(&self.server, what, &error);
        let first = request().send().await.map_err(failed)?;
        let Some(challenge) = challenge(&first) else { return Ok(first) };
        let request = match (challenge, self.access.login()) {
            (Challenge::Basic, None) => return Ok(first),
            (Challenge::Basic, Some((user, password))) => request().basic_auth(user, Some(password)),
            (Challenge::Token { realm, service, scope }, _) => {
                request().bearer_auth(self.token(&realm, service.as_deref(), scope.as_deref(), what).await?)
            }
        };
        request.send().await.map_err(failed)
    }

    async fn token(
        &self,
        realm: &str,
        service: Option<&str>,
        scope: Option<&str>,
        what: &str,
    ) -> Result<String, RegistryError> {
        let query: Vec<_> = [("service", service), ("scope", scope)]
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .collect();
        let mut request = self.client.get(realm).query(&query);
        if let Some((user, password)) = self.access.login() {
            request = request.basic_auth(user, Some(password));
        }
        let failed = |error| RegistryError::of_request(&self.server, what, &error);
        let response = request.send().await.map_err(failed)?;
        let status = response.status();
        let body = response.text().await.map_err(failed)?;
        if !status.is_success() {
            return Err(RegistryError::of_status(&self.server, what, status.as_u16(), &body));
        }
        let granted: Granted = serde_json::from_str(&body).map_err(|_| {
            let message = format!("{what} at the registry {} failed: its token server gave no token", self.server);
            RegistryError::new(RegistryFault::Unauthorised, message)
        })?;
        Ok(granted.token)
    }

    fn url(&self, path: &str) -> String {
        let scheme = match self.access.transport {
            Transport::Tls => "https",
            Transport::PlainHttp => "http",
        };
        let host = if self.server == "docker.io" { "index.docker.io" } else { &self.server };
        format!("{scheme}://{host}/v2/{path}")
    }
}

/// The certificates of authorities that were given.
fn certificates(access: &RegistryAccess) -> Result<Vec<reqwest::Certificate>, RegistryError> {
    let Some(pem) = &access.authorities else { return Ok(Vec::new()) };
    let bad = |why: &str| {
        RegistryError::new(
            RegistryFault::BadAuthority,
            format!("the certificates of authorities cannot be read: {why}"),
        )
    };
    match reqwest::Certificate::from_pem_bundle(pem.as_bytes()) {
        Ok(found) if found.is_empty() => Err(bad("there are none in the text")),
        Ok(found) => Ok(found),
        Err(error) => Err(bad(&error.to_string())),
    }
}

/// What a registry asks for that wants to know who somebody is.
fn challenge(response: &Response) -> Option<Challenge> {
    if response.status() != reqwest::StatusCode::UNAUTHORIZED {
        return None;
    }
    let header = response.headers().get(WWW_AUTHENTICATE)?.to_str().ok()?;
    ChallengeParser::new(header).filter_map(Result::ok).find_map(|challenge| {
        let parameter = |wanted: &str| {
            let found = challenge.params.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
            found.map(|(_, value)| value.to_unescaped())
        };
        match challenge.scheme.to_ascii_lowercase().as_str() {
            "basic" => Some(Challenge::Basic),
            "bearer" => Some(Challenge::Token {
                realm: parameter("realm")?,
                service: parameter("service"),
                scope: parameter("scope"),
            }),
            _ => None,
        }
    })
}
