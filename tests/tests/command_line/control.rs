//! A second terminal: `cancel`, `approve` and `reject` of what another process works on, and of what nobody works on.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::program::{Place, Running, processes};

const SIGN_OFF: &str = "name: p
stages: [{name: S, tasks: [{name: sign-off, approve: {message: 'Ship?'}}, {name: ship, script: 'echo shipped'}]}]
finally: [{name: tidy, script: 'echo \"it was $WINDLASS_STATUS\"'}]
";

/// A run that has come to its approval.
fn waiting(place: &Place, options: &[&str]) -> Running {
    let run = place.start(&[&["run", "ci.yaml", "--json"], options].concat());
    run.out.wait_for("approvalRequested");
    run
}

/// A run whose step sleeps; the number finds it among all processes.
fn sleeping(place: &Place, number: u32) -> Running {
    let script = format!("echo up; sleep {number}");
    place.write(
        "ci.yaml",
        format!(
            "name: slow\nstages: [{{name: S, tasks: [{{name: a, grace: 300ms, script: '{script}'}}]}}]\n\
             finally: [{{name: tidy, script: 'echo \"it was $WINDLASS_STATUS\"'}}]\n"
        ),
    );
    let run = place.start(&["run", "ci.yaml"]);
    run.out.wait_for("a | up");
    run
}

fn killed(run: Running) {
    run.signal(Signal::SIGKILL);
    run.end();
}

fn event<'a>(events: &'a [Value], kind: &str) -> &'a Value {
    events.iter().find(|event| event["type"] == kind).unwrap_or_else(|| panic!("there is no {kind}"))
}

fn events(place: &Place) -> Vec<Value> {
    place.run(&["show", "latest", "--events", "--json"]).expect(0).events()
}

fn status(place: &Place) -> Value {
    place.run(&["show", "latest", "--json"]).expect(0).events()[0]["status"].clone()
}

#[test]
fn approved_from_a_second_terminal() {
    let place = Place::with(SIGN_OFF);
    let run = waiting(&place, &[]);
    let said = place.run(&["approve", "latest", "sign-off", "--as", "ana", "--reason", "looks good"]).expect(0);
    assert_eq!((said.text().as_str(), said.err.as_str()), ("p#1: sign-off approved by ana\n", ""));
    let said = run.end().expect(0);
    let decided = &event(&said.events(), "approvalDecided").clone();
    assert_eq!((&decided["by"], &decided["reason"]), (&"ana".into(), &"looks good".into()));
    assert_eq!(place.run(&["logs", "latest", "ship"]).expect(0).text(), "shipped\n");
}

#[test]
fn rejected_from_a_second_terminal() {
    let place = Place::with(SIGN_OFF);
    let run = waiting(&place, &[]);
    let said = place.run(&["reject", "p#1", "sign-off", "--as", "ana", "--reason", "not today", "--json"]).expect(0);
    let value = &said.events()[0];
    assert_eq!((&value["decision"], &value["by"], &value["goesOn"]), (&"rejected".into(), &"ana".into(), &true.into()));
    run.end().expect(1);
    assert!(place.run(&["show", "latest"]).expect(0).text().contains("not today"));
}

#[test]
fn cancelled_from_a_second_terminal() {
    let place = Place::new();
    let run = sleeping(&place, 9_201);
    let said = place.run(&["cancel", "latest", "--as", "ana", "--reason", "wrong branch"]).expect(0);
    assert!(said.text().starts_with("slow#1 is being cancelled; `windlass show "), "{}", said.text());
    let said = run.end().expect(130);
    assert!(said.text().contains("tidy | it was cancelled"), "{}", said.text());
    assert_eq!(processes("sleep 9201"), Vec::<String>::new());
    let events = events(&place);
    let wanted = event(&events, "cancelRequested");
    assert_eq!((&wanted["by"], &wanted["reason"]), (&"ana".into(), &"wrong branch".into()));
}

#[test]
fn who_cancels_need_not_say_who_it_is() {
    let place = Place::new();
    let run = sleeping(&place, 9_202);
    place.run(&["cancel", "latest"]).expect(0);
    run.end().expect(130);
    let user = nix::unistd::User::from_uid(nix::unistd::geteuid()).unwrap().unwrap().name;
    assert_eq!(event(&events(&place), "cancelRequested")["by"], user);
}

#[test]
fn names_that_name_nothing() {
    let place = Place::with(SIGN_OFF);
    place.run(&["cancel", "latest"]).expect(3);
    let run = waiting(&place, &[]);
    for args in [
        &["cancel", "p#7"][..],
        &["approve", "p#7", "sign-off", "--as", "ana"],
        &["approve", "latest", "nobody", "--as", "ana"],
        &["approve", "latest", "ship", "--as", "ana"],
        &["approve", "latest", "sign-off"],
    ] {
        let said = place.run(args).expect(2);
        assert!(said.text().is_empty() && !said.err.is_empty(), "{args:?}: {}", said.err);
    }
    place.run(&["approve", "latest", "sign-off", "--as", "ana"]).expect(0);
    run.end().expect(0);
    let said = place.run(&["cancel", "latest"]).expect(2);
    assert!(said.err.contains("has ended already"), "{}", said.err);
}

