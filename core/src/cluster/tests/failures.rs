//! What is said of a connection that does not come about.

use std::io::{Read, Write};
use std::net::TcpListener;

use crate::cluster::failure::unanswered;
use crate::cluster::{Cluster, ClusterAccess, Trust};
use crate::explain::{ClusterFailure, FailureClass};
use crate::secret::{Credential, SecretText};

/// What an API server at an address where somebody else gives one answer to everything is said to be.
async fn asked(scheme: &str, answer: &'static str) -> ClusterFailure {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = format!("{scheme}://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let mut request = [0; 4096];
            let _ = connection.read(&mut request);
            let _ = connection.write_all(answer.as_bytes());
        }
    });
    let access = ClusterAccess::Server { server, credential: "c".parse().unwrap(), trust: Trust::Unverified };
    let token = Credential::Token { token: SecretText::new("sesame") };
    let cluster = Cluster::connect("test", &access, Some(&token), None).await.unwrap();
    cluster.health().await.unwrap_err()
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_else_at_the_address_is_told_from_an_api_server() {
    let page = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\nconnection: close\r\n\r\n<html>";
    let missing = "HTTP/1.1 404 Not Found\r\ncontent-length: 6\r\nconnection: close\r\n\r\n<html>";
    for (scheme, answer) in [("http", page), ("http", missing), ("https", page)] {
        let failure = asked(scheme, answer).await;
        assert_eq!((failure.code, failure.class), ("notACluster", FailureClass::Failure), "{scheme}: {failure}");
        assert!(failure.advice.contains("https://10.0.0.1:6443"), "{failure}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_before_an_api_server_that_is_away_is_another_try_worth() {
    let away = "HTTP/1.1 502 Bad Gateway\r\ncontent-length: 6\r\nconnection: close\r\n\r\n<html>";
    let failure = asked("http", away).await;
    assert_eq!((failure.code, failure.class), ("clusterFailed", FailureClass::Infrastructure), "{failure}");
}

#[test]
fn a_cluster_that_is_gone_is_told_from_a_network_that_is() {
    let code = |words: &str| unanswered("the cluster", words).code;
    assert_eq!(code("failed to lookup address information: Name or service not known"), "clusterGone");
    assert_eq!(
        code("failed to lookup address information: Temporary failure in name resolution"),
        "clusterUnreachable"
    );
    assert_eq!(code("tcp connect error: Connection refused (os error 111)"), "clusterUnreachable");
    assert_eq!(code("invalid peer certificate: UnknownIssuer"), "unknownCertificate");
    assert_eq!(code("received fatal alert: CertificateRequired"), "unauthorized");
}
