//! One run with its kills: started, killed, attached until it ends, and looked at from outside.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::check::{Observation, Violation, check};
use super::look;
use super::program::{Ground, Outcome, Program, Wound, becomes_true, pause};
use super::scenario::{Scenario, ScenarioName};

/// How long the last processes of a run may take to go once the run is over: they were told to, and only have to be
/// scheduled once more.
const LAST_BREATH: Duration = Duration::from_secs(2);
/// The longest time in which no engine is there.
const LONGEST_ABSENCE: u64 = 250;

/// About as long as it takes to open an engine and to take a run up.
const TAKING_UP: Duration = Duration::from_millis(60);

/// What a trial does, fixed before it starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The pipeline.
    pub scenario: ScenarioName,
    /// What kills the first process, the second one …; those after them come to their end.
    pub wounds: Vec<Wound>,
    /// How long no engine is there after each of them.
    pub absences: Vec<Duration>,
}

impl Plan {
    /// A plan with one wound and no absence.
    pub fn single(scenario: ScenarioName, wound: Wound) -> Self {
        Self { scenario, wounds: vec![wound], absences: Vec::new() }
    }

    /// A random plan: one to four kills, most of them at a moment chosen uniformly over the time that a whole run takes, some
    /// at a visit of a named point, and some while the run is being taken up. The same seed gives the same plan.
    pub fn random(seed: u64, among: &[ScenarioName], whole: impl Fn(ScenarioName) -> Duration) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let scenario = among[random.random_range(0..among.len())];
        let longest = whole(scenario);
        let kills = random.random_range(1..=4);
        let points = scenario.crash_points();
        let mut wounds: Vec<Wound> =
            (0..kills).map(|process| random_wound(&mut random, process, (longest, &points))).collect();
        if scenario.is_cancelled() {
            let killed = Duration::from_millis(random.random_range(0..=LONGEST_ABSENCE));
            wounds[0] = Wound::Interrupted { after: random_moment(&mut random, longest), killed };
        }
        let absences = (0..kills).map(|_| Duration::from_millis(random.random_range(0..=LONGEST_ABSENCE))).collect();
        Self { scenario, wounds, absences }
    }
}

fn random_wound(random: &mut StdRng, process: usize, (whole, points): (Duration, &[&str])) -> Wound {
    if random.random_ratio(1, 4) {
        let point = points[random.random_range(0..points.len())].to_owned();
        let once = ["run.", "workspace."].iter().any(|room| point.starts_with(room));
        return Wound::At { point, visit: if once { 1 } else { random.random_range(1..=8) } };
    }
    let recovers = process > 0 && random.random_ratio(1, 2);
    Wound::After(random_moment(random, if recovers { TAKING_UP } else { whole }))
}

fn random_moment(random: &mut StdRng, longest: Duration) -> Duration {
    let longest = u64::try_from(longest.as_micros()).unwrap_or(u64::MAX).max(1);
    Duration::from_micros(random.random_range(0..longest))
}

/// What came of a trial.
#[derive(Clone, Debug)]
pub struct Trial {
    /// What was done.
    pub plan: Plan,
    /// How many processes were killed.
    pub kills: usize,
    /// How long the processes lived, all together.
    pub lived: Duration,
    /// What was seen.
    pub seen: Observation,
    /// What must not be.
    pub violations: Vec<Violation>,
    /// What the processes complained about, for the report.
    pub complaints: Vec<String>,
}

/// Carries out a plan in an empty folder.
pub fn carry_out(
    ground: &Ground,
    program: &Path,
    bug: Option<&str>,
    plan: &Plan,
    folder: &Path,
) -> Result<Trial, String> {
    let site =
        Site::prepare(ground, program, bug, plan, folder).map_err(|error| format!("the trial's folder: {error}"))?;
    let mut trial = Trial {
        plan: plan.clone(),
        kills: 0,
        lived: Duration::ZERO,
        seen: Observation::default(),
        violations: Vec::new(),
        complaints: Vec::new(),
    };
    site.live_and_die(plan, &mut trial)?;
    site.look_at(&mut trial.seen)?;
    trial.violations = check(&site.scenario, &trial.seen);
    Ok(trial)
}

/// Where a trial happens.
struct Site {
    scenario: Scenario,
    program: Program,
    folder: PathBuf,
    witness: PathBuf,
    definition: PathBuf,
}

impl Site {
    fn prepare(ground: &Ground, program: &Path, bug: Option<&str>, plan: &Plan, folder: &Path) -> io::Result<Self> {
        let scenario = plan.scenario.scenario();
        let program = Program {
            path: program.to_path_buf(),
            data_dir: folder.join("data"),
            bug: bug.map(str::to_owned),
            ground: ground.clone(),
        };
        let definition = folder.join("pipeline.yaml");
        std::fs::write(&definition, ground.document(&scenario.document, folder))?;
        Ok(Self { scenario, program, folder: folder.to_path_buf(), witness: folder.join("witness"), definition })
    }

