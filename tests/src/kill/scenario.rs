//! The pipelines that are killed, and what must come of them however often that happens.

use std::collections::BTreeMap;

use windlass::failpoint::{CRASH_POINTS, FILING_CRASH_POINTS};

/// Which pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ScenarioName {
    /// Succeeds, with a retry, a failure that is allowed and a timeout on the way.
    Steady,
    /// A task fails, what runs beside it is stopped, the rest is skipped.
    Failing,
    /// As steady, but somebody presses Ctrl-C. Whether that was durable before the kill, nobody knows.
    Cancelled,
    /// Actions in the engine, which end with it: one is called again, the other one must not be.
    Acting,
    /// Caches, artifacts and reports.
    Filing,
    /// The same, but somebody presses Ctrl-C.
    FilingCancelled,
}

/// A pipeline, and what must come of it.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Which one.
    pub name: ScenarioName,
    /// The definition.
    pub document: String,
    /// The states in which the run may end, each with the exit code of a command that followed it.
    pub ends: Vec<(&'static str, i32)>,
    /// The one file in the workspace that is kept when the run has failed; otherwise nothing is.
    pub kept: Option<&'static str>,
    /// Every task of the run.
    pub tasks: BTreeMap<&'static str, ExpectedTask>,
    /// The artifacts that a run has that succeeds; others may have them.
    pub artifacts: Vec<&'static str>,
}

/// What must come of a task.
#[derive(Clone, Debug)]
pub struct ExpectedTask {
    /// The states in which it may end.
    pub states: Vec<&'static str>,
    /// Its attempts.
    pub attempts: Vec<ExpectedAttempt>,
    /// Whether all of them happen; otherwise the last ones may be missing.
    pub all_attempts: bool,
}

/// What must come of an attempt.
#[derive(Clone, Debug)]
pub struct ExpectedAttempt {
    /// What it prints.
    pub log: ExpectedLog,
    /// Whether it comes to its end; one that is stopped does not, and may even be stopped before it starts.
    pub completes: bool,
    /// Whether it is begun again by each engine that finds it unfinished.
    pub repeats: bool,
}

/// What an attempt prints.
#[derive(Clone, Debug)]
pub enum ExpectedLog {
    /// Exactly one of these.
    OneOf(Vec<Vec<u8>>),
    /// As much of this as it came to before it was stopped.
    BeginningOf(Vec<u8>),
    /// Exactly this, beside lines of the engine about what it keeps, which a crash can double.
    Noted(Vec<u8>),
    /// As much of the same as it came to before it was stopped.
    BeginningOfNoted(Vec<u8>),
    /// All of this; and before it, for each time that it was cut off, a beginning of it and [`AGAIN`].
    Again(Vec<u8>),
}

/// What the engine writes into the log of an action that it calls again.
pub const AGAIN: &[u8] = b"[windlass] the engine was restarted; the action begins again\n";

impl ScenarioName {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Steady, Self::Failing, Self::Cancelled, Self::Acting, Self::Filing, Self::FilingCancelled];

    /// Whether somebody presses Ctrl-C in it.
    pub fn is_cancelled(self) -> bool {
        matches!(self, Self::Cancelled | Self::FilingCancelled)
    }

    /// The named points that a run of it can come to.
    pub fn crash_points(self) -> Vec<&'static str> {
        let filing: &[&str] = match self {
            Self::Filing | Self::FilingCancelled => FILING_CRASH_POINTS,
            _ => &[],
        };
        CRASH_POINTS.iter().chain(filing).copied().collect()
    }

    /// The pipeline and what must come of it.
    pub fn scenario(self) -> Scenario {
        match self {
            Self::Steady => steady(),
            Self::Failing => failing(),
            Self::Cancelled => cancelled(),
            Self::Acting => acting(),
            Self::Filing => filing(),
            Self::FilingCancelled => filing_cancelled(),
        }
    }
}

/// Lines of the burst; enough for many chunks.
const BURST: usize = 4000;
/// Lines of the slow task, at 40 ms each.
const SLOW: usize = 15;
/// Characters of a long line.
const LONG: usize = 9000;
/// More lines than a stopped task ever comes to.
const ENDLESS: usize = 20_000;

/// What the scripts share: a line in the witness file at the start and at the end of a step. The file lies outside of the
/// workspace, and a short line is appended in one piece.
const STEADY: &str = r#"
name: steady
parameters:
  - {name: WITNESS, dynamic: true}
