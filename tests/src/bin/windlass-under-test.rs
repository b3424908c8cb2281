//! The `windlass` command with failpoints, for the tests of this package.

use std::process::ExitCode;

fn main() -> ExitCode {
    windlass::cli::main()
}
