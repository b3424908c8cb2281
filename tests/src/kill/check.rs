//! What was seen against what must be. Pure: an [`Observation`] can also come from a file or a test.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use base64::Engine as _;
use serde_json::Value;

use super::scenario::{AGAIN, ExpectedAttempt, ExpectedLog, ExpectedTask, Scenario, witness_name};

/// What no kill may break.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Invariant {
    /// Every line of every step is there once, in order; of an action, once for each call.
    EveryLineOnce,
    /// Every step is started once. An action may be called again by each engine that finds it unfinished.
    EveryStepOnce,
    /// No process of the run is left.
    NoProcessLeft,
    /// No file of the workspace or of a step is left, what a failed run keeps apart.
    NoFileLeft,
    /// The workspace of a failed run is there as the run left it.
    WorkspaceKept,
    /// Events are numbered without gaps or doubles, and the end of each task is told once.
    EventsAddUp,
    /// What a killed process has shown is still so afterwards.
    ShownIsDurable,
    /// The run and its tasks end as the definition says.
    EndsAsDefined,
    /// An artifact is whole or absent, a cache is whole or absent, and nothing else is stored.
    FiledWhole,
}

/// An invariant that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which one.
    pub invariant: Invariant,
    /// What was seen, and what had to be.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.invariant, self.what)
    }
}

/// Everything that was seen of one run from outside.
#[derive(Clone, Debug, Default)]
pub struct Observation {
    /// The ids of the runs that the data directory lists. None when the process died before the run was durable.
    pub runs: Vec<String>,
    /// The state that the listing shows for the run.
    pub state: String,
    /// The exit code of the process that saw the end; `None` when no process was there for it.
    pub exit_code: Option<i32>,
    /// The events, read again at the end.
    pub events: Vec<Value>,
    /// The events that each process printed while it lived.
    pub shown: Vec<Vec<Value>>,
    /// What `windlass logs RUN TASK --attempt N` prints, by task and attempt.
    pub logs: BTreeMap<(String, u64), Vec<u8>>,
    /// The lines of the witness file.
    pub witness: Vec<String>,
    /// What one more `attach` shows, which must find nothing to take up.
    pub taken_up_again: Vec<Value>,
    /// Processes that are still there.
    pub processes: Vec<String>,
    /// Files that are still there.
    pub files: Vec<String>,
    /// The artifacts that `windlass artifacts` lists.
    pub artifacts: Vec<String>,
    /// What is wrong with the artifacts as they come back.
    pub broken: Vec<String>,
    /// The files of caches, artifacts and reports.
    pub blobs: Vec<String>,
}

/// Everything in the observation that must not be.
pub fn check(scenario: &Scenario, seen: &Observation) -> Vec<Violation> {
    let mut found = Findings::default();
    left_behind(scenario, seen, &mut found);
    match seen.runs.as_slice() {
        [] => never_durable(seen, &mut found),
        [_] if cancelled_before_its_start(scenario, seen) => never_started(seen, &mut found),
        [_] => {
            ends(scenario, seen, &mut found);
            events_add_up(scenario, seen, &mut found);
            shown_is_durable(seen, &mut found);
            steps_once(scenario, seen, &mut found);
            lines_once(scenario, seen, &mut found);
            filed_whole(scenario, seen, &mut found);
        }
        several => found.add(Invariant::EventsAddUp, format!("one run was started, and {} are listed", several.len())),
    }
    found.0
}

#[derive(Default)]
struct Findings(Vec<Violation>);

impl Findings {
    fn add(&mut self, invariant: Invariant, what: impl Into<String>) {
        self.0.push(Violation { invariant, what: what.into() });
    }
}

fn left_behind(scenario: &Scenario, seen: &Observation, found: &mut Findings) {
    for process in &seen.processes {
        found.add(Invariant::NoProcessLeft, format!("still there: {process}"));
    }
    let kept = match (scenario.kept, seen.runs.as_slice()) {
        (Some(file), [run]) if seen.state == "failed" => Some(format!("executors/local/{run}/workspace-1/{file}")),
        _ => None,
    };
    for file in seen.files.iter().filter(|file| kept.as_ref() != Some(file)) {
        found.add(Invariant::NoFileLeft, format!("still there: {file}"));
    }
    if let Some(kept) = kept.filter(|kept| !seen.files.contains(kept)) {
        found.add(Invariant::WorkspaceKept, format!("not there: {kept}"));
    }
}

/// A run that nobody was told of may not have done anything.
fn never_durable(seen: &Observation, found: &mut Findings) {
    for line in &seen.witness {
        found.add(Invariant::EveryStepOnce, format!("no run is listed, and yet a step said {line:?}"));
    }
    for event in seen.shown.iter().flatten() {
        found.add(Invariant::ShownIsDurable, format!("no run is listed, and yet this was shown: {event}"));
    }
}

