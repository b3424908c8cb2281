//! The proxy before a cluster.

use crate::cluster::proxy::{Environment, proxy_of};

fn environment(variables: &[(&str, &str)]) -> Environment {
    let find = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    Environment::of(find)
}

/// The proxy before `server`, as text.
fn proxy(server: &str, own: Option<&str>, variables: &[(&str, &str)]) -> Option<String> {
    let found = proxy_of(&server.parse().unwrap(), own, &environment(variables)).unwrap();
    found.map(|proxy| proxy.to_string())
}

const SERVER: &str = "https://api.shop.example:6443/";

#[test]
fn without_a_word_there_is_none() {
    assert_eq!(proxy(SERVER, None, &[]), None);
    assert_eq!(proxy(SERVER, Some(""), &[("HTTPS_PROXY", " ")]), None);
    assert_eq!(proxy(SERVER, None, &[("HTTP_PROXY", "http://p:1")]), None);
}

#[test]
fn that_of_the_kubeconfig_goes_before_that_of_the_environment_and_has_no_exceptions() {
    let variables = [("HTTPS_PROXY", "http://env:1"), ("NO_PROXY", "*")];
    assert_eq!(proxy(SERVER, Some("socks5://own:2"), &variables).as_deref(), Some("socks5://own:2/"));
    assert_eq!(proxy(SERVER, None, &variables[..1]).as_deref(), Some("http://env:1/"));
}

#[test]
fn names_in_capitals_go_first_and_a_protocol_may_be_missing() {
    let variables = [("https_proxy", "small:1"), ("HTTPS_PROXY", "user:pass@large:2"), ("ALL_PROXY", "all:3")];
    assert_eq!(proxy(SERVER, None, &variables).as_deref(), Some("http://user:pass@large:2/"));
    assert_eq!(proxy(SERVER, None, &variables[..1]).as_deref(), Some("http://small:1/"));
    assert_eq!(proxy(SERVER, None, &variables[2..]).as_deref(), Some("http://all:3/"));
    assert_eq!(proxy(SERVER, None, &[("ALL_PROXY", "socks5h://all:3")]).as_deref(), Some("socks5://all:3/"));
}

#[test]
fn exceptions_are_held_against_the_server_and_not_against_the_proxy() {
    let with = |except| proxy(SERVER, None, &[("HTTPS_PROXY", "http://proxy.example:1"), ("NO_PROXY", except)]);
    for except in ["*", "api.shop.example", ".shop.example", "other, shop.example"] {
        assert_eq!(with(except), None, "{except}");
    }
    for except in ["", "proxy.example", "other.example", "hop.example"] {
        assert!(with(except).is_some(), "{except}");
    }
    let network = [("HTTPS_PROXY", "http://p:1"), ("no_proxy", "10.0.0.0/8")];
    assert_eq!(proxy("https://10.1.2.3:6443", None, &network), None);
    assert!(proxy("https://11.1.2.3:6443", None, &network).is_some());
}

#[test]
fn this_machine_is_reached_without_one() {
    for server in ["https://localhost:6443", "https://127.0.0.1:1", "https://[::1]:1", "https://127.9.9.9"] {
        assert_eq!(proxy(server, None, &[("HTTPS_PROXY", "http://p:1")]), None, "{server}");
        assert!(proxy(server, Some("http://own:1"), &[]).is_some(), "{server}");
    }
}

#[test]
fn what_is_no_proxy_is_refused_without_its_password() {
    for text in ["ftp://user:sesame@p:1", "http://", "http://user:sesame@p:port", "socks4://p:1", "a b"] {
        for (own, variables) in [(Some(text), vec![]), (None, vec![("HTTPS_PROXY", text)])] {
            let failure = proxy_of(&SERVER.parse().unwrap(), own, &environment(&variables)).unwrap_err();
            let said = failure.to_string();
            assert!(said.contains("proxy") && !said.contains("sesame"), "{text}: {said}");
        }
    }
}
