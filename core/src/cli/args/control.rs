//! The verbs that change what another process, or nobody, works on.

use std::path::PathBuf;

use clap::Args;

use super::{DataDirArg, FollowArgs};
use crate::engine::Rerun;
use crate::pipeline::TaskName;

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  windlass cancel latest
  windlass cancel myweb#7 --as ana --reason 'wrong branch'

Where an engine works on the data directory, in this process's user's name, it is asked, and the command returns when the wish
is on disk: steps get their signal, and `finally` runs. Where none does, this command takes up what is unfinished, ends the
run and cleans up before it returns.

Exit code 0 when it was done; 2 when there is no such run, or it has ended already; 3 when the engine could not do it.")]
pub(in crate::cli) struct CancelArgs {
    /// The run: its id, the beginning of it, PIPELINE#NUMBER, or `latest`
    pub(in crate::cli) run: String,
    #[command(flatten)]
    pub(in crate::cli) who: WhoArgs,
    /// Why, for those who look at the run later
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(in crate::cli) reason: String,
    /// Print the run as JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
    #[command(flatten)]
    pub(in crate::cli) data_dir: DataDirArg,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  windlass approve latest sign-off --as ana
  windlass approve myweb#7 sign-off --as ana --reason 'tested on staging'
  windlass approve latest sign-off --as ana --attach    and go on with the run here

Where an engine works on the data directory, it goes on with the run at once. Where none does, the decision is only written
down and nothing starts: `windlass attach` goes on with the run, and so does this command with --attach.

Exit code 0 when it was decided; 2 when there is no such run or task, or nothing is asked about it; 3 when the engine could
not do it. With --attach it is that of the run.")]
pub(in crate::cli) struct ApproveArgs {
    #[command(flatten)]
    pub(in crate::cli) decision: DecisionArgs,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  windlass reject latest sign-off --as ana --reason 'not on a Friday'

The task fails, and with it the run; `finally` runs. Where an engine works on the data directory, it does so at once. Where
none does, the decision is only written down: `windlass attach` goes on with the run, and so does this command with --attach.

Exit code 0 when it was decided; 2 when there is no such run or task, or nothing is asked about it; 3 when the engine could
not do it. With --attach it is that of the run.")]
pub(in crate::cli) struct RejectArgs {
    #[command(flatten)]
    pub(in crate::cli) decision: DecisionArgs,
}

/// A decision about a task that waits for one.
#[derive(Args, Debug)]
pub(in crate::cli) struct DecisionArgs {
    /// The run: its id, the beginning of it, PIPELINE#NUMBER, or `latest`
    pub(in crate::cli) run: String,
    /// The task that waits for an approval
    pub(in crate::cli) task: String,
    /// Who decides
    #[arg(long = "as", value_name = "NAME")]
    pub(in crate::cli) by: String,
    /// Why, for those who look at the run later
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(in crate::cli) reason: String,
    /// Where no engine works on the data directory, go on with the run here and follow it to its end
    #[arg(long)]
    pub(in crate::cli) attach: bool,
    /// Print the decision as JSON
    #[arg(long, conflicts_with = "attach")]
    pub(in crate::cli) json: bool,
    #[command(flatten)]
    pub(in crate::cli) data_dir: DataDirArg,
}

/// Who does something, where it need not be said.
#[derive(Args, Debug)]
pub(in crate::cli) struct WhoArgs {
    /// Who does it; the name of this user unless set
    #[arg(long = "as", value_name = "NAME")]
    by: Option<String>,
}

impl WhoArgs {
    /// The name: the one that was given, or that of this user.
    pub(in crate::cli) fn name(&self) -> String {
        self.by.clone().unwrap_or_else(login_name)
    }
}

#[cfg(unix)]
fn login_name() -> String {
    let user = nix::unistd::User::from_uid(nix::unistd::geteuid()).ok().flatten();
    user.map_or_else(|| std::env::var("USER").unwrap_or_default(), |user| user.name)
}

#[cfg(not(unix))]
fn login_name() -> String {
    std::env::var("USERNAME").unwrap_or_default()
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  windlass retry latest                     all of it, with the definition and the parameters that it had
  windlass retry latest --from-failed       what did not succeed, in the workspace that the run left
  windlass retry myweb#7 --from build       the task `build` and all that comes after it
  windlass retry myweb#7 --as-it-is         all of it, with its pipeline as it is stored now

A new run is made. Where an engine works on the data directory, it runs there: its name is printed, and --follow shows it to
its end (Ctrl-C only ends the showing). Where none does, it runs here, as with `windlass run`.

Exit code 0 when the new run was made, or, where it is followed, as with `windlass run`; 2 when there is no such run or task,
or it cannot be run again like this; 3 when the engine could not do it.")]
pub(in crate::cli) struct RetryArgs {
    /// The run: its id, the beginning of it, PIPELINE#NUMBER, or `latest`
    pub(in crate::cli) run: String,
    /// Only what did not succeed; what did is not done again
    #[arg(long, group = "mode")]
    from_failed: bool,
    /// Only this task and all that comes after it, in a fresh workspace
    #[arg(long, value_name = "TASK", group = "mode")]
    from: Option<TaskName>,
    /// All of it, with its pipeline as it is stored now
    #[arg(long, group = "mode")]
    as_it_is: bool,
    #[command(flatten)]
    pub(in crate::cli) who: WhoArgs,
    /// Show the new run to its end also where another process works on it
    #[arg(long)]
    pub(in crate::cli) follow: bool,
    /// A variable of this process that steps on the local executor get as well, where they run here; can be given several times
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) pass_env: Vec<String>,
    #[command(flatten)]
    pub(in crate::cli) data_dir: DataDirArg,
    #[command(flatten)]
    pub(in crate::cli) show: FollowArgs,
}

impl RetryArgs {
    /// How it is run again.
    pub(in crate::cli) fn mode(&self) -> Rerun {
        match &self.from {
            Some(task) => Rerun::FromTask(task.clone()),
            None if self.from_failed => Rerun::FromFailed,
            None if self.as_it_is => Rerun::AsItIs,
            None => Rerun::AsItWas,
        }
    }
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  windlass doctor
  windlass doctor --data-dir /var/lib/portal --json

Looks and changes nothing, also beside a running engine. It reads the whole database.

With --cluster it asks a kept cluster about each right that Windlass needs in its namespace.

Exit code 0 when nothing is wrong; 3 otherwise.")]
pub(in crate::cli) struct DoctorArgs {
    /// Also look at this cluster
    #[cfg(feature = "kubernetes")]
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) cluster: Option<String>,
    /// Print what was found as JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
    #[command(flatten)]
    pub(in crate::cli) data_dir: DataDirArg,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  windlass backup /backups/monday
  windlass backup /backups/monday --as ana

Copies runs, events, logs, artifacts, test reports and pipelines as they are at one moment, while everything goes on: an engine
that works on the data directory is asked, and where none does, this command copies and starts nothing. `windlass restore` makes
a data directory of it, and reading verbs take it with --data-dir as it is.

Not in it are caches, which are made again, workspaces, artifacts that a portal keeps outside of the data directory (in a bucket),
and the master key of the credentials.

Exit code 0 when the backup is on the disk; 2 when there is something at that path already; 3 otherwise.")]
pub(in crate::cli) struct BackupArgs {
    /// The folder that becomes the backup; there must be nothing yet
    pub(in crate::cli) path: PathBuf,
    #[command(flatten)]
    pub(in crate::cli) who: WhoArgs,
    #[command(flatten)]
    pub(in crate::cli) data_dir: DataDirArg,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  windlass restore /backups/monday
  windlass restore /backups/monday --data-dir /var/lib/portal

The data directory must not be there yet, or be an empty folder. The backup is looked through first, and stays as it is. Runs
that had not ended are taken up by the next engine (`windlass attach`); what became of their running steps nobody knows.

Exit code 0 when the data directory is there; 2 when there is no such backup, or something is in the way; 3 otherwise.")]
pub(in crate::cli) struct RestoreArgs {
    /// The folder with the backup
    pub(in crate::cli) backup: PathBuf,
    #[command(flatten)]
    pub(in crate::cli) data_dir: DataDirArg,
}
