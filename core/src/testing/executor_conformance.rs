//! The executor's contract, sentence by sentence, for every executor that can run portable `sh`.
//!
//! Each case is a public function that takes a [`Factory`] and panics when the contract is broken. Cases for a capability
//! that the executor does not have return at once. [`executor_conformance!`](crate::executor_conformance) makes a test of
//! each.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a case tells of a broken contract by a panic")]

mod bench;
mod ends;
mod environment;
mod kept;
mod logs;
mod starts;
mod stops;
mod workspaces;

pub use bench::Factory;
pub use ends::*;
pub use environment::*;
pub use kept::*;
pub use logs::*;
pub use starts::*;
pub use stops::*;
pub use workspaces::*;

/// Makes one `#[tokio::test]` of each case. The argument is an expression that makes a
/// [`Factory`](crate::testing::executor_conformance::Factory); it is evaluated once for each test. Names behind
/// it, after a semicolon, choose among the cases. The crate that uses it needs tokio with its macros.
#[macro_export]
macro_rules! executor_conformance {
    ($factory:expr) => {
        $crate::executor_conformance_cases!(executor_conformance; $factory);
    };
    ($factory:expr; $($case:ident),+ $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                $crate::testing::executor_conformance::$case(&$factory).await;
            }
        )+
    };
}

/// Calls a macro with all cases behind its arguments.
#[doc(hidden)]
#[macro_export]
macro_rules! executor_conformance_cases {
    ($then:ident; $($argument:expr)?) => {
        $crate::$then!($($argument)?;
            exit_codes, signals, missing_program, not_executable, bad_interpreter, arguments_reach_the_program, shells, own_process,
            standard_input_is_empty,
            environment_is_exact, awkward_variables, large_variables, names_that_cannot_be, secrets_reach_the_step,
            secret_files_go_with_the_step,
            output_order, reopened_outputs, offsets, growing, awkward_bytes, long_line, much_output, early_first_byte,
            forgotten,
            started_once, started_again_after_the_end, fresh_instance, parallel_steps, ended_long_ago, unknown_step,
            graceful_stop, stubborn_step, descendants_are_stopped, hidden_descendants_are_stopped, leftovers_are_stopped,
            stop_before_start, stop_again,
            shared_workspace, isolated_workspaces, own_empty_workspace, outputs, source_is_copied, lost_workspace,
            files_in_and_out, archives_cannot_leave, paths_cannot_leave, links_cannot_lead_out, released_runs, swept_runs,
            kept_files_are_adopted, keeping_ends_the_run, kept_again, kept_and_released, kept_and_swept, nothing_to_keep,
            adopted_again, nothing_to_adopt
        );
    };
}

/// Makes [`CASES`] and [`run_case`].
#[doc(hidden)]
#[macro_export]
macro_rules! executor_conformance_by_name {
    (; $($case:ident),+ $(,)?) => {
        /// The names of all cases.
        pub const CASES: &[&str] = &[$(stringify!($case)),+];

        /// Runs the case of this name, which panics when the contract is broken: for suites in other languages, and for those who
        /// choose while they run. False when there is no such case.
        pub async fn run_case(name: &str, factory: &dyn Factory) -> bool {
            match name {
                $(stringify!($case) => $case(factory).await,)+
                _ => return false,
            }
            true
        }
    };
}

crate::executor_conformance_cases!(executor_conformance_by_name;);
