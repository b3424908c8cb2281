//! Registries that do what they are asked.

use windlass::registry::{Registry, RegistryAccess, RegistryFault, Transport};
use windlass::secret::{Credential, SecretText};
use windlass_tests::docker::{Front, Reply, Request, Site};

/// The three registries of the site, each with the right way in.
fn registries(site: &Site) -> [Registry; 3] {
    let login = || RegistryAccess::user(&site.user, site.password.as_str());
    let authority = std::fs::read_to_string(&site.authority).unwrap();
    [
        Registry::new(&site.registries.open, RegistryAccess::anonymous().transport(Transport::PlainHttp)),
        Registry::new(&site.registries.password, login().transport(Transport::PlainHttp)),
        Registry::new(&site.registries.tls, login().authorities(authority)),
    ]
    .map(Result::unwrap)
}

/// Puts the busybox image into the open registry, under these tags.
pub(crate) fn publish(site: &Site, repository: &str, tags: &[&str]) {
    for tag in tags {
        let image = format!("{}/{repository}:{tag}", site.registries.open);
        site.docker(&["tag", &site.images.busybox, &image]);
        site.docker(&["push", "--quiet", &image]);
        site.docker(&["rmi", &image]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn images_are_listed_resolved_copied_and_deleted_over_every_way_in() {
    let site = Site::find();
    let [open, password, tls] = registries(&site);
    let repository = site.fresh("team/web");
    publish(&site, &repository, &["1.0", "latest"]);
    let digest = open.digest(&repository, "1.0").await.unwrap();
    assert!(digest.starts_with("sha256:"), "{digest}");

    for (from, to) in [(&open, &password), (&password, &tls), (&tls, &open)] {
        to.test().await.unwrap();
        assert_eq!(from.copy(&repository, "1.0", to, &repository, "copy").await.unwrap(), digest);
        assert_eq!(to.digest(&repository, "copy").await.unwrap(), digest);
        // Again, where all is there, and by digest.
        assert_eq!(from.copy(&repository, &digest, to, &repository, "1.0").await.unwrap(), digest);
    }
    for (registry, all) in [(&open, &["1.0", "copy", "latest"][..]), (&tls, &["1.0", "copy"])] {
        let mut tags = registry.tags(&repository).await.unwrap();
        tags.sort();
        assert_eq!(tags, all);
    }

    // A copy is an image that runs.
    let copy = format!("{}/{repository}:copy", site.registries.open);
    assert_eq!(site.docker(&["run", "--rm", "--network=none", &copy, "echo", "fine"]), "fine");
    site.docker(&["rmi", &copy]);

    for registry in [&open, &password, &tls] {
        registry.delete(&repository, "1.0").await.unwrap();
        let gone = registry.digest(&repository, "copy").await.unwrap_err();
        assert_eq!(gone.fault(), RegistryFault::NotFound, "{gone}");
        let again = registry.delete(&repository, "1.0").await.unwrap_err();
        assert_eq!(again.fault(), RegistryFault::NotFound, "{again}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_of_three_kinds_open_a_registry_and_others_do_not() {
    let site = Site::find();
    let (user, password) = (site.user.clone(), SecretText::new(&site.password));
    let server = &site.registries.password;
    let good = [
        Credential::UserPassword { user: user.clone(), password: password.clone() },
        Credential::Registry { server: format!("http://{server}/v2/"), user: user.clone(), password: password.clone() },
    ];
    for credential in good {
        let access = RegistryAccess::of_credential("team-registry", &credential, server).unwrap();
        Registry::new(server, access.transport(Transport::PlainHttp)).unwrap().test().await.unwrap();
    }
    let other = Credential::Registry { server: "registry.example.com".into(), user, password };
    for (credential, what) in [(other, "is for the registry registry.example.com"), (Credential::opaque("x"), "opaque")]
    {
        let error = RegistryAccess::of_credential("team-registry", &credential, server).unwrap_err();
        assert_eq!(error.code(), "badRegistryCredential");
        assert!(error.to_string().contains(what), "{error}");
        assert!(!error.to_string().contains(&site.password), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_with_a_token_server_gets_a_token_for_the_login() {
    let site = Site::find();
    let repository = site.fresh("team/api");
    publish(&site, &repository, &["1.0"]);
    let front = Front::start(&site.registries.open, token_server);
    let open = || RegistryAccess::anonymous().transport(Transport::PlainHttp);
    let login = RegistryAccess::of_credential("ci", &Credential::Token { token: "right".into() }, &front.address());
    let registry = Registry::new(&front.address(), login.unwrap().transport(Transport::PlainHttp)).unwrap();
    registry.test().await.unwrap();
    assert_eq!(registry.tags(&repository).await.unwrap(), ["1.0"]);
    let digest = registry.copy(&repository, "1.0", &registry, &repository, "2.0").await.unwrap();
    registry.delete(&repository, &digest).await.unwrap();

    let wrong = RegistryAccess::user("token", "wrong").transport(Transport::PlainHttp);
    for access in [open(), wrong] {
        let registry = Registry::new(&front.address(), access).unwrap();
        for error in [registry.test().await.unwrap_err(), registry.tags(&repository).await.unwrap_err()] {
            assert_eq!(error.code(), "registryUnauthorised", "{error}");
        }
    }
}

/// Tokens for the password `right`, and nothing without one.
fn token_server(request: &Request) -> Reply {
    // token:right
    const LOGIN: &str = "Basic dG9rZW46cmlnaHQ=";
    let answer = |status: &str, heads: &str, body: &str| {
        let length = body.len();
        Reply::Answer(format!(
            "HTTP/1.1 {status}\r\n{heads}Connection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        ))
    };
    if request.path.starts_with("/token") {
        return match request.authorization.as_deref() {
            Some(LOGIN) => answer("200 OK", "", r#"{"token": "granted"}"#),
            _ => answer("401 Unauthorized", "", r#"{"details": "incorrect username or password"}"#),
        };
    }
    if request.authorization.as_deref() == Some("Bearer granted") {
        return Reply::Forward;
    }
    let realm = format!("realm=\"http://{}/token\",service=\"tests\"", request.host);
    answer("401 Unauthorized", &format!("WWW-Authenticate: Bearer {realm}\r\n"), "")
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_come_in_pages() {
    let pages = |request: &Request| {
        let (from, to) = match request.path.rsplit_once("last=t") {
            Some((_, last)) => (last.parse::<usize>().unwrap() + 1, 2500),
            None => (0, 2500),
        };
        let tags: Vec<_> = (from..to.min(from + 1000)).map(|number| format!("\"t{number:05}\"")).collect();
        let body = format!(r#"{{"name": "many", "tags": [{}]}}"#, tags.join(","));
        let body = if request.path == "/v2/" { String::new() } else { body };
        let length = body.len();
        Reply::Answer(format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"))
    };
    let front = Front::start("nowhere", pages);
    let access = RegistryAccess::anonymous().transport(Transport::PlainHttp);
    let registry = Registry::new(&front.address(), access).unwrap();
    let tags = registry.tags("many").await.unwrap();
    assert_eq!(tags.len(), 2500);
    assert_eq!(tags[2499], "t02499");
    let three = registry.tags_after("many", Some("t02496"), 10).await.unwrap();
    assert_eq!(three, ["t02497", "t02498", "t02499"]);
}