    /// Starts the run, and attaches to it until a process comes to its end.
    fn live_and_die(&self, plan: &Plan, trial: &mut Trial) -> Result<(), String> {
        let mut wounds = plan.wounds.iter().cloned();
        let mut absences = plan.absences.iter().copied();
        if let Some(words) = self.program.ground.set_up() {
            self.ask(&words.iter().map(String::as_str).collect::<Vec<_>>())?;
        }
        let mut outcome = self.run(&wounds.next().unwrap_or(Wound::None))?;
        loop {
            trial.lived += outcome.lived;
            trial.seen.shown.push(outcome.events()?);
            trial.complaints.push(outcome.stderr.clone());
            if !outcome.was_killed() {
                break;
            }
            trial.kills += 1;
            pause(absences.next().unwrap_or_default());
            outcome = self.attach(&wounds.next().unwrap_or(Wound::None))?;
        }
        let saw_the_end = trial.seen.shown.last().is_some_and(|events| events.iter().any(is_end));
        trial.seen.exit_code = outcome.status.code().filter(|code| saw_the_end || *code != 0);
        Ok(())
    }

    fn run(&self, wound: &Wound) -> Result<Outcome, String> {
        let witness = format!("WITNESS={}", self.witness.display());
        let definition = self.definition.display().to_string();
        let mut arguments = vec!["run", &definition, "--json", "--max-tasks", "4", "--param", &witness];
        arguments.extend(self.program.ground.arguments());
        self.call(&arguments, wound)
    }

    fn attach(&self, wound: &Wound) -> Result<Outcome, String> {
        self.call(&["attach", "--json"], wound)
    }

    fn call(&self, arguments: &[&str], wound: &Wound) -> Result<Outcome, String> {
        self.program
            .run(arguments, wound, &self.folder)
            .map_err(|error| format!("windlass {}: {error}", arguments.join(" ")))
    }

    /// The answer of a reading verb, which must succeed.
    fn ask(&self, arguments: &[&str]) -> Result<Outcome, String> {
        let outcome = self.call(arguments, &Wound::None)?;
        if outcome.status.success() {
            return Ok(outcome);
        }
        Err(format!("windlass {} ended with {}: {}", arguments.join(" "), outcome.status, outcome.stderr))
    }

    fn look_at(&self, seen: &mut Observation) -> Result<(), String> {
        self.look_at_what_is_left(seen).map_err(|error| format!("looking at what is left: {error}"))?;
        // Killed before there was anything: not even a data directory to read.
        if !self.program.data_dir.join("format").exists() {
            return Ok(());
        }
        seen.taken_up_again = self.ask(&["attach", "--json"])?.events()?;
        let runs = self.ask(&["runs", "--json"])?.events()?;
        seen.runs = runs.iter().map(|run| text(run, "id")).collect();
        let Some(run) = runs.first() else { return Ok(()) };
        seen.state = text(run, "status");
        let id = text(run, "id");
        seen.events = self.ask(&["show", &id, "--events", "--json"])?.events()?;
        if !self.scenario.artifacts.is_empty() {
            self.look_at_artifacts(&id, seen)?;
        }
        for (task, expected) in &self.scenario.tasks {
            for (attempt, expected) in (1u64..).zip(&expected.attempts) {
                // A step that was stopped before it started has no log to ask for.
                let may_be_missing = !expected.completes;
                match self.ask(&["logs", &id, task, "--attempt", &attempt.to_string()]) {
                    Ok(outcome) => drop(seen.logs.insert(((*task).to_owned(), attempt), outcome.stdout)),
                    Err(_) if may_be_missing => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    /// Fetches every artifact, and compares its file with the digest that its task put beside it.
    fn look_at_artifacts(&self, run: &str, seen: &mut Observation) -> Result<(), String> {
        let listed = self.ask(&["artifacts", run, "--json"])?.events()?;
        seen.artifacts = listed.iter().map(|artifact| text(artifact, "name")).collect();
        for name in &seen.artifacts {
            let to = self.folder.join("artifacts").join(name);
            let fetched = self.call(&["artifacts", run, name, "--to", &to.display().to_string()], &Wound::None)?;
            if !fetched.status.success() {
                seen.broken.push(format!("the artifact {name} cannot be fetched: {}", fetched.stderr.trim_end()));
                continue;
            }
            let whole = digest_of(&to.join(name)).is_ok_and(|digest| {
                std::fs::read_to_string(to.join(format!("{name}.sum"))).is_ok_and(|sum| sum.starts_with(&digest))
            });
            if !whole {
                seen.broken.push(format!("the artifact {name} is not what its task left"));
            }
        }
        Ok(())
    }

    fn look_at_what_is_left(&self, seen: &mut Observation) -> io::Result<()> {
        let mut left = Vec::new();
        becomes_true(LAST_BREATH, || {
            left = look::processes_of(&self.folder).unwrap_or_default();
            left.is_empty()
        });
        seen.processes = left.iter().map(|process| format!("{} {}", process.pid, process.command)).collect();
        look::end(&left);
        seen.files = look::left_files(&self.program.data_dir)?;
        seen.files.extend(self.program.ground.left(&self.folder)?);
        seen.blobs = look::blobs(&self.program.data_dir)?;
        match std::fs::read_to_string(&self.witness) {
            Ok(text) => seen.witness = text.lines().map(str::to_owned).collect(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

/// SHA-256 in hexadecimal digits.
fn digest_of(file: &Path) -> io::Result<String> {
    Ok(Sha256::digest(std::fs::read(file)?).iter().map(|byte| format!("{byte:02x}")).collect())
}

fn is_end(event: &Value) -> bool {
    event["type"] == "runFinished"
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_default().to_owned()
}
