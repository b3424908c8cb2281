//! Credentials that open a cluster, and those that do not.

use crate::cluster::{Cluster, ClusterAccess, Trust};
use crate::explain::ClusterFailure;
use crate::secret::{Credential, SecretText};

async fn connect(server: &str, credential: Credential, trust: Trust) -> Result<Cluster, ClusterFailure> {
    let access = ClusterAccess::Server { server: server.to_owned(), credential: "c".parse().unwrap(), trust };
    Cluster::connect("test", &access, Some(&credential), Some("web")).await
}

async fn refused(credential: Credential) -> ClusterFailure {
    let failure = connect("https://a.example", credential, Trust::Unverified).await.unwrap_err();
    assert_eq!(failure.code, "badCredential", "{failure}");
    failure
}

fn opaque(pairs: &[(&str, &str)]) -> Credential {
    let values = pairs.iter().map(|(name, value)| ((*name).to_owned(), SecretText::new(*value))).collect();
    Credential::Opaque { values }
}

#[tokio::test]
async fn a_token_opens_it() {
    let token = Credential::Token { token: SecretText::new("sesame\n") };
    let cluster = connect("https://a.example:6443/", token, Trust::Unverified).await.unwrap();
    assert_eq!((cluster.server(), cluster.namespace()), ("https://a.example:6443", "web"));
    assert!(!format!("{cluster:?}").contains("sesame"));
}

#[tokio::test]
async fn an_address_that_is_none_is_refused() {
    let token = Credential::Token { token: SecretText::new("sesame") };
    let failure = connect("not an address", token, Trust::Unverified).await.unwrap_err();
    assert!(failure.to_string().contains("https://HOST:PORT"), "{failure}");
}

#[tokio::test]
async fn credentials_of_the_wrong_form_say_what_is_wanted() {
    let pkcs12 = |archive: &str| Credential::Pkcs12 { archive: archive.into(), password: "sesame".into() };
    assert!(refused(pkcs12("%%%")).await.message.contains("not base64"));
    assert!(refused(pkcs12("AAAA")).await.message.contains("cannot be opened"));
    assert!(refused(opaque(&[("certificate", "x")])).await.message.contains("`certificate` and `key`"));
    assert!(refused(opaque(&[("certificate", "x"), ("key", "sesame")])).await.message.contains("not PEM"));
    let other = Credential::UserPassword { user: "a".to_owned(), password: "sesame".into() };
    assert!(refused(other).await.message.contains("userPassword"));
}

#[tokio::test]
async fn an_authority_that_is_no_pem_is_refused() {
    let token = Credential::Token { token: SecretText::new("sesame") };
    let trust = Trust::Authority { certificates: "hello".to_owned() };
    let failure = connect("https://a.example", token, trust).await.unwrap_err();
    assert!(failure.message.contains("not PEM"), "{failure}");
}