stages:
  - name: Write
    order: parallel
    tasks:
      - name: burst
        shell: sh
        script: |
          echo "start burst 1" >> "$WITNESS"
          seq 1 4000 | sed "s/^/burst /"
          echo "end burst 1" >> "$WITNESS"
      - name: slow
        script: |
          echo "start slow 1" >> "$WITNESS"
          for i in $(seq 1 15); do echo "slow $i"; sleep 0.04; done
          echo "end slow 1" >> "$WITNESS"
      - name: unended
        script: |
          echo "start unended 1" >> "$WITNESS"
          seq 1 50 | sed "s/^/unended /"
          sleep 0.1
          printf 'no newline here'
          echo "end unended 1" >> "$WITNESS"
      - name: long
        script: |
          echo "start long 1" >> "$WITNESS"
          for i in $(seq 1 8); do printf "long $i %09000d\n" 0; sleep 0.02; done
          echo "end long 1" >> "$WITNESS"
  - name: Chain
    tasks:
      - name: make
        outputs: [KEY]
        script: |
          echo "start make 1" >> "$WITNESS"
          echo "KEY=value of make" >> "$WINDLASS_OUTPUT"
          # Stays behind, and must not outlive the run.
          sleep 300 > /dev/null 2>&1 &
          echo "made"
          echo "end make 1" >> "$WITNESS"
      - name: use
        env: {GIVEN: "${make.KEY}"}
        script: |
          echo "start use 1" >> "$WITNESS"
          echo "given: $GIVEN"
          echo "end use 1" >> "$WITNESS"
      - name: flaky
        retry: {attempts: 2, on: [failure]}
        script: |
          echo "start flaky $TASK_ATTEMPT" >> "$WITNESS"
          for i in 1 2 3; do echo "flaky $TASK_ATTEMPT.$i"; sleep 0.02; done
          echo "end flaky $TASK_ATTEMPT" >> "$WITNESS"
          test "$TASK_ATTEMPT" -gt 1
  - name: Stop
    order: parallel
    tasks:
      - name: overtime
        timeout: 400ms
        grace: 2s
        allowFailure: true
        script: |
          echo "start overtime 1" >> "$WITNESS"
          # Gets away from the session, and must be found all the same.
          setsid sleep 300 > /dev/null 2>&1 &
          i=0
          while true; do i=$((i + 1)); echo "overtime $i"; sleep 0.02; done
      - name: unit
        matrix: {SIZE: ["10", "200"]}
        script: |
          echo "start unit-$SIZE 1" >> "$WITNESS"
          seq 1 "$SIZE" | sed "s/^/unit /"
          echo "end unit-$SIZE 1" >> "$WITNESS"
      - name: never
        when: "params.WITNESS == 'no such file'"
        script: echo "start never 1" >> "$WITNESS"
finally:
  - name: report
    script: |
      echo "start report 1" >> "$WITNESS"
      echo "status: $WINDLASS_STATUS"
      echo "end report 1" >> "$WITNESS"
"#;

const FAILING: &str = r#"
name: failing
parameters:
  - {name: WITNESS, dynamic: true}
stages:
  - name: Together
    order: parallel
    tasks:
      - name: breaks
        script: |
          echo "start breaks 1" >> "$WITNESS"
          for i in $(seq 1 12); do echo "breaks $i"; sleep 0.04; done
          echo "as it was left" > half-done
          echo "end breaks 1" >> "$WITNESS"
          exit 3
      - name: victim
        grace: 2s
        script: |
          echo "start victim 1" >> "$WITNESS"
          setsid sleep 300 > /dev/null 2>&1 &
          i=0
          while true; do i=$((i + 1)); echo "victim $i"; sleep 0.01; done
  - name: After
    tasks:
      - name: skipped
        script: echo "start skipped 1" >> "$WITNESS"
finally:
  - name: report
    script: |
      echo "start report 1" >> "$WITNESS"
      echo "status: $WINDLASS_STATUS"
      sleep 0.2
      printf 'bye'
      echo "end report 1" >> "$WITNESS"
"#;

/// The actions are those of `witness.rs`.
const ACTING: &str = r#"
name: acting
parameters:
  - {name: WITNESS, dynamic: true}
