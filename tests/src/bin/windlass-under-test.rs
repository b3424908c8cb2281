//! The `windlass` command with named crash points, deliberate bugs and actions of its own, for the tests of recovery.

use std::process::ExitCode;

use windlass::Engine;
use windlass_tests::kill::witness::Witness;

fn main() -> ExitCode {
    let engine = || {
        let builder = Engine::builder().action("witness", Witness { repeatable: true });
        builder.action("witness-once", Witness { repeatable: false })
    };
    windlass::cli::main_over(engine, std::env::args_os())
}
