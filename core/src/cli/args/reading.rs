//! The verbs that read what is kept, beside whoever works with it.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use jiff::Timestamp;

use super::DataDirArg;
use crate::cli::moment::Moment;
use crate::run::RunStatus;

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  windlass runs
  windlass runs --pipeline myweb --status failed --status timedOut --limit 10
  windlass runs --since 2d --trigger schedule      what schedules started in the last two days
  windlass runs --by ana --until 2026-11-01
  windlass runs --json | jq -r .id

When there may be more, how to get them is said on stderr.")]
pub(in crate::cli) struct RunsArgs {
    /// Only runs of this pipeline
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) pipeline: Option<String>,
    /// Only runs in this state; can be given several times
    #[arg(long, value_enum, value_name = "STATE")]
    pub(in crate::cli) status: Vec<StatusArg>,
    /// Only runs that this started: `manual`, `schedule`, `push` …
    #[arg(long, value_name = "KIND")]
    pub(in crate::cli) trigger: Option<String>,
    /// Only runs that this person started
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) by: Option<String>,
    /// Only runs made at this time or later: `2026-11-21`, `2026-11-21T08:00:00Z`, or how long ago: `90m`, `2d`
    #[arg(long, value_name = "TIME")]
    pub(in crate::cli) since: Option<Moment>,
    /// Only runs made before this time
    #[arg(long, value_name = "TIME")]
    pub(in crate::cli) until: Option<Moment>,
    /// Only runs older than this one
    #[arg(long, value_name = "RUN")]
    pub(in crate::cli) before: Option<String>,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub(in crate::cli) limit: u32,
    /// Print one run a line, as JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
    #[command(flatten)]
    pub(in crate::cli) data_dir: DataDirArg,
}

impl RunsArgs {
    /// The beginning and the end of the time that is looked at.
    pub(in crate::cli) fn span(&self, now: Timestamp) -> (Option<Timestamp>, Option<Timestamp>) {
        (self.since.map(|since| since.at(now)), self.until.map(|until| until.at(now)))
    }
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  windlass show latest
  windlass show myweb#7
  windlass show 0192f3 --json
  windlass show latest --events --json      every event, one a line
  windlass show latest --at 12              as it was right after event 12
  windlass show latest --timeline           what waited, and what took how long
  windlass show latest --trace > run.json   the same for chrome://tracing and ui.perfetto.dev")]
pub(in crate::cli) struct ShowArgs {
    /// The run: its id, the beginning of it, PIPELINE#NUMBER, or `latest`
    pub(in crate::cli) run: String,
    /// Print it as JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
    /// Print the events instead
    #[arg(long, group = "what")]
    pub(in crate::cli) events: bool,
    /// Print it as it was right after the event of this number; 0 stands for before the first one
    #[arg(long, value_name = "SEQ", group = "what")]
    pub(in crate::cli) at: Option<u64>,
    /// Print where its time went instead
    #[arg(long, group = "what")]
    pub(in crate::cli) timeline: bool,
    /// Print where its time went as a Chrome trace, in JSON
    #[arg(long, group = "what")]
    pub(in crate::cli) trace: bool,
    #[command(flatten)]
    pub(in crate::cli) data_dir: DataDirArg,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  windlass logs latest test               exactly the bytes that the task printed
  windlass logs latest 'unit[PY=3.12]'    one instance of a matrix; `unit` alone stands for all of them
  windlass logs latest -f                 all tasks, until the run has ended
  windlass logs myweb#7 test --attempt 1
  windlass logs latest test --tail 20 --timestamps
  windlass logs latest --grep 'error'     the lines that hold it, in all tasks and attempts
  windlass logs latest --grep '^FAILED .*test_(a|b)' --regex --ignore-case --json
  windlass logs latest --output run.log   the logs of all attempts in one file

--grep prints TASK:LINE:TEXT (TASK#ATTEMPT from the second attempt on). The exit code is 0 also when nothing is found.")]
pub(in crate::cli) struct LogsArgs {
    /// The run: its id, the beginning of it, PIPELINE#NUMBER, or `latest`
    pub(in crate::cli) run: String,
    /// The task; all of them in the order of their start when it is left out
    pub(in crate::cli) task: Option<String>,
    /// Go on until the task, or the run, has ended
    #[arg(short, long)]
    pub(in crate::cli) follow: bool,
    /// The attempt; the newest one when it is left out
    #[arg(long, value_name = "N", requires = "task", value_parser = clap::value_parser!(u32).range(1..))]
    pub(in crate::cli) attempt: Option<u32>,
    /// Only the last lines
    #[arg(long, value_name = "N", conflicts_with_all = ["follow", "grep", "output"])]
    pub(in crate::cli) tail: Option<u32>,
    /// The time when it came before each line
    #[arg(long, conflicts_with_all = ["follow", "grep"])]
    pub(in crate::cli) timestamps: bool,
    /// Only lines that hold this text, with their numbers
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["follow", "output", "attempt"])]
    pub(in crate::cli) grep: Option<String>,
    /// Upper and lower case are the same
    #[arg(long, requires = "grep")]
    pub(in crate::cli) ignore_case: bool,
    /// The text is a regular expression
    #[arg(long, requires = "grep")]
    pub(in crate::cli) regex: bool,
    /// Print one match a line, as JSON
    #[arg(long, requires = "grep")]
    pub(in crate::cli) json: bool,
    /// Write the logs of all attempts of the run to this file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["follow", "task"])]
    pub(in crate::cli) output: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) data_dir: DataDirArg,
}

/// A state of a run, as it is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "camelCase")]
pub(in crate::cli) enum StatusArg {
    Queued,
    Running,
    Succeeded,
    Failed,
    Cancelled,
    TimedOut,
}

impl From<StatusArg> for RunStatus {
    fn from(status: StatusArg) -> Self {
        match status {
            StatusArg::Queued => Self::Queued,
            StatusArg::Running => Self::Running,
            StatusArg::Succeeded => Self::Succeeded,
            StatusArg::Failed => Self::Failed,
            StatusArg::Cancelled => Self::Cancelled,
            StatusArg::TimedOut => Self::TimedOut,
        }
    }
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  windlass artifacts latest                    what there is
  windlass artifacts myweb#7 dist --to out     the files of `dist` in the folder out
  windlass artifacts latest --to out           all of them, each in a folder of its own")]
pub(in crate::cli) struct ArtifactsArgs {
    /// The run: its id, the beginning of it, PIPELINE#NUMBER, PIPELINE#latest, or `latest`
    pub(in crate::cli) run: String,
    /// The artifact that is unpacked
    pub(in crate::cli) name: Option<String>,
    /// Only artifacts of this task
    #[arg(long, value_name = "TASK")]
    pub(in crate::cli) task: Option<String>,
    /// The folder into which is unpacked; the current one unless set
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) to: Option<PathBuf>,
    /// Print one artifact a line, as JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
    #[command(flatten)]
    pub(in crate::cli) data_dir: DataDirArg,
}
