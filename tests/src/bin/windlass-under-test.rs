//! The `windlass` command with named crash points and deliberate bugs, for the tests of recovery.

use std::process::ExitCode;

fn main() -> ExitCode {
    windlass::cli::main()
}
