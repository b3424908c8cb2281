//! Exit codes, and failures of the command itself.

use crate::error::Error;
use crate::run::RunStatus;

/// How the command ends. Scripts rely on the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// 0: it went well.
    Succeeded,
    /// 1: the run failed or timed out.
    Failed,
    /// 2: the definition or an argument is wrong, and nothing started.
    Invalid,
    /// 3: the engine could not do its work.
    Engine,
    /// 130: the run was cancelled.
    Cancelled,
}

impl Exit {
    pub(super) fn code(self) -> u8 {
        match self {
            Self::Succeeded => 0,
            Self::Failed => 1,
            Self::Invalid => 2,
            Self::Engine => 3,
            Self::Cancelled => 130,
        }
    }

    /// The exit of a run that is followed no longer. One that has not ended by then was given up by its engine.
    pub(super) fn of_run(status: RunStatus) -> Self {
        match status {
            RunStatus::Succeeded => Self::Succeeded,
            RunStatus::Failed | RunStatus::TimedOut => Self::Failed,
            RunStatus::Cancelled => Self::Cancelled,
            RunStatus::Queued | RunStatus::Running => Self::Engine,
        }
    }

    /// Of several runs: the engine's failure, then a failed run, then a cancelled one.
    pub(super) fn worst(exits: impl IntoIterator<Item = Self>) -> Self {
        exits.into_iter().max_by_key(|exit| exit.weight()).unwrap_or(Self::Succeeded)
    }

    fn weight(self) -> u8 {
        match self {
            Self::Succeeded => 0,
            Self::Cancelled => 1,
            Self::Failed => 2,
            Self::Invalid => 3,
            Self::Engine => 4,
        }
    }
}

/// Why the command could not do what it was asked: what it says on stderr, and how it ends.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) exit: Exit,
    pub(super) message: String,
}

impl Failure {
    /// A wrong definition or argument.
    pub(super) fn input(message: impl ToString) -> Self {
        Self { exit: Exit::Invalid, message: message.to_string() }
    }

    /// The engine could not do its work.
    pub(super) fn engine(message: impl ToString) -> Self {
        Self { exit: Exit::Engine, message: message.to_string() }
    }

    /// What the engine said about a run that is not, or not any more, as the request takes it: the person's mistake as well.
    pub(super) fn of_control(error: &Error) -> Self {
        const REFUSED: [&str; 6] =
            ["runEnded", "runUnfinished", "notWaiting", "nothingToRepeat", "workspaceNotKept", "pipelineInactive"];
        if REFUSED.contains(&error.code()) { Self::input(error) } else { Self::of_request(error) }
    }

    /// What the engine said to a request: the person's mistake, or its own trouble.
    pub(super) fn of_request(error: &Error) -> Self {
        use crate::error::ErrorKind as Kind;
        match error.kind() {
            Kind::Invalid | Kind::Unsupported | Kind::NotFound => Self::input(error),
            _ => Self::engine(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn the_codes_are_those_that_scripts_rely_on() {
        let statuses =
            [RunStatus::Succeeded, RunStatus::Failed, RunStatus::TimedOut, RunStatus::Cancelled, RunStatus::Running];
        assert_eq!(statuses.map(|status| Exit::of_run(status).code()), [0, 1, 1, 130, 3]);
    }

    #[test]
    fn of_several_runs_the_worst_one_counts() {
        use Exit::*;
        assert_eq!(Exit::worst([Succeeded, Cancelled]), Cancelled);
        assert_eq!(Exit::worst([Failed, Cancelled, Succeeded]), Failed);
        assert_eq!(Exit::worst([Failed, Engine, Cancelled]), Engine);
        assert_eq!(Exit::worst([]), Succeeded);
    }

    #[test]
    fn what_comes_too_late_is_the_persons_mistake() {
        let exit = |code| Failure::of_control(&Error::new(ErrorKind::Conflict, code, "cancel", "why")).exit;
        assert_eq!(exit("runEnded"), Exit::Invalid);
        assert_eq!(exit("locked"), Exit::Engine);
    }

    #[test]
    fn a_refused_request_is_the_persons_or_the_engines() {
        let exit = |kind| Failure::of_request(&Error::new(kind, "code", "start", "why")).exit;
        assert_eq!(exit(ErrorKind::Unsupported), Exit::Invalid);
        assert_eq!(exit(ErrorKind::NotFound), Exit::Invalid);
        assert_eq!(exit(ErrorKind::Unavailable), Exit::Engine);
        assert_eq!(exit(ErrorKind::Damaged), Exit::Engine);
    }
}
