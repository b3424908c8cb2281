//! Credentials tried on repositories and on hosts.

use windlass::secret::{Credential, CredentialTarget, SecretText, TargetKind};
use windlass::{Engine, ErrorKind};
use windlass_tests::git::{HttpRemote, Repository, SshRemote};

fn key(private_key: &str, passphrase: Option<&str>, known_hosts: &str) -> Credential {
    Credential::SshKey {
        user: None,
        private_key: SecretText::new(private_key),
        passphrase: passphrase.map(SecretText::new),
        known_hosts: Some(known_hosts.to_owned()),
    }
}

/// What a test of a credential says, or its code.
async fn tried(engine: &Engine, credential: &Credential, kind: TargetKind, address: &str) -> Result<String, String> {
    engine.credentials().set("tried", credential, "ana").await.unwrap();
    let report = engine.credentials().test("tried", &CredentialTarget::new(kind, address)).await;
    report.map(|report| report.message).map_err(|error| error.code().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_tried_on_the_host_that_it_opens() {
    let repository = Repository::with_a_commit();
    let remote = SshRemote::start(&repository, "open sesame");
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::builder().data_dir(folder.path()).open().await.unwrap();
    let host = remote.host();
    let tried =
        async |credential: &Credential, address: &str| tried(&engine, credential, TargetKind::Ssh, address).await;
    let right = key(&remote.key(), Some("open sesame"), &remote.known_host());
    let user = host.split('@').next().unwrap();
    assert_eq!(tried(&right, &host).await, Ok(format!("{host} lets {user} in")));
    let code = |code: &str| Err(code.to_owned());
    assert_eq!(tried(&key(&remote.key(), Some("wrong"), &remote.known_host()), &host).await, code("badKey"));
    assert_eq!(tried(&key(&remote.strange_key(), None, &remote.known_host()), &host).await, code("credentialRefused"));
    assert_eq!(tried(&key(&remote.key(), Some("open sesame"), "# nobody yet"), &host).await, code("hostKeyUnknown"));
    assert_eq!(
        tried(&key(&remote.key(), Some("open sesame"), &remote.other_host()), &host).await,
        code("hostKeyChanged")
    );
    for address in ["", "host/path", "-oProxyCommand=x", "a b", "ana:secret@host", "host:port"] {
        assert_eq!(tried(&right, address).await, code("badUrl"), "{address:?}");
    }
    assert_eq!(tried(&Credential::opaque("some value"), &host).await, code("wrongCredentialKind"));
    drop(remote);
    engine.credentials().set("tried", &right, "ana").await.unwrap();
    let target = CredentialTarget::new(TargetKind::Ssh, host);
    let gone = engine.credentials().test("tried", &target).await.unwrap_err();
    assert!(gone.is_retryable(), "{gone}");
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_tried_on_the_repository_that_it_opens() {
    let repository = Repository::with_a_commit();
    let remote = HttpRemote::with_login(&repository, "ana", "right password");
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::builder().data_dir(folder.path()).open().await.unwrap();
    let login =
        |password: &str| Credential::UserPassword { user: "ana".to_owned(), password: SecretText::new(password) };
    let url = remote.url();
    let said = tried(&engine, &login("right password"), TargetKind::Git, &url).await;
    assert_eq!(said, Ok(format!("{url} has 1 branches and 0 tags")));
    assert_eq!(
        tried(&engine, &login("guessed in vain"), TargetKind::Git, &url).await,
        Err("credentialRefused".to_owned())
    );
    let target = CredentialTarget::new(TargetKind::Git, url);
    let error = engine.credentials().test("tried", &target).await.unwrap_err();
    assert!(error.kind() == ErrorKind::Invalid && !error.to_string().contains("guessed in vain"), "{error}");
    engine.close().await.unwrap();
}
