//! Repositories over HTTP.

use windlass::source::{Access, RemoteUrl, SourceError};
use windlass_tests::git::{HttpRemote, Repository};

use crate::support::{Place, anonymous, password};

#[tokio::test(flavor = "multi_thread")]
async fn a_second_fetch_brings_only_what_is_new() {
    let repository = Repository::empty();
    let noise = |seed: u64| {
        let mut state = seed;
        let step = |_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            format!("{state:016x}")
        };
        (0..20_000).map(step).collect::<String>()
    };
    repository.commit("noise", &noise(1), "Begin");
    repository.push("main");
    let remote = HttpRemote::open(&repository);
    let place = Place::new();
    let first = place.fetch(&remote.url(), &anonymous(), None).await.unwrap();
    assert!(first.received_bytes > 100_000, "{}", first.received_bytes);

    let newest = repository.commit("small", "1", "Add a little");
    repository.push("main");
    let before = remote.sent();
    let second = place.fetch(&remote.url(), &anonymous(), None).await.unwrap();
    assert_eq!(second.commit.sha, newest);
    assert!(second.received_bytes < 2000, "{}", second.received_bytes);
    assert!(remote.sent() - before < 5000, "{}", remote.sent() - before);
    let (copy, _) = place.export(&second, None).await;
    assert_eq!(std::fs::read_to_string(copy.join("small")).unwrap(), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_needed_wrong_and_right() {
    let repository = Repository::with_a_commit();
    let remote = HttpRemote::with_login(&repository, "ana", "c0rrect horse");
    let place = Place::new();
    let error = place.fetch(&remote.url(), &anonymous(), None).await.unwrap_err();
    assert!(matches!(error, SourceError::Unauthorized { given: false, .. }), "{error:?}");
    let error = place.fetch(&remote.url(), &password("ana", "battery"), None).await.unwrap_err();
    assert!(matches!(error, SourceError::Unauthorized { given: true, .. }), "{error:?}");
    let advice = windlass::explain::source_error(&error).cause.advice;
    assert!(!format!("{error} {error:?} {advice}").contains("battery"));
    let access = password("ana", "c0rrect horse");
    place.fetch(&remote.url(), &access, None).await.unwrap();
    let refs = place.mirrors.refs(&RemoteUrl::parse(&remote.url()).unwrap(), &access).await.unwrap();
    assert_eq!(refs.default.as_deref(), Some("main"));
    // Nothing of it is kept in the mirror.
    let config = std::fs::read_to_string(place.mirror().join("config")).unwrap();
    assert!(!config.contains("c0rrect") && !config.contains("url"), "{config}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_that_is_gone_or_empty_is_named() {
    let repository = Repository::empty();
    let remote = HttpRemote::open(&repository);
    let place = Place::new();
    let error = place.fetch(&remote.url_of("gone.git"), &anonymous(), None).await.unwrap_err();
    assert!(matches!(error, SourceError::NotFound { .. }), "{error:?}");
    let error = place.fetch(&remote.url(), &anonymous(), None).await.unwrap_err();
    assert!(matches!(error, SourceError::Empty { .. }), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_commit_and_a_request_are_fetched_by_name() {
    let repository = Repository::with_a_commit();
    let old = repository.run(&["rev-parse", "HEAD"]);
    let newer = repository.commit("a", "1", "One");
    repository.run(&["update-ref", "refs/merge-requests/3/head", "HEAD"]);
    repository.run(&["push", "-q", "origin", "refs/merge-requests/3/head", "HEAD~1:refs/heads/main"]);
    let remote = HttpRemote::open(&repository);
    let place = Place::new();
    assert_eq!(place.fetch(&remote.url(), &anonymous(), Some(&old)).await.unwrap().commit.sha, old);
    assert_eq!(place.fetch(&remote.url(), &anonymous(), Some("merge-requests/3")).await.unwrap().commit.sha, newer);
    let error = place.fetch(&remote.url(), &anonymous(), Some("merge-requests/4")).await.unwrap_err();
    assert!(matches!(error, SourceError::NoSuchRef { .. }), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_at_the_other_end() {
    let url = {
        let repository = Repository::with_a_commit();
        HttpRemote::open(&repository).url()
    };
    let error = Place::new().fetch(&url, &anonymous(), None).await.unwrap_err();
    assert!(matches!(error, SourceError::Unreachable { .. }), "{error:?}");
    let error = Place::new().fetch("https://no-such-host.invalid/x", &anonymous(), None).await.unwrap_err();
    assert!(matches!(error, SourceError::Unreachable { .. }), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_not_taken_for_a_repository() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/shop", listener.local_addr().unwrap());
    tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 4096]).await;
            let page =
                b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello";
            stream.write_all(page).await.unwrap();
        }
    });
    let error = Place::new().fetch(&url, &anonymous(), None).await.unwrap_err();
    assert!(error.to_string().contains("address of a page"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_own_authority_is_trusted_where_it_is_given() {
    let repository = Repository::with_a_commit();
    let remote = HttpRemote::with_tls(&repository);
    let place = Place::new();
    let error = place.fetch(&remote.url(), &anonymous(), None).await.unwrap_err();
    assert!(matches!(error, SourceError::Certificate { .. }), "{error:?}");
    let trusting = Access { authorities: remote.authority.clone(), ..Access::default() };
    place.fetch(&remote.url(), &trusting, None).await.unwrap();
    let careless = Access { any_certificate: true, ..Access::default() };
    place.fetch(&remote.url(), &careless, None).await.unwrap();
    let wrong = Access {
        authorities: Some("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_owned()),
        ..Access::default()
    };
    let error = place.fetch(&remote.url(), &wrong, None).await.unwrap_err();
    assert!(matches!(error, SourceError::Certificate { .. }), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_that_was_renamed_is_followed() {
    let repository = Repository::with_a_commit();
    let remote = HttpRemote::with_login(&repository, "ana", "right");
    let place = Place::new();
    let url = remote.url_of("moved/shop.git");
    let fetched = place.fetch(&url, &password("ana", "right"), None).await.unwrap();
    assert_eq!(fetched.commit.message, "Begin\n");
}