#[test]
fn approved_while_nobody_works_on_it() {
    let place = Place::with(SIGN_OFF);
    killed(waiting(&place, &[]));
    let said = place.run(&["approve", "latest", "sign-off", "--as", "ana", "--reason", "fine"]).expect(0);
    assert_eq!(said.text(), "p#1: sign-off approved by ana\n");
    assert!(said.err.contains("`windlass attach "), "{}", said.err);
    assert_eq!(status(&place), "running", "nothing goes on by itself");
    let again = place.run(&["approve", "latest", "sign-off", "--as", "bob"]).expect(2);
    assert!(again.err.contains("does not wait for an approval"), "{}", again.err);
    place.run(&["attach"]).expect(0);
    assert_eq!(event(&events(&place), "approvalDecided")["by"], "ana");
    assert_eq!(place.run(&["logs", "latest", "ship"]).expect(0).text(), "shipped\n");
}

#[test]
fn approved_and_gone_on_with() {
    let place = Place::with(SIGN_OFF);
    killed(waiting(&place, &[]));
    let said = place.run(&["approve", "latest", "sign-off", "--as", "ana", "--attach"]).expect(0);
    assert!(said.text().contains("ship | shipped"), "{}", said.text());
}

#[test]
fn rejected_while_nobody_works_on_it() {
    let place = Place::with(SIGN_OFF);
    killed(waiting(&place, &[]));
    place.run(&["reject", "latest", "sign-off", "--as", "ana"]).expect(0);
    let said = place.run(&["attach"]).expect(1);
    assert!(said.text().contains("tidy | it was failed"), "{}", said.text());
}

#[test]
fn cancelled_while_nobody_works_on_it() {
    let place = Place::new();
    killed(sleeping(&place, 9_203));
    let said = place.run(&["cancel", "latest", "--json"]).expect(0);
    assert_eq!(said.events()[0]["status"], "cancelled");
    assert!(said.err.contains("no engine works on it"), "{}", said.err);
    assert_eq!(processes("sleep 9203"), Vec::<String>::new());
    assert_eq!(place.run(&["logs", "latest", "tidy"]).expect(0).text(), "it was cancelled\n");
    assert!(place.run(&["attach"]).expect(0).err.contains("nothing is unfinished"));
}

#[test]
fn the_socket_of_a_killed_process_is_replaced() {
    let place = Place::with(SIGN_OFF);
    killed(waiting(&place, &[]));
    assert!(place.data_dir().join("control.sock").exists(), "it was left");
    let run = place.start(&["attach", "--json"]);
    run.out.wait_for("engineRecovered");
    let said = place.run(&["approve", "latest", "sign-off", "--as", "ana"]).expect(0);
    assert_eq!(said.err, "");
    run.end().expect(0);
    assert!(!place.data_dir().join("control.sock").exists());
}

#[test]
fn garbage_on_the_socket_harms_nobody() {
    let place = Place::with(SIGN_OFF);
    let run = waiting(&place, &[]);
    let socket = place.data_dir().join("control.sock");
    let silent = UnixStream::connect(&socket).unwrap();
    let mut client = UnixStream::connect(&socket).unwrap();
    client.write_all(b"\xff\x00 garbage\n").unwrap();
    let mut line = String::new();
    BufReader::new(&client).read_line(&mut line).unwrap();
    assert!(line.contains("\"badRequest\""), "{line}");
    let mut endless = UnixStream::connect(&socket).unwrap();
    while endless.write_all(&[b'x'; 65536]).is_ok() {}
    place.run(&["approve", "latest", "sign-off", "--as", "ana"]).expect(0);
    run.end().expect(0);
    drop(silent);
}

#[test]
fn a_data_directory_with_a_long_path() {
    let place = Place::with(SIGN_OFF);
    let long = format!("{}/{}", "d".repeat(100), "e".repeat(100));
    let run = waiting(&place, &["--data-dir", &long]);
    place.run(&["approve", "latest", "sign-off", "--as", "ana", "--data-dir", &long]).expect(0);
    let said = run.end().expect(0);
    assert_eq!(said.err, "");
}

/// Another user is told whose engine it is, even where the files would let that user in.
#[test]
fn the_engine_of_another_user() {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;
    let place = Place::with(SIGN_OFF);
    let run = waiting(&place, &[]);
    let open = |path: std::path::PathBuf, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    open(place.path().to_path_buf(), 0o755);
    open(place.data_dir(), 0o755);
    open(place.data_dir().join("control.sock"), 0o666);
    // `doctor` says it without reading the database first.
    match place.command(&["doctor"]).uid(65_534).gid(65_534).output() {
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(text.contains("belongs to another user"), "{text}");
            assert_eq!(output.status.code(), Some(3));
        }
        Err(error) => eprintln!("skipped: no process of another user can be started: {error}"),
    }
    place.run(&["approve", "latest", "sign-off", "--as", "ana"]).expect(0);
    run.end().expect(0);
}
