//! Signals: their names, what is known when one ends a step, and what is not.

use super::{StepFacts, code};
use crate::run::Cause;

/// Whether a signal ended the step itself, or a command in its script as far as the exit code tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Victim {
    /// The system said so.
    Step,
    /// The exit code is 128 + n: the convention of shells.
    Command,
}

/// The name of a signal.
pub(super) fn name(signal: i32) -> Option<&'static str> {
    Some(match signal {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        5 => "SIGTRAP",
        6 => "SIGABRT",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        13 => "SIGPIPE",
        14 => "SIGALRM",
        15 => "SIGTERM",
        // The numbers of these are Linux's; other systems number them otherwise.
        7 if cfg!(target_os = "linux") => "SIGBUS",
        24 if cfg!(target_os = "linux") => "SIGXCPU",
        25 if cfg!(target_os = "linux") => "SIGXFSZ",
        31 if cfg!(target_os = "linux") => "SIGSYS",
        _ => return None,
    })
}

/// The signal of an exit code 128 + n. Not for 129: programs such as git use it for "wrong usage".
pub(super) fn of_exit_code(exit_code: i32) -> Option<i32> {
    let signal = exit_code.checked_sub(128).filter(|signal| (2..=31).contains(signal))?;
    name(signal).map(|_| signal)
}

/// The cause of an end by a signal.
pub(super) fn cause(signal: i32, victim: Victim, step: &StepFacts<'_>) -> Cause {
    let shown = name(signal).map_or_else(|| format!("signal {signal}"), str::to_owned);
    let message = match victim {
        Victim::Step => format!("the {} was ended by {shown}", step.noun()),
        Victim::Command => {
            format!("the {} ended with exit code {}: a command in it was ended by {shown}", step.noun(), 128 + signal)
        }
    };
    let code = if signal == 9 { code::KILLED } else { code::SIGNAL };
    Cause::new(code, message, advice(signal, step))
}

fn advice(signal: i32, step: &StepFacts<'_>) -> String {
    match signal {
        9 => format!(
            "Windlass did not send it, and the signal does not say who did. Most often the system was out of memory: look for \
             \"Out of memory\" in the kernel's log (dmesg) of {}, give the step more memory or let it do less at once.",
            match step.image {
                Some(_) => "the host on which the step ran",
                None => "the machine that runs the step",
            }
        ),
        11 | 7 => "The program used memory that is not its own: a bug in it, or in a library that does not fit. Try it with other \
                   versions, or with a core dump (`ulimit -c unlimited`)."
            .to_owned(),
        6 => "The program gave up by itself, mostly after a failed check: what it says about it stands at the end of the log."
            .to_owned(),
        4 => "The program has an instruction that this processor does not know: take a build for this kind of machine.".to_owned(),
        8 => "The program divided by zero, or the like: a bug in it.".to_owned(),
        13 => "It wrote to a program that had ended already, as `yes | head -1` does under `pipefail`. Let the reader read to the \
               end, or ignore this end of the writer."
            .to_owned(),
        2 | 15 | 1 | 3 => "Somebody outside this run sent it, such as an administrator, a shutdown of the machine, or the script \
                           itself (`kill`, `timeout`). Windlass did not."
            .to_owned(),
        24 => "A limit on processor time was reached: raise it (`ulimit -t`).".to_owned(),
        25 => "A limit on the size of files was reached: raise it (`ulimit -f`).".to_owned(),
        31 => "The step made a system call that is forbidden where it runs: see the seccomp profile.".to_owned(),
        _ => "The end of the log may tell more.".to_owned(),
    }
}
