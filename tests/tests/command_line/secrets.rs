//! `windlass secret`, and secrets of a run.

use std::io::Write;
use std::process::Stdio;

use nix::sys::signal::Signal;
use windlass::testing::exposures;

use crate::program::{Place, Said};

const HOOK: &str = "https://chat.example/hooks/8f3a$'x";

const USES: &str = "name: p
stages: [{name: S, tasks: [{name: t, script: 'echo \"got $HOOK\"; cat \"$KEY\"', secrets: [{name: HOOK, from: hook}, {name: KEY, from: hook, as: file}]}]}]
";

/// Runs a command with something on its standard input.
fn fed(place: &Place, args: &[&str], input: &str) -> Said {
    let mut command = place.command(args);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap().into()
}

#[track_caller]
fn keeps_it_secret(place: &Place) {
    assert_eq!(exposures(&place.data_dir(), HOOK).unwrap(), []);
}

#[test]
fn set_before_the_first_run_listed_used_and_removed() {
    let place = Place::with(USES);
    let said = fed(&place, &["secret", "set", "hook", "--as", "ana"], &format!("{HOOK}\n")).expect(0);
    assert_eq!((said.text().as_str(), said.err.as_str()), ("hook is kept (opaque)\n", ""));
    place.write("token.txt", HOOK);
    let said = place.run(&["secret", "set", "hook", "--kind", "token", "--from", "token.txt", "--as", "bob"]).expect(0);
    assert_eq!(said.text(), "hook has another value (token)\n");
    let listed = &place.run(&["secret", "list", "--json"]).expect(0).events()[0];
    assert_eq!(
        (&listed["name"], &listed["kind"], &listed["changedBy"]),
        (&"hook".into(), &"token".into(), &"bob".into())
    );
    assert!(place.run(&["secret", "list"]).expect(0).text().starts_with("hook  token "));
    let said = place.run(&["run", "ci.yaml"]).expect(0);
    assert!(!said.text().contains("8f3a"), "{}", said.text());
    assert_eq!(place.run(&["logs", "latest", "t"]).expect(0).text(), "got ***\n***");
    keeps_it_secret(&place);
    let said = place.run(&["secret", "rotate"]).expect(0);
    assert!(said.text().starts_with("1 credential sealed anew with the master key "), "{}", said.text());
    place.run(&["run", "ci.yaml"]).expect(0);
    assert_eq!(place.run(&["secret", "remove", "hook"]).expect(0).text(), "hook is removed\n");
    let said = place.run(&["run", "ci.yaml"]).expect(2);
    assert!(said.err.contains("\"hook\"") && said.err.contains("windlass secret set"), "{}", said.err);
    let said = place.run(&["secret", "remove", "hook"]).expect(2);
    assert!(said.err.contains("there is no credential \"hook\""), "{}", said.err);
    keeps_it_secret(&place);
}

#[test]
fn beside_an_engine_that_works_on_the_data_directory() {
    let place =
        Place::with("name: slow\nstages: [{name: S, tasks: [{name: a, grace: 300ms, script: 'echo up; sleep 1000'}]}]");
    let run = place.start(&["run", "ci.yaml"]);
    run.out.wait_for("a | up");
    fed(&place, &["secret", "set", "hook", "--kind", "token"], HOOK).expect(0);
    assert_eq!(place.run(&["secret", "list", "--json"]).expect(0).events().len(), 1);
    let said = place.run(&["secret", "test", "hook", "--git", "ext::sh"]).expect(2);
    assert!(said.err.contains("ext::sh") && !said.err.contains("8f3a"), "{}", said.err);
    let said = place.run(&["secret", "test", "hok", "--git", "https://host/x.git"]).expect(2);
    assert!(said.err.contains("\"hook\""), "{}", said.err);
    place.run(&["secret", "rotate"]).expect(0);
    place.run(&["secret", "remove", "hook"]).expect(0);
    run.signal(Signal::SIGINT);
    run.end().expect(130);
    keeps_it_secret(&place);
}

#[test]
fn a_secret_of_one_run_survives_the_process_and_not_the_run() {
    let place = Place::with(
        "name: p
stages: [{name: S, tasks: [{name: wait, script: 'echo up; while [ ! -e \"$GO\" ]; do sleep 0.05; done', env: {GO: $GO}}, {name: t, script: 'echo \"got $HOOK\"', secrets: [{name: HOOK, from: hook}]}]}]
parameters: [{name: GO, dynamic: true}]
",
    );
    place.write("hook.txt", format!("{HOOK}\n"));
    let go = place.path().join("go");
    let parameter = format!("GO={}", go.display());
    let run = place.start(&["run", "ci.yaml", "--secret", "hook=hook.txt", "--param", &parameter]);
    run.out.wait_for("wait | up");
    run.signal(Signal::SIGKILL);
    run.end();
    keeps_it_secret(&place);
    std::fs::write(&go, "").unwrap();
    place.run(&["attach"]).expect(0);
    assert_eq!(place.run(&["logs", "latest", "t"]).expect(0).text(), "got ***\n");
    keeps_it_secret(&place);
    let said = place.run(&["retry", "latest"]).expect(2);
    assert!(said.err.contains("for itself alone"), "{}", said.err);
}

#[test]
fn what_cannot_be_a_credential_is_refused() {
    let place = Place::with(USES);
    let refused = |args: &[&str], input: &str, words: &str| {
        let said = fed(&place, &[&["secret", "set"], args].concat(), input).expect(2);
        assert!(said.err.contains(words), "{args:?}: {}", said.err);
    };
    refused(&["a/b"], "value", "cannot be the name");
    refused(&["a"], "", "is empty");
    refused(&["a", "--kind", "registry", "--user", "u"], "password", "--server");
    refused(&["a", "--kind", "token", "--user", "u"], "token", "--user has no place");
    refused(&["a", "--kind", "sshKey"], "ssh-ed25519 AAAA", "private key");
    refused(&["a", "--from", "no-such-file"], "", "no-such-file");
    place.run(&["secret", "set", "a", "--value", "key"]).expect(2);
    place.run(&["secret", "test", "a"]).expect(2);
    let said = place.run(&["run", "ci.yaml", "--secret", "hook=no-such-file"]).expect(2);
    assert!(said.err.contains("no-such-file"), "{}", said.err);
    let said = fed(&place, &["secret", "set", "pin"], "123\n").expect(0);
    assert!(said.err.contains("3 characters") && !said.err.contains("123"), "{}", said.err);
}

#[test]
fn the_key_may_be_elsewhere() {
    let place = Place::with(USES);
    let key = place.path().join("key");
    let with_key = |args: &[&str]| {
        let mut command = place.command(args);
        let command = command.env("WINDLASS_MASTER_KEY_FILE", &key);
        Said::from(command.output().unwrap())
    };
    place.write("hook.txt", HOOK);
    with_key(&["secret", "set", "hook", "--from", "hook.txt"]).expect(0);
    assert!(key.exists() && !place.data_dir().join("master.key").exists());
    let said = place.run(&["run", "ci.yaml"]).expect(3);
    assert!(said.err.contains("no master key") && said.err.contains("master.key"), "{}", said.err);
    with_key(&["run", "ci.yaml"]).expect(0);
    keeps_it_secret(&place);
}