stages:
  - name: Act
    order: parallel
    tasks:
      - name: tell
        outputs: [LINES]
        custom: {name: witness, with: {lines: 15, output: LINES}}
      - name: careful
        allowFailure: true
        custom: {name: witness-once, with: {lines: 5}}
      - name: beside
        script: |
          echo "start beside 1" >> "$WITNESS"
          for i in $(seq 1 10); do echo "beside $i"; sleep 0.04; done
          echo "end beside 1" >> "$WITNESS"
  - name: After
    tasks:
      - name: use
        env: {GIVEN: "${tell.LINES}"}
        script: |
          echo "start use 1" >> "$WITNESS"
          echo "given: $GIVEN"
          echo "end use 1" >> "$WITNESS"
finally:
  - name: last
    custom: {name: witness, with: {lines: 3}}
"#;

/// `image` is sent in parts. Each artifact has the digest of its file beside it.
const FILING: &str = r#"
name: filing
parameters:
  - {name: WITNESS, dynamic: true}
stages:
  - name: Source
    tasks:
      - name: source
        script: |
          echo "start source 1" >> "$WITNESS"
          echo one > lock
          echo "end source 1" >> "$WITNESS"
  - name: Build
    order: parallel
    tasks:
      - name: image
        script: |
          echo "start image 1" >> "$WITNESS"
          head -c 9000000 /dev/urandom > image; sha256sum image > image.sum
          echo "built"
          echo "end image 1" >> "$WITNESS"
        artifacts: [{paths: ["image*"], keep: 1d}]
      - name: test
        script: |
          echo "start test 1" >> "$WITNESS"
          mkdir -p deps; head -c 200000 /dev/urandom > deps/lib
          { echo '<testsuite>'; for i in $(seq 1 30); do echo "<testcase name='t$i'><failure>no</failure></testcase>"; done
            echo '</testsuite>'; } > report.xml
          cp report.xml test; sha256sum test > test.sum
          echo "tested"
          echo "end test 1" >> "$WITNESS"
        caches: [{key: "deps-${hash:lock}", paths: [deps]}]
        artifacts: [{paths: [test, test.sum]}]
        reports: {junit: [report.xml]}
finally:
  - name: report
    script: |
      echo "start report 1" >> "$WITNESS"
      echo "status: $WINDLASS_STATUS"
      echo "end report 1" >> "$WITNESS"
"#;

fn filing() -> Scenario {
    let noted = |log: &str| {
        let attempt = ExpectedAttempt { log: ExpectedLog::Noted(log.into()), completes: true, repeats: false };
        ExpectedTask { states: vec!["succeeded"], attempts: vec![attempt], all_attempts: true }
    };
    let tasks = BTreeMap::from([
        ("source", ExpectedTask::succeeds("")),
        ("image", noted("built\n")),
        ("test", noted("tested\n")),
        ("report", ExpectedTask::succeeds("status: succeeded\n")),
    ]);
    Scenario {
        name: ScenarioName::Filing,
        document: FILING.to_owned(),
        ends: vec![("succeeded", 0)],
        kept: None,
        tasks,
        artifacts: vec!["image", "test"],
    }
}

fn filing_cancelled() -> Scenario {
    Scenario { name: ScenarioName::FilingCancelled, ..maybe_cancelled(filing()) }
}

fn acting() -> Scenario {
    // Its state depends on whether it was cut off, and how far it came on when.
    let careful =
        ExpectedTask { states: vec!["succeeded", "lost"], ..ExpectedTask::stopped("", numbered("careful", 5)) };
    let tasks = BTreeMap::from([
        ("tell", ExpectedTask::acts(numbered("tell", 15))),
        ("careful", careful),
        ("beside", ExpectedTask::succeeds(numbered("beside", 10))),
        ("use", ExpectedTask::succeeds("given: 15\n")),
        ("last", ExpectedTask::acts(numbered("last", 3))),
    ]);
    Scenario {
        name: ScenarioName::Acting,
        document: ACTING.to_owned(),
        ends: vec![("succeeded", 0)],
        tasks,
        kept: None,
        artifacts: Vec::new(),
    }
}

