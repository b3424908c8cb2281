use proptest::prelude::*;

use super::url::Place;
use super::*;

fn shown(text: &str) -> String {
    RemoteUrl::parse(text).unwrap_or_else(|error| panic!("{error}")).to_string()
}

#[test]
fn addresses_that_people_write() {
    for (text, shows) in [
        ("https://example.com/team/web.git", "https://example.com/team/web.git"),
        ("https://ana@example.com/team/web.git/", "https://example.com/team/web.git"),
        ("HTTP://Example.com:8080/web", "http://example.com:8080/web"),
        ("git@example.com:team/web.git", "git@example.com:team/web.git"),
        ("example.com:web", "example.com:web"),
        ("ssh://git@example.com:2222/srv/web.git", "ssh://git@example.com:2222/srv/web.git"),
        ("ssh://git@example.com/~ana/web", "ssh://git@example.com/~ana/web"),
        ("/srv/git/web.git", "/srv/git/web.git"),
        ("file:///srv/git/my%20web.git", "/srv/git/my web.git"),
    ] {
        assert_eq!(shown(text), shows, "{text}");
        let again = RemoteUrl::parse(shows).unwrap();
        assert_eq!(again.to_string(), shows, "what is shown means the same");
    }
}

#[test]
fn addresses_that_could_become_something_else_are_refused() {
    for text in [
        "",
        "-uhttps://example.com",
        "--upload-pack=touch x",
        "ext::sh -c touch% x",
        "fd::17",
        "https://example.com/a\nb",
        "https://example.com/a\0b",
        " https://example.com/a",
        "ftp://example.com/a",
        "git://example.com/a",
        "relative/path",
        "../up",
        "ssh://-oProxyCommand=touch/x",
        "ssh://git@-oProxyCommand=x/y",
        "-oProxyCommand=x@example.com:y",
        "git@example.com:-x",
        "git@exa mple.com:x",
        "git@$(touch x):y",
        "https://ana:secret@example.com/web",
        "https://example.com/web?x=y",
        "ssh://git@example.com",
        "file://host/path/%00",
    ] {
        let error = RemoteUrl::parse(text).unwrap_err();
        assert!(matches!(error, SourceError::BadUrl { .. }), "{text:?}: {error}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}

#[test]
fn a_path_over_ssh_is_what_was_written() {
    let path = |text: &str| match RemoteUrl::parse(text).unwrap().place() {
        Place::Ssh { path, .. } => path.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(path("git@host:a b/it's.git"), "a b/it's.git");
    assert_eq!(path("ssh://git@host/a%20b.git"), "/a b.git");
    assert_eq!(path("ssh://git@host/~ana/web"), "~ana/web");
}

#[test]
fn names_of_branches_and_commits() {
    let named = |name: &str| RefName::Named(name.to_owned());
    assert_eq!(RefName::parse("release/1.x").unwrap(), named("release/1.x"));
    // A name that a shell would run is only a name: nothing here is a shell.
    assert_eq!(RefName::parse("$(touch${IFS}x)").unwrap(), named("$(touch${IFS}x)"));
    assert_eq!(RefName::parse("pull/7").unwrap(), RefName::Full("refs/pull/7/head".to_owned()));
    assert_eq!(RefName::parse("merge-requests/12").unwrap(), RefName::Full("refs/merge-requests/12/head".to_owned()));
    assert!(matches!(RefName::parse(&"a1".repeat(20)).unwrap(), RefName::Commit(_)));
    for wrong in
        ["", "-x", "--upload-pack=x", "a b", "a..b", "a~1", "a^", "a:b", "a*", "a\nb", "a.lock", "/a", "refs/", "a@{1}"]
    {
        let parsed = RefName::parse(wrong);
        assert!(matches!(parsed, Err(SourceError::BadRef { .. })), "{wrong:?}: {parsed:?}");
    }
}

#[test]
fn an_address_of_a_submodule_is_one_of_its_own_or_relative_to_its_parent() {
    let of =
        |parent: &str, text: &str| RemoteUrl::parse(parent).unwrap().submodule(text).map(|found| found.to_string());
    for (parent, text, found) in [
        ("https://example.com/team/web.git", "../lib.git", "https://example.com/team/lib.git"),
        ("https://example.com/team/web.git", "../../other/lib", "https://example.com/other/lib"),
        ("git@example.com:team/web.git", "../lib.git", "git@example.com:team/lib.git"),
        ("git@example.com:web.git", "../lib.git", "git@example.com:lib.git"),
        ("ssh://git@example.com:2222/srv/web.git", "./lib", "ssh://git@example.com:2222/srv/web.git/lib"),
        ("/srv/git/web.git", "../lib.git", "/srv/git/lib.git"),
        ("/srv/git/web.git", "/srv/other.git", "/srv/other.git"),
        ("https://example.com/web", "https://else.example.com/lib", "https://else.example.com/lib"),
    ] {
        assert_eq!(of(parent, text).unwrap(), found, "{text} of {parent}");
    }
    for (parent, text) in [
        ("https://example.com/web", "/etc"),
        ("https://example.com/web", "file:///etc"),
        ("git@example.com:web", "/etc"),
        ("https://example.com/web", "../../../../lib"),
        ("https://example.com/web", "../a\nb"),
        ("git@example.com:web", "../-x"),
        ("https://example.com/web", "ext::sh -c x"),
    ] {
        assert!(of(parent, text).is_err(), "{text:?} of {parent}");
    }
}

#[test]
fn a_credential_is_for_one_host() {
    let url = |text: &str| RemoteUrl::parse(text).unwrap();
    let same = |one: &str, other: &str| url(one).has_host_of(&url(other));
    assert!(same("https://example.com/a", "https://example.com/b"));
    assert!(same("git@example.com:a", "ssh://ana@example.com/b"));
    assert!(!same("https://example.com/a", "http://example.com/a"), "in clear");
    assert!(!same("https://example.com/a", "https://example.com:8443/a"));
    assert!(!same("https://example.com/a", "https://example.com.evil.org/a"));
    assert!(!same("git@example.com:a", "ssh://git@example.com:2222/a"));
}

proptest! {
    #[test]
    fn any_text_is_an_address_or_none(text in "\\PC{0,60}") {
        if let Ok(url) = RemoteUrl::parse(&text) {
            let shown = url.to_string();
            prop_assert!(!shown.starts_with('-'), "{}", shown);
            prop_assert!(!shown.chars().any(char::is_control));
        }
        drop(RefName::parse(&text));
    }
}
