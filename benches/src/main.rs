//! Figures, each beside its floor in the same run: what the machine needs for the same work without an engine.
//!
//! ```text
//! cargo run --release -p windlass-benches                 # all but the long ones
//! cargo run --release -p windlass-benches -- steps lines  # some
//! cargo run --release -p windlass-benches -- log          # a log of 1 GiB
//! cargo run --release -p windlass-benches -- docker       # steps in containers; needs a Docker engine
//! cargo run --release -p windlass-benches -- kubernetes   # steps in pods; needs a cluster, such as that of tests/cluster/up
//! cargo run --release -p windlass-benches -- store        # a million events in the store, with its query plans
//! cargo run -p windlass-benches -- --quick                # tiny counts: does everything still work?
//! ```
//!
//! Floor and measured work take turns, so that a busy moment meets both; the table shows medians. Each benchmark has a
//! process of its own, so that none warms the memory of another.

mod bench;
mod measure;
mod process;
mod table;

use std::process::{Command, ExitCode};

use clap::Parser;

use crate::bench::{BENCHES, Bench, Effort};
use crate::table::Row;

/// Measure the engine beside the floor of the same work.
#[derive(Debug, Parser)]
struct Arguments {
    /// The benchmarks; all but the long ones when none is named
    names: Vec<String>,
    /// Tiny counts, once: a test that everything works, no measurement
    #[arg(long)]
    quick: bool,
    /// How often each is measured; the median counts
    #[arg(long, default_value_t = 5)]
    repeat: usize,
    /// Print the rows of one benchmark as JSON; for the process that collects them
    #[arg(long, hide = true)]
    child: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = if arguments.child { measure_here(&arguments) } else { collect(&arguments) };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn chosen(names: &[String]) -> Result<Vec<&'static Bench>, String> {
    if names.is_empty() {
        return Ok(BENCHES.iter().filter(|bench| !bench.long).collect());
    }
    let find = |name: &String| {
        let known = || BENCHES.iter().map(|bench| bench.name).collect::<Vec<_>>().join(", ");
        BENCHES
            .iter()
            .find(|bench| bench.name == name)
            .ok_or_else(|| format!("there is no {name}; there are {}", known()))
    };
    names.iter().map(find).collect()
}

/// Runs the benchmarks of this process.
fn measure_here(arguments: &Arguments) -> Result<(), String> {
    let effort = Effort { quick: arguments.quick, repeat: if arguments.quick { 1 } else { arguments.repeat.max(1) } };
    for bench in chosen(&arguments.names)? {
        let rows = (bench.run)(effort).map_err(|error| format!("{}: {error}", bench.name))?;
        println!("{}", serde_json::to_string(&rows).map_err(|error| error.to_string())?);
    }
    Ok(())
}

/// Gives each benchmark a process, and prints the table.
fn collect(arguments: &Arguments) -> Result<(), String> {
    if cfg!(debug_assertions) && !arguments.quick {
        eprintln!("this is a debug build: the figures mean little; use --release");
    }
    let own = std::env::current_exe().map_err(|error| format!("where am I? {error}"))?;
    let mut rows: Vec<Row> = Vec::new();
    for bench in chosen(&arguments.names)? {
        eprintln!("{} …", bench.name);
        let mut child = Command::new(&own);
        child.args([bench.name, "--child", "--repeat", &arguments.repeat.to_string()]);
        child.args(arguments.quick.then_some("--quick"));
        let output = child.stderr(std::process::Stdio::inherit()).output().map_err(|error| error.to_string())?;
        if !output.status.success() {
            return Err(format!("{} ended with {}", bench.name, output.status));
        }
        let found: Vec<Row> =
            serde_json::from_slice(&output.stdout).map_err(|error| format!("{}: {error}", bench.name))?;
        rows.extend(found);
    }
    print!("{}", table::draw(&rows));
    Ok(())
}
