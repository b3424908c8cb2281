//! The ways to reach a cluster.

use std::process::Command;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use windlass::cluster::{Cluster, ClusterAccess, ClusterHealth, Trust};
use windlass::secret::{Credential, SecretText};
use windlass_tests::cluster::TestCluster;

use crate::support::clock;

/// What the kubeconfig of the tests holds.
struct Parts {
    server: String,
    authority: String,
    certificate: String,
    key: String,
}

fn parts(cluster: &TestCluster) -> Parts {
    let json = cluster.kubectl(&["config", "view", "--flatten", "--minify", "--raw", "-o", "json"]);
    let config: Value = serde_json::from_str(&json).unwrap();
    let text = |pointer: &str| config.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let pem = |pointer: &str| String::from_utf8(STANDARD.decode(text(pointer)).unwrap()).unwrap();
    Parts {
        server: text("/clusters/0/cluster/server"),
        authority: pem("/clusters/0/cluster/certificate-authority-data"),
        certificate: pem("/users/0/user/client-certificate-data"),
        key: pem("/users/0/user/client-key-data"),
    }
}

async fn health(server: &str, trust: Trust, credential: Credential) -> Result<ClusterHealth, &'static str> {
    let access = ClusterAccess::Server { server: server.to_owned(), credential: "c".parse().unwrap(), trust };
    let cluster = Cluster::connect("test", &access, Some(&credential), None).await.map_err(|failure| failure.code)?;
    cluster.health().await.map_err(|failure| failure.code)
}

fn authority(parts: &Parts) -> Trust {
    Trust::Authority { certificates: parts.authority.clone() }
}

fn certificate(parts: &Parts) -> Credential {
    let pairs = [("certificate", &parts.certificate), ("key", &parts.key)];
    Credential::Opaque { values: pairs.map(|(name, text)| (name.to_owned(), SecretText::new(text.as_str()))).into() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_certificate_opens_it_in_pem_and_in_pkcs12() {
    let parts = parts(&TestCluster::find());
    let found = health(&parts.server, authority(&parts), certificate(&parts)).await.unwrap();
    assert!(found.version.starts_with("v1.") && found.failing.is_empty(), "{found:?}");
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("client.crt"), &parts.certificate).unwrap();
    std::fs::write(path("client.key"), &parts.key).unwrap();
    let packed = Command::new("openssl")
        .args([
            "pkcs12",
            "-export",
            "-inkey",
            "client.key",
            "-in",
            "client.crt",
            "-out",
            "client.p12",
            "-passout",
            "pass:sesame",
        ])
        .current_dir(folder.path())
        .status()
        .unwrap();
    assert!(packed.success());
    let archive = STANDARD.encode(std::fs::read(path("client.p12")).unwrap());
    let pkcs12 = |password: &str| Credential::Pkcs12 { archive: archive.as_str().into(), password: password.into() };
    health(&parts.server, authority(&parts), pkcs12("sesame")).await.unwrap();
    assert_eq!(health(&parts.server, authority(&parts), pkcs12("wrong")).await.unwrap_err(), "badCredential");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_opens_it_until_it_is_revoked() {
    let cluster = TestCluster::find();
    let (space, parts) = (cluster.space("token"), parts(&cluster));
    space.kubectl(&["create", "serviceaccount", "portal"]);
    let token = space.kubectl(&["create", "token", "portal"]);
    let token = || Credential::Token { token: SecretText::new(token.as_str()) };
    health(&parts.server, authority(&parts), token()).await.unwrap();
    health(&parts.server, Trust::Unverified, token()).await.unwrap();
    space.kubectl(&["delete", "serviceaccount", "portal"]);
    let revoked = async || health(&parts.server, authority(&parts), token()).await;
    // The API server keeps what it knows of a token for ten seconds.
    let clock = clock();
    for _ in 0..300 {
        if revoked().await.is_err() {
            break;
        }
        clock.sleep_until(clock.now().elapsed + Duration::from_millis(200)).await;
    }
    assert_eq!(revoked().await.unwrap_err(), "unauthorized");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_somebody_else_is_not_trusted() {
    let parts = parts(&TestCluster::find());
    assert_eq!(health(&parts.server, Trust::System, certificate(&parts)).await.unwrap_err(), "unknownCertificate");
    let other = rcgen::generate_simple_self_signed(["other".to_owned()]).unwrap().cert.pem();
    let trust = Trust::Authority { certificates: other };
    assert_eq!(health(&parts.server, trust, certificate(&parts)).await.unwrap_err(), "unknownCertificate");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_does_not_answer_is_told_from_one_that_is_gone() {
    let parts = parts(&TestCluster::find());
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = format!("https://{closed}");
    assert_eq!(health(&server, authority(&parts), certificate(&parts)).await.unwrap_err(), "clusterUnreachable");
    let gone = health("https://deleted.invalid:6443", authority(&parts), certificate(&parts)).await;
    assert_eq!(gone.unwrap_err(), "clusterGone");
}