/// On a busy machine a Ctrl-C can come while the run still waits for its turn.
fn cancelled_before_its_start(scenario: &Scenario, seen: &Observation) -> bool {
    let started = seen.events.iter().any(|event| event["type"] == "runStarted");
    scenario.name.is_cancelled() && seen.state == "cancelled" && !started
}

/// Such a run does nothing at all.
fn never_started(seen: &Observation, found: &mut Findings) {
    shown_is_durable(seen, found);
    for line in &seen.witness {
        found.add(Invariant::EveryStepOnce, format!("the run never started, and yet a step said {line:?}"));
    }
    for event in seen.events.iter().filter(|event| event["type"] == "attemptStarted") {
        found.add(Invariant::EventsAddUp, format!("the run never started, and yet there is {event}"));
    }
    for blob in &seen.blobs {
        found.add(Invariant::FiledWhole, format!("the run never started, and yet there is {blob}"));
    }
}

fn ends(scenario: &Scenario, seen: &Observation, found: &mut Findings) {
    match scenario.ends.iter().find(|(state, _)| *state == seen.state) {
        None => {
            let what = format!("the run is listed as {:?} and must end as one of {:?}", seen.state, scenario.ends);
            found.add(Invariant::EndsAsDefined, what);
        }
        Some((state, code)) => {
            if let Some(other) = seen.exit_code.filter(|other| other != code) {
                let what = format!("exit code {other} instead of {code} for a run that is {state}");
                found.add(Invariant::EndsAsDefined, what);
            }
        }
    }
    for (name, task) in &scenario.tasks {
        let ends: Vec<&Value> = of_type(&seen.events, "taskFinished").filter(|event| event["task"] == **name).collect();
        match ends.as_slice() {
            [end] if task.states.iter().any(|state| end["state"] == **state) => {}
            [end] => {
                let (state, cause) = (&end["state"], &end["cause"]);
                let what = format!("task {name} ended as {state} and must end as one of {:?}: {cause}", task.states);
                found.add(Invariant::EndsAsDefined, what);
            }
            ends => found.add(Invariant::EventsAddUp, format!("task {name} has {} ends", ends.len())),
        }
    }
}

/// Two numbers are never shown: that of the ready workspace, and that of the very last event, which frees everything.
const HIDDEN: u64 = 1;

fn events_add_up(scenario: &Scenario, seen: &Observation, found: &mut Findings) {
    let numbers: Vec<u64> = seen.events.iter().filter_map(|event| event["seq"].as_u64()).collect();
    if let Some(pair) = numbers.windows(2).find(|pair| pair[0] >= pair[1]) {
        found.add(Invariant::EventsAddUp, format!("event {} is followed by event {}", pair[0], pair[1]));
    }
    let gaps = numbers.last().map_or(0, |last| last.saturating_sub(numbers.len() as u64));
    if numbers.first() != Some(&1) || gaps > HIDDEN {
        found.add(Invariant::EventsAddUp, format!("{gaps} numbers of events are missing up to {:?}", numbers.last()));
    }
    for kind in ["runQueued", "runStarted", "runFinished"] {
        let count = of_type(&seen.events, kind).count();
        if count != 1 {
            found.add(Invariant::EventsAddUp, format!("{kind} is told {count} times"));
        }
    }
    // An engine that takes up a run which has ended, only to free what it held, may say so.
    let after = seen.events.iter().skip_while(|event| event["type"] != "runFinished").skip(1);
    for event in after.filter(|event| event["type"] != "engineRecovered") {
        found.add(Invariant::EventsAddUp, format!("after the run's end comes {event}"));
    }
    if let Some(event) = seen.taken_up_again.first() {
        found.add(Invariant::EventsAddUp, format!("the run is over, and is taken up again: {event}"));
    }
    for (name, task) in &scenario.tasks {
        attempts_add_up(name, task, seen, found);
    }
}

fn attempts_add_up(name: &str, task: &ExpectedTask, seen: &Observation, found: &mut Findings) {
    for kind in ["attemptStarted", "attemptFinished"] {
        let of_task = of_type(&seen.events, kind).filter(|event| event["task"] == *name);
        let told: Vec<u64> = of_task.filter_map(|event| event["attempt"].as_u64()).collect();
        let wanted: Vec<u64> = (1..=task.attempts.len() as u64).collect();
        let right = if task.all_attempts { told == wanted } else { wanted.starts_with(&told) };
        if !right {
            found
                .add(Invariant::EventsAddUp, format!("{kind} of {name} is told for attempts {told:?}, not {wanted:?}"));
        }
    }
}

