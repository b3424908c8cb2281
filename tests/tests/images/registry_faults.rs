//! Registries that do not do what they are asked.

use std::net::TcpListener;
use std::time::Duration;

use windlass::registry::{Registry, RegistryAccess, RegistryError, Transport};
use windlass_tests::docker::{Front, Reply, Site};

use crate::registry::publish;

fn open() -> RegistryAccess {
    RegistryAccess::anonymous().transport(Transport::PlainHttp)
}

async fn digest(server: &str, access: RegistryAccess, repository: &str) -> Result<String, RegistryError> {
    Registry::new(server, access).unwrap().digest(repository, "1.0").await
}

#[tokio::test(flavor = "multi_thread")]
async fn each_failure_has_its_word_and_says_what_to_do() {
    let site = Site::find();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let silent = Front::start("nowhere", |_| Reply::Hang);
    let ill = Front::start("nowhere", |_| Reply::Answer("HTTP/1.1 503 Busy\r\nConnection: close\r\n\r\n".into()));
    let impatient = || open().patience(Duration::from_millis(300));
    let login = |password: &str| RegistryAccess::user(&site.user, password);
    let authority = std::fs::read_to_string(&site.authority).unwrap();
    let secure = || login(&site.password).authorities(&authority);
    let cases = [
        (nobody.as_str(), open(), "registryUnreachable", "whether the registry runs"),
        ("no-such-host.invalid", open(), "registryUnreachable", "whether the address is right"),
        (&silent.address(), impatient(), "registryTimedOut", "kept silent"),
        (&ill.address(), open(), "registryFailed", "503"),
        (&site.registries.open, open(), "registryNotFound", "spelled right"),
        (&site.registries.password, open(), "registryUnauthorised", "credential"),
        (&site.registries.password, login("wrong").transport(Transport::PlainHttp), "registryUnauthorised", "login"),
        (&site.registries.tls, login(&site.password), "registryTls", "certs.d"),
        (&site.registries.open, RegistryAccess::anonymous(), "registryTls", "insecure: true"),
        (&site.registries.tls, secure(), "registryNotFound", "spelled right"),
    ];
    for (server, access, code, advice) in cases {
        let error = digest(server, access, "team/nothing").await.unwrap_err();
        assert_eq!(error.code(), code, "{server}: {error}");
        assert!(error.to_string().contains(advice), "{error}");
        assert!(!error.to_string().contains(&site.password), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_are_none_are_refused_before_anything_is_asked() {
    for server in ["", "http://x", "x/y", "..", "a b"] {
        assert_eq!(Registry::new(server, open()).unwrap_err().code(), "badImageName", "{server:?}");
    }
    let registry = Registry::new("127.0.0.1:1", open()).unwrap();
    for (repository, tag) in
        [("Team", "1"), ("a/../b", "1"), ("a:b", "1"), ("a", "-1"), ("a", "x y"), ("", "1"), ("a@b", "c")]
    {
        let error = registry.digest(repository, tag).await.unwrap_err();
        assert_eq!(error.code(), "badImageName", "{repository:?} {tag:?}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_breaks_off_is_said_and_the_next_one_ends_it() {
    let site = Site::find();
    let repository = site.fresh("team/broken");
    publish(&site, &repository, &["1.0"]);
    let from = Registry::new(&site.registries.open, open()).unwrap();
    let cut = std::sync::atomic::AtomicBool::new(false);
    let front = Front::start(&site.registries.open, move |request| match request.method.as_str() {
        "PATCH" if !cut.swap(true, std::sync::atomic::Ordering::SeqCst) => Reply::Cut(1000),
        _ => Reply::Forward,
    });
    let to = Registry::new(&front.address(), open()).unwrap();
    let other = site.fresh("team/mended");
    let error = from.copy(&repository, "1.0", &to, &other, "1.0").await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
    let digest = from.copy(&repository, "1.0", &to, &other, "1.0").await.unwrap();
    assert_eq!(from.digest(&other, "1.0").await.unwrap(), digest);
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_that_are_none_are_told() {
    let error = Registry::new("127.0.0.1:1", RegistryAccess::anonymous().authorities("no certificate")).unwrap_err();
    assert_eq!(error.code(), "badRegistryAuthority", "{error}");
}
