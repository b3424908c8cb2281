//! The engine's process is stopped by a signal and goes on later, while its steps did not stop.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::program::{Place, Running, wait_until};

/// How long the step may take. Long enough that it has begun to wait before the engine stops, however busy the machine is.
const TIMEOUT: Duration = Duration::from_secs(8);

/// A run whose step says `up`, and goes on to its end once the file `go` is there.
fn waiting_step(place: &Place) -> Running {
    let flags = place.path().display();
    place.write(
        "ci.yaml",
        format!(
            "name: p\nstages:\n- name: S\n  tasks:\n  - name: a\n    timeout: {}s\n    script: |\n      echo up\n      \
             until [ -e '{flags}/go' ]; do sleep 0.05; done\n      for i in 1 2 3; do echo \"line $i\"; done\n      \
             touch '{flags}/done'\n",
            TIMEOUT.as_secs()
        ),
    );
    let run = place.start(&["run", "ci.yaml", "--json"]);
    run.out.wait_for("\"text\":\"up");
    run
}

/// Waits until the step's time is over in the world outside the process.
fn until_overdue(since: Instant) {
    wait_until("the step's time is over", || since.elapsed() > TIMEOUT + Duration::from_secs(1));
}

#[expect(clippy::disallowed_methods, reason = "the time of another process cannot be given to it")]
fn now() -> Instant {
    Instant::now()
}

fn finished(events: &[Value]) -> &Value {
    events.iter().find(|event| event["type"] == "taskFinished").unwrap()
}

#[test]
fn a_step_that_ended_in_time_while_the_engine_stood_still_has_succeeded_and_its_log_is_whole() {
    let place = Place::new();
    let run = waiting_step(&place);
    let up = now();
    run.signal(Signal::SIGSTOP);
    place.write("go", "");
    wait_until("the step has ended", || place.path().join("done").exists());
    until_overdue(up);
    run.signal(Signal::SIGCONT);
    let events = run.end().expect(0).events();
    assert_eq!(finished(&events)["state"], "succeeded");
    let log: String = events.iter().filter_map(|event| event["text"].as_str()).collect();
    assert_eq!(log, "up\nline 1\nline 2\nline 3\n");
}

#[test]
fn a_step_that_went_on_for_too_long_while_the_engine_stood_still_has_timed_out() {
    let place = Place::new();
    let run = waiting_step(&place);
    let up = now();
    run.signal(Signal::SIGSTOP);
    until_overdue(up);
    run.signal(Signal::SIGCONT);
    let events = run.end().expect(1).events();
    assert_eq!(finished(&events)["state"], "timedOut");
    assert!(!place.path().join("done").exists());
}