/// Whatever a process has printed was committed before, so that it never changes.
fn shown_is_durable(seen: &Observation, found: &mut Findings) {
    let stored: BTreeMap<u64, &Value> =
        seen.events.iter().filter_map(|event| Some((event["seq"].as_u64()?, event))).collect();
    for (process, shown) in seen.shown.iter().enumerate() {
        for event in shown {
            let kept = event["seq"].as_u64().and_then(|seq| stored.get(&seq));
            if kept.is_none_or(|kept| *kept != event) {
                let what = format!("process {process} showed {event}, and now there is {kept:?}");
                found.add(Invariant::ShownIsDurable, what);
            }
        }
        let numbers: Vec<u64> = shown.iter().filter_map(|event| event["seq"].as_u64()).collect();
        if let Some(pair) = numbers.windows(2).find(|pair| pair[0] >= pair[1]) {
            found.add(Invariant::EventsAddUp, format!("process {process} showed {} and then {}", pair[0], pair[1]));
        }
    }
}

/// What is listed comes back as it was, everything is there after a success, and no file has another purpose.
fn filed_whole(scenario: &Scenario, seen: &Observation, found: &mut Findings) {
    for what in &seen.broken {
        found.add(Invariant::FiledWhole, what.clone());
    }
    let wanted: BTreeSet<&str> = scenario.artifacts.iter().copied().collect();
    let listed: BTreeSet<&str> = seen.artifacts.iter().map(String::as_str).collect();
    let missing = if seen.state == "succeeded" { wanted.difference(&listed).collect() } else { Vec::new() };
    if !missing.is_empty() || !listed.is_subset(&wanted) || listed.len() != seen.artifacts.len() {
        let what = format!("the run is {} and has the artifacts {:?}, of {wanted:?}", seen.state, seen.artifacts);
        found.add(Invariant::FiledWhole, what);
    }
    let count = |is_meant: &dyn Fn(&str) -> bool| seen.blobs.iter().filter(|blob| is_meant(blob)).count();
    let archives = count(&|blob| blob.starts_with("runs/") && blob.ends_with(".tar.gz"));
    let reports = count(&|blob| blob.starts_with("runs/") && blob.ends_with("/tests.json"));
    let (entries, caches) = (
        count(&|blob| blob.starts_with("caches/") && blob.ends_with(".json")),
        count(&|blob| blob.starts_with("caches/") && blob.ends_with(".tar.gz")),
    );
    let marks = count(&|blob| blob.starts_with("expiring/"));
    let known = archives + reports + entries + caches + marks;
    if archives != listed.len() || reports > 1 || entries > 1 || entries != caches || known != seen.blobs.len() {
        found.add(
            Invariant::FiledWhole,
            format!("{} artifacts are listed, and there are {:?}", listed.len(), seen.blobs),
        );
    }
}

fn steps_once(scenario: &Scenario, seen: &Observation, found: &mut Findings) {
    let mut told: BTreeMap<&str, usize> = BTreeMap::new();
    for line in &seen.witness {
        *told.entry(line).or_default() += 1;
    }
    for (name, task) in &scenario.tasks {
        for (attempt, expected) in (1..).zip(&task.attempts) {
            for (word, always) in [("start", expected.completes), ("end", expected.completes)] {
                let line = format!("{word} {} {attempt}", witness_name(name));
                let count = told.remove(line.as_str()).unwrap_or(0);
                let most = if expected.repeats { seen.shown.len().max(1) } else { 1 };
                if count > most || (always && count == 0) {
                    found.add(Invariant::EveryStepOnce, format!("{line:?} is witnessed {count} times"));
                }
            }
        }
    }
    for (line, count) in told {
        found.add(Invariant::EveryStepOnce, format!("{line:?} is witnessed {count} times and never had to be"));
    }
}

fn lines_once(scenario: &Scenario, seen: &Observation, found: &mut Findings) {
    let mut pieces = logs_of_events(&seen.events, found);
    for (name, task) in &scenario.tasks {
        for (attempt, expected) in (1..).zip(&task.attempts) {
            let key = ((*name).to_owned(), attempt);
            let log = pieces.remove(&key).unwrap_or_default();
            compare(&format!("the events of {name}, attempt {attempt}"), expected, &log, found);
            let printed = seen.logs.get(&key).cloned().unwrap_or_default();
            compare(&format!("`logs` of {name}, attempt {attempt}"), expected, &printed, found);
            if printed != log {
                let what = format!("`logs` of {name}, attempt {attempt}, has other bytes than its events");
                found.add(Invariant::EveryLineOnce, what);
            }
        }
    }
    for ((task, attempt), log) in pieces {
        let what = format!("{} bytes of log from {task}, attempt {attempt}, which never had to run", log.len());
        found.add(Invariant::EveryLineOnce, what);
    }
}

