//! Repositories over SSH.

use windlass::secret::{Credential, SecretText};
use windlass::source::{Access, SourceError};
use windlass_tests::git::{Repository, SshRemote};

use crate::support::{Place, anonymous, password};

fn key(private_key: &str, passphrase: Option<&str>, known_hosts: &str) -> Access {
    let credential = Credential::SshKey {
        user: None,
        private_key: SecretText::new(private_key),
        passphrase: passphrase.map(SecretText::new),
        known_hosts: Some(known_hosts.to_owned()),
    };
    Access::with("team-git", &credential).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_opens_the_repository_and_the_second_fetch_brings_what_is_new() {
    let repository = Repository::with_a_commit();
    let remote = SshRemote::start(&repository, "");
    let access = key(&remote.key(), None, &remote.known_host());
    let place = Place::new();
    let first = place.fetch(&remote.url(), &access, None).await.unwrap();
    assert_eq!(first.branch.as_deref(), Some("main"));
    let newest = repository.commit("a", "1", "One");
    repository.push("main");
    let second = place.fetch(&remote.url(), &access, None).await.unwrap();
    assert_eq!((second.commit.sha, second.received_objects), (newest, 3));
    let refs = place.mirrors.refs(&windlass::source::RemoteUrl::parse(&remote.url()).unwrap(), &access).await.unwrap();
    assert_eq!(refs.branches.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passphrase_is_needed_wrong_and_right() {
    let repository = Repository::with_a_commit();
    let remote = SshRemote::start(&repository, "open sesame");
    let place = Place::new();
    for (passphrase, said) in [(None, "has a passphrase"), (Some("wrong"), "passphrase is wrong")] {
        let access = key(&remote.key(), passphrase, &remote.known_host());
        let error = place.fetch(&remote.url(), &access, None).await.unwrap_err();
        assert!(matches!(&error, SourceError::BadKey { why } if why.contains(said)), "{error:?}");
    }
    place.fetch(&remote.url(), &key(&remote.key(), Some("open sesame"), &remote.known_host()), None).await.unwrap();
    let access = key("nonsense", None, &remote.known_host());
    let error = place.fetch(&remote.url(), &access, None).await.unwrap_err();
    assert!(matches!(error, SourceError::BadKey { .. }), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_must_be_known_and_must_be_the_one_that_is_known() {
    let repository = Repository::with_a_commit();
    let remote = SshRemote::start(&repository, "");
    let place = Place::new();
    let error = place.fetch(&remote.url(), &key(&remote.key(), None, ""), None).await.unwrap_err();
    let SourceError::UnknownHostKey { line, fingerprint, .. } = error else { panic!("{error:?}") };
    assert!(fingerprint.starts_with("SHA256:"), "{fingerprint}");
    // The line that the advice gives is the one that is needed.
    place.fetch(&remote.url(), &key(&remote.key(), None, &line), None).await.unwrap();
    // Of its two keys it is enough to know one, whichever it likes better.
    let older = remote.known_host_by_its_older_key();
    place.fetch(&remote.url(), &key(&remote.key(), None, &older), None).await.unwrap();
    let error = place.fetch(&remote.url(), &key(&remote.key(), None, &remote.other_host()), None).await.unwrap_err();
    assert!(matches!(error, SourceError::HostKeyChanged { .. }), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_are_refused_and_missing_repositories_named() {
    let repository = Repository::with_a_commit();
    let remote = SshRemote::start(&repository, "");
    let place = Place::new();
    let stranger = key(&remote.strange_key(), None, &remote.known_host());
    let error = place.fetch(&remote.url(), &stranger, None).await.unwrap_err();
    assert!(matches!(error, SourceError::Unauthorized { given: true, .. }), "{error:?}");
    let access = key(&remote.key(), None, &remote.known_host());
    for path in ["/no/such.git", "/it's/$(touch%20x)"] {
        let error = place.fetch(&remote.url_of(path), &access, None).await.unwrap_err();
        assert!(matches!(error, SourceError::NotFound { .. }), "{path}: {error:?}");
    }
    // Without a credential the host is not even known here.
    for access in [anonymous(), password("ana", "x")] {
        let error = place.fetch(&remote.url(), &access, None).await.unwrap_err();
        assert!(matches!(error, SourceError::UnknownHostKey { .. }), "{error:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_at_the_other_end() {
    let (url, access) = {
        let repository = Repository::with_a_commit();
        let remote = SshRemote::start(&repository, "");
        (remote.url(), key(&remote.key(), None, &remote.known_host()))
    };
    let error = Place::new().fetch(&url, &access, None).await.unwrap_err();
    assert!(matches!(error, SourceError::Unreachable { .. }), "{error:?}");
}
