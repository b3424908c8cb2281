//! Kills the command line as often as you like, and says what was lost.
//!
//! ```text
//! cargo run -p windlass-tests --bin windlass-kill -- --kills 1000 --seed 7
//! cargo run -p windlass-tests --bin windlass-kill -- --docker --kills 100 --seed 7
//! ```

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use clap::Parser;
use windlass_tests::docker::Site;
use windlass_tests::kill::{Campaign, Ground, Tally};

/// Kill runs with SIGKILL at random moments, attach to them again, and check that nothing is lost, doubled or left.
#[derive(Debug, Parser)]
struct Arguments {
    /// At least so many kills
    #[arg(long, default_value_t = 50)]
    kills: usize,
    /// The same seed gives the same pipelines and moments
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// So many runs at a time
    #[arg(long, default_value_t = 4)]
    jobs: usize,
    /// A deliberate bug, one of `windlass::failpoint::BUGS`; then the checks must complain
    #[arg(long)]
    bug: Option<String>,
    /// Steps in containers of the Docker engine that `tests/docker/up` has set up
    #[arg(long)]
    docker: bool,
    /// Steps in pods of the cluster that `tests/cluster/up` has set up
    #[arg(long, conflicts_with = "docker")]
    kubernetes: bool,
    /// Only this trial, by the number in its report; the moments depend on how long an unhurt run takes here
    #[arg(long)]
    trial: Option<u64>,
    /// The program under test; the one of this build unless set
    #[arg(long)]
    program: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match kill(arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(3)
        }
    }
}

fn kill(arguments: Arguments) -> Result<bool, String> {
    let Arguments { kills, seed, jobs, bug, docker, kubernetes, trial, program } = arguments;
    let ground = match (docker, kubernetes) {
        (true, _) => docker_ground(),
        (_, true) => Ground::kubernetes(),
        _ => Ground::Local,
    };
    let program = program.map_or_else(program_of_this_build, Ok)?;
    let campaign = Campaign { program, kills, seed, jobs, bug, ground };
    let progress = |tally: &Tally| {
        eprint!("\r{} of {kills} kills in {} runs, {} wrong ", tally.kills, tally.trials, tally.failures.len());
        let _ = std::io::stderr().flush();
    };
    let tally = match trial {
        Some(trial) => campaign.again(trial)?,
        None => campaign.run(progress)?,
    };
    eprintln!();
    print_tally(seed, &tally);
    Ok(tally.failures.is_empty())
}

fn docker_ground() -> Ground {
    let site = Site::find();
    Ground::Docker { engine: site.engine, image: site.images.debian }
}

fn print_tally(seed: u64, tally: &Tally) {
    for (trial, report) in &tally.failures {
        println!("trial {trial} of seed {seed}: {report}");
    }
    let Tally { kills, trials, never_durable, ends, whole, failures } = tally;
    println!(
        "seed {seed}: {kills} kills, {trials} runs ({never_durable} killed before they were durable), {} wrong",
        failures.len()
    );
    let ends: Vec<String> = ends.iter().map(|(state, count)| format!("{count} {state}")).collect();
    println!("the runs ended as {}", ends.join(", "));
    for (scenario, length) in whole {
        println!("an unhurt run of {scenario:?} takes {} ms", length.as_millis());
    }
}

/// `cargo run` builds only this program, so that the one under test is asked for.
fn program_of_this_build() -> Result<PathBuf, String> {
    let own = std::env::current_exe().map_err(|error| format!("where am I? {error}"))?;
    let program = own.with_file_name("windlass-under-test");
    if let Ok(cargo) = std::env::var("CARGO") {
        let mut build = Command::new(cargo);
        build.args(["build", "--quiet", "-p", "windlass-tests", "--bin", "windlass-under-test"]);
        if own.parent().is_some_and(|folder| folder.ends_with("release")) {
            build.arg("--release");
        }
        let status = build.status().map_err(|error| format!("cargo build: {error}"))?;
        if !status.success() {
            return Err("the program under test could not be built; see above".to_owned());
        }
    }
    if program.exists() {
        return Ok(program);
    }
    Err(format!("{} is not there; cargo build -p windlass-tests --bins makes it", program.display()))
}
