//! Clusters that are reached through a proxy.

use std::process::Command;

use serde_json::{Value, json};
use windlass_tests::proxy::Proxy;

use crate::desk::{Desk, PROGRAM};

const PIPELINE: &str = "name: far
executor: far
stages: [{name: S, tasks: [{name: hello, image: \"IMAGES/busybox:2\", shell: sh, script: echo through the tunnel}]}]
";

#[test]
fn the_proxy_of_a_kubeconfig_carries_requests_and_runs() {
    let (desk, proxy) = (Desk::new("proxy"), Proxy::open());
    let mut config: Value = serde_json::from_str(&std::fs::read_to_string(desk.path("kubeconfig")).unwrap()).unwrap();
    config["clusters"][0]["cluster"]["proxy-url"] = json!(format!("http://ana:s%40same@{}", proxy.address()));
    let kubeconfig = desk.file("proxied", &config.to_string());
    let added = desk.add("far", &["--kubeconfig", &kubeconfig]);
    assert!(added.contains("healthy"), "{added}");
    let pipeline = desk.file("windlass.yaml", PIPELINE);
    let run = desk.fine(&["run", &pipeline]);
    assert!(run.contains("through the tunnel"), "{run}");
    let asked = proxy.asked();
    // The exec connection of the run's pod is one more than those of the requests.
    assert!(asked.len() >= 3, "{asked:?}");
    let server = desk.server.trim_start_matches("https://");
    assert!(asked.iter().all(|asked| asked.target == server), "{asked:?}");
    // ana:s@same
    assert!(asked.iter().all(|asked| asked.authorization.as_deref() == Some("Basic YW5hOnNAc2FtZQ==")), "{asked:?}");
}

#[test]
fn a_proxy_that_does_not_answer_is_named_without_its_password() {
    let desk = Desk::new("proxyless");
    let mut config: Value = serde_json::from_str(&std::fs::read_to_string(desk.path("kubeconfig")).unwrap()).unwrap();
    config["clusters"][0]["cluster"]["proxy-url"] = json!("http://ana:sesame@127.0.0.1:9");
    let kubeconfig = desk.file("proxied", &config.to_string());
    let text = desk.refused(3, &["cluster", "add", "far", "--kubeconfig", &kubeconfig]);
    assert!(text.contains("The proxy on the way does not answer") && !text.contains("sesame"), "{text}");
}

/// The cluster of the tests is on this machine, to which no proxy of the environment leads; so this one is asked for by a name
/// that only the proxy can reach.
#[test]
fn the_proxy_of_the_environment_counts_unless_the_server_is_excepted() {
    let (desk, proxy) = (Desk::new("environment"), Proxy::open());
    let ask = |except: &str| {
        let add = ["cluster", "add", "far", "--server", "https://api.nowhere.invalid:6443", "--credential", "token"];
        let mut command = Command::new(PROGRAM);
        command.args(add).arg("--data-dir").arg(desk.data());
        command.env("HTTPS_PROXY", format!("http://{}", proxy.address())).env("NO_PROXY", except);
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(3), "{output:?}");
    };
    std::fs::write(desk.path("token"), "sesame").unwrap();
    desk.fine(&["secret", "set", "token", "--kind", "token", "--from", &desk.path("token")]);
    ask(".nowhere.invalid");
    assert_eq!(proxy.asked(), []);
    ask("elsewhere.invalid");
    assert!(proxy.asked().iter().any(|asked| asked.target == "api.nowhere.invalid:6443"), "{:?}", proxy.asked());
}