fn steady() -> Scenario {
    let mut unended = numbered("unended", 50);
    unended.extend_from_slice(b"no newline here");
    let long = (1..=8).map(|i| format!("long {i} {:0>LONG$}\n", 0)).collect::<String>();
    let flaky = |attempt: u32| (1..=3).map(|i| format!("flaky {attempt}.{i}\n")).collect::<String>().into_bytes();
    let attempts = [flaky(1), flaky(2)].map(ExpectedAttempt::full).into();
    let retried = ExpectedTask { attempts, ..ExpectedTask::succeeds("") };
    let tasks = BTreeMap::from([
        ("burst", ExpectedTask::succeeds(numbered("burst", BURST))),
        ("slow", ExpectedTask::succeeds(numbered("slow", SLOW))),
        ("unended", ExpectedTask::succeeds(unended)),
        ("long", ExpectedTask::succeeds(long)),
        ("make", ExpectedTask::succeeds("made\n")),
        ("use", ExpectedTask::succeeds("given: value of make\n")),
        ("flaky", retried),
        ("overtime", ExpectedTask::stopped("timedOut", numbered("overtime", ENDLESS))),
        ("unit[SIZE=10]", ExpectedTask::succeeds(numbered("unit", 10))),
        ("unit[SIZE=200]", ExpectedTask::succeeds(numbered("unit", 200))),
        ("never", ExpectedTask::skipped()),
        ("report", ExpectedTask::succeeds("status: succeeded\n")),
    ]);
    Scenario {
        name: ScenarioName::Steady,
        document: STEADY.to_owned(),
        ends: vec![("succeeded", 0)],
        kept: None,
        tasks,
        artifacts: Vec::new(),
    }
}

fn failing() -> Scenario {
    let breaks = ExpectedTask { states: vec!["failed"], ..ExpectedTask::succeeds(numbered("breaks", 12)) };
    let tasks = BTreeMap::from([
        ("breaks", breaks),
        ("victim", ExpectedTask::stopped("cancelled", numbered("victim", ENDLESS))),
        ("skipped", ExpectedTask::skipped()),
        ("report", ExpectedTask::succeeds("status: failed\nbye")),
    ]);
    let (document, ends) = (FAILING.to_owned(), vec![("failed", 1)]);
    Scenario { name: ScenarioName::Failing, document, ends, kept: Some("half-done"), tasks, artifacts: Vec::new() }
}

fn cancelled() -> Scenario {
    Scenario { name: ScenarioName::Cancelled, ..maybe_cancelled(steady()) }
}

/// Every task may be stopped wherever it is, or never start; only `finally` always runs to its end.
fn maybe_cancelled(mut scenario: Scenario) -> Scenario {
    scenario.ends.push(("cancelled", 130));
    for task in scenario.tasks.values_mut() {
        task.states.extend(["cancelled", "skipped"]);
        task.all_attempts = false;
        for attempt in &mut task.attempts {
            attempt.completes = false;
            attempt.log = match std::mem::replace(&mut attempt.log, ExpectedLog::OneOf(Vec::new())) {
                ExpectedLog::OneOf(logs) => ExpectedLog::BeginningOf(logs.concat()),
                ExpectedLog::Noted(log) => ExpectedLog::BeginningOfNoted(log),
                other => other,
            };
        }
    }
    let mut report = ExpectedTask::succeeds("");
    let logs = ["status: succeeded\n", "status: cancelled\n"].map(|log| log.as_bytes().to_vec());
    report.attempts[0].log = ExpectedLog::OneOf(logs.into());
    scenario.tasks.insert("report", report);
    scenario
}

impl ExpectedTask {
    fn succeeds(log: impl Into<Vec<u8>>) -> Self {
        Self { states: vec!["succeeded"], attempts: vec![ExpectedAttempt::full(log.into())], all_attempts: true }
    }

    fn acts(log: Vec<u8>) -> Self {
        let attempt = ExpectedAttempt { log: ExpectedLog::Again(log), completes: true, repeats: true };
        Self { states: vec!["succeeded"], attempts: vec![attempt], all_attempts: true }
    }

    fn stopped(state: &'static str, log: Vec<u8>) -> Self {
        let attempt = ExpectedAttempt { log: ExpectedLog::BeginningOf(log), completes: false, repeats: false };
        Self { states: vec![state], attempts: vec![attempt], all_attempts: true }
    }

    fn skipped() -> Self {
        Self { states: vec!["skipped"], attempts: Vec::new(), all_attempts: true }
    }
}

impl ExpectedAttempt {
    fn full(log: Vec<u8>) -> Self {
        Self { log: ExpectedLog::OneOf(vec![log]), completes: true, repeats: false }
    }
}

/// `NAME 1`, `NAME 2` … each on its line.
fn numbered(name: &str, lines: usize) -> Vec<u8> {
    (1..=lines).map(|line| format!("{name} {line}\n")).collect::<String>().into_bytes()
}

/// The name by which a task's steps call themselves in the witness file.
pub fn witness_name(task: &str) -> String {
    task.replace("[SIZE=", "-").replace(']', "")
}