/// The log of each attempt, put together from its pieces. Each piece must begin where the one before ended.
fn logs_of_events(events: &[Value], found: &mut Findings) -> BTreeMap<(String, u64), Vec<u8>> {
    let mut logs: BTreeMap<(String, u64), Vec<u8>> = BTreeMap::new();
    let mut complained = BTreeSet::new();
    for event in of_type(events, "log") {
        let key = (event["task"].as_str().unwrap_or("?").to_owned(), event["attempt"].as_u64().unwrap_or(0));
        let log = logs.entry(key.clone()).or_default();
        if event["offset"].as_u64() != Some(log.len() as u64) && complained.insert(key.clone()) {
            let what = format!("a piece of log of {} stands at {} and must at {}", key.0, event["offset"], log.len());
            found.add(Invariant::EveryLineOnce, what);
        }
        match piece(event) {
            Some(bytes) => log.extend_from_slice(&bytes),
            None => found.add(Invariant::EveryLineOnce, format!("a piece of log without a text: {event}")),
        }
    }
    logs
}

fn piece(event: &Value) -> Option<Vec<u8>> {
    if let Some(text) = event["text"].as_str() {
        return Some(text.as_bytes().to_vec());
    }
    base64::engine::general_purpose::STANDARD.decode(event["textBase64"].as_str()?).ok()
}

fn compare(place: &str, expected: &ExpectedAttempt, got: &[u8], found: &mut Findings) {
    let (wanted, right) = match &expected.log {
        ExpectedLog::OneOf(logs) => (logs.first(), logs.iter().any(|log| *log == without_news(log, got))),
        ExpectedLog::BeginningOf(log) => {
            let said = without_news(log, got);
            (Some(log), log.starts_with(without_last_words(&said)))
        }
        ExpectedLog::Noted(log) => (Some(log), without_notes(got) == *log),
        ExpectedLog::BeginningOfNoted(log) => (Some(log), log.starts_with(without_last_words(&without_notes(got)))),
        ExpectedLog::Again(log) => (Some(log), is_again(log, got)),
    };
    if let Some(wanted) = wanted.filter(|_| !right) {
        found.add(Invariant::EveryLineOnce, format!("{place}: {}", first_difference(wanted, got)));
    }
}

/// A log without the lines of the engine.
fn without_notes(got: &[u8]) -> Vec<u8> {
    let lines = got.split_inclusive(|byte| *byte == b'\n');
    lines.filter(|line| !line.starts_with(b"[windlass] ")).flatten().copied().collect()
}

/// Whether it is the whole log, behind beginnings of it that were cut off.
fn is_again(log: &[u8], got: &[u8]) -> bool {
    match got.windows(AGAIN.len()).position(|window| window == AGAIN) {
        Some(at) => log.starts_with(&got[..at]) && is_again(log, &got[at + AGAIN.len()..]),
        None => got == log,
    }
}

/// What a step printed, without what a cluster told of its pod meanwhile: lines that begin with a time. Where one came in the
/// middle of a line of the step, as `log` has it, that line was ended before it.
fn without_news(log: &[u8], got: &[u8]) -> Vec<u8> {
    let mut said = Vec::with_capacity(got.len());
    for line in got.split_inclusive(|byte| *byte == b'\n') {
        let time = line.strip_prefix(b"[windlass] ").unwrap_or_default();
        let is_news = time.len() > 11 && time[..4].iter().all(u8::is_ascii_digit) && time[10] == b'T';
        if !is_news {
            said.extend_from_slice(line);
        } else if !log.starts_with(&said) && log.starts_with(&said[..said.len().saturating_sub(1)]) {
            said.pop();
        }
    }
    said
}

/// What a stopped step printed, without what its shell may say about a child that the signal reached first.
fn without_last_words(got: &[u8]) -> &[u8] {
    let body = got.strip_suffix(b"\n").unwrap_or(got);
    let start = body.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let last = String::from_utf8_lossy(&body[start..]);
    if last.contains("Terminated") || last.contains("Killed") { &got[..start] } else { got }
}

fn first_difference(wanted: &[u8], got: &[u8]) -> String {
    let at = wanted.iter().zip(got).position(|(a, b)| a != b).unwrap_or(wanted.len().min(got.len()));
    let around = |bytes: &[u8]| {
        let piece = &bytes[at.saturating_sub(30).min(bytes.len())..(at + 30).min(bytes.len())];
        String::from_utf8_lossy(piece).into_owned()
    };
    format!(
        "{} bytes instead of {}; they part at byte {at}, with {:?} instead of {:?}",
        got.len(),
        wanted.len(),
        around(got),
        around(wanted)
    )
}

fn of_type<'a>(events: &'a [Value], kind: &'a str) -> impl Iterator<Item = &'a Value> {
    events.iter().filter(move |event| event["type"] == kind)
}

#[cfg(test)]
mod tests;
