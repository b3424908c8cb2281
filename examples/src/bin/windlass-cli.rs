//! The `windlass` command as a program of one's own: an embedder who brings executors or actions adds them here one day.

use std::process::ExitCode;

fn main() -> ExitCode {
    windlass::cli::main()
}
