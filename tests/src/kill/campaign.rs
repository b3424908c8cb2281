//! As many trials as it takes for a number of kills, several at a time.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use super::program::{Ground, Wound};
use super::scenario::ScenarioName;
use super::trial::{Plan, Trial, carry_out};

/// A number of kills at random moments.
#[derive(Clone, Debug)]
pub struct Campaign {
    /// The program under test.
    pub program: PathBuf,
    /// At least so many kills.
    pub kills: usize,
    /// Decides scenarios and moments.
    pub seed: u64,
    /// So many trials at a time.
    pub jobs: usize,
    /// A deliberate bug that every process has.
    pub bug: Option<String>,
    /// Where the steps run.
    pub ground: Ground,
}

/// What came of a campaign.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// How many processes died of SIGKILL.
    pub kills: usize,
    /// How many runs there were.
    pub trials: usize,
    /// How many runs were killed before they were durable.
    pub never_durable: usize,
    /// How many runs ended in each state.
    pub ends: BTreeMap<String, usize>,
    /// How long an unhurt run takes, by scenario.
    pub whole: BTreeMap<ScenarioName, Duration>,
    /// What went wrong: the trial's seed, and every complaint.
    pub failures: Vec<(u64, String)>,
}

impl Campaign {
    /// Runs until the kills are done. Fails at once when not even an unhurt run is right.
    pub fn run(&self, progress: impl Fn(&Tally) + Sync) -> Result<Tally, String> {
        let whole = self.unhurt()?;
        let tally = Mutex::new(Tally { whole: whole.clone(), ..Tally::default() });
        let (next, done, stuck) = (AtomicU64::new(0), AtomicUsize::new(0), AtomicBool::new(false));
        std::thread::scope(|scope| {
            for _ in 0..self.jobs.max(1) {
                scope.spawn(|| {
                    while done.load(Ordering::Relaxed) < self.kills && !stuck.load(Ordering::Relaxed) {
                        let seed = trial_seed(self.seed, next.fetch_add(1, Ordering::Relaxed));
                        let plan = self.plan(seed, &whole);
                        let trial = self.try_once(&plan);
                        done.fetch_add(trial.as_ref().map_or(0, |trial| trial.kills), Ordering::Relaxed);
                        let mut tally = tally.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                        tally.count(seed, &plan, trial);
                        // A broken engine fails every time; some reports say enough.
                        stuck.fetch_or(tally.failures.len() >= 5, Ordering::Relaxed);
                        progress(&tally);
                    }
                });
            }
        });
        Ok(tally.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// How long an unhurt run takes, by scenario.
    fn unhurt(&self) -> Result<BTreeMap<ScenarioName, Duration>, String> {
        let mut whole = BTreeMap::new();
        for scenario in self.ground.scenarios().iter().copied() {
            let plan = Plan::single(scenario, Wound::None);
            let trial = self.try_once(&plan)?;
            if self.bug.is_none() && !trial.violations.is_empty() {
                return Err(format!("a run that nobody killed is wrong already\n{}", report(&trial)));
            }
            whole.insert(scenario, trial.lived);
        }
        Ok(whole)
    }

    /// One trial again, by the seed that its report names.
    pub fn again(&self, trial: u64) -> Result<Tally, String> {
        let whole = self.unhurt()?;
        let plan = self.plan(trial, &whole);
        let mut tally = Tally { whole: whole.clone(), ..Tally::default() };
        tally.count(trial, &plan, self.try_once(&plan));
        Ok(tally)
    }

    fn plan(&self, seed: u64, whole: &BTreeMap<ScenarioName, Duration>) -> Plan {
        Plan::random(seed, self.ground.scenarios(), |scenario| whole.get(&scenario).copied().unwrap_or_default())
    }

    fn try_once(&self, plan: &Plan) -> Result<Trial, String> {
        try_on(&self.ground, &self.program, self.bug.as_deref(), plan)
    }
}

/// Carries out a plan in a folder of its own, which is removed afterwards.
pub fn try_in_fresh_folder(program: &Path, bug: Option<&str>, plan: &Plan) -> Result<Trial, String> {
    try_on(&Ground::Local, program, bug, plan)
}

fn try_on(ground: &Ground, program: &Path, bug: Option<&str>, plan: &Plan) -> Result<Trial, String> {
    let folder = tempfile::Builder::new().prefix("windlass-kill-").tempdir().map_err(|error| error.to_string())?;
    carry_out(ground, program, bug, plan, folder.path())
}

/// What a person needs to see of a trial that went wrong.
pub fn report(trial: &Trial) -> String {
    let mut text = format!("{:?}\n", trial.plan);
    for violation in &trial.violations {
        text += &format!("  {violation}\n");
    }
    for (process, complaint) in trial.complaints.iter().enumerate().filter(|(_, complaint)| !complaint.is_empty()) {
        text += &format!("  process {process} said: {}\n", complaint.trim_end());
    }
    text
}

impl Tally {
    fn count(&mut self, seed: u64, plan: &Plan, trial: Result<Trial, String>) {
        self.trials += 1;
        match trial {
            Ok(trial) => {
                self.kills += trial.kills;
                self.never_durable += usize::from(trial.seen.runs.is_empty());
                if !trial.seen.runs.is_empty() {
                    *self.ends.entry(trial.seen.state.clone()).or_default() += 1;
                }
                if !trial.violations.is_empty() {
                    self.failures.push((seed, report(&trial)));
                }
            }
            Err(error) => self.failures.push((seed, format!("{plan:?}\n  {error}\n"))),
        }
    }
}

/// A seed for each trial that looks like no other's (the mixing step of SplitMix64).
fn trial_seed(seed: u64, trial: u64) -> u64 {
    let mut mixed = seed.wrapping_add(trial.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
