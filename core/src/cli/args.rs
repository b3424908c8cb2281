//! What can be typed after `windlass`.

#[cfg(feature = "kubernetes")]
mod cluster;
mod control;
mod reading;
mod secret;

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

#[cfg(feature = "kubernetes")]
pub(super) use self::cluster::{ClusterArgs, ClusterVerb, PreviewArgs, RolloutArgs, RolloutVerb, WayArgs};
pub(super) use self::control::{
    ApproveArgs, BackupArgs, CancelArgs, DecisionArgs, DoctorArgs, RejectArgs, RestoreArgs, RetryArgs,
};
pub(super) use self::reading::{ArtifactsArgs, LogsArgs, RunsArgs, ShowArgs};
pub(super) use self::secret::{
    ListSecretsArgs, RemoveSecretArgs, RotateKeyArgs, SecretArgs, SecretVerb, SetSecretArgs, TestSecretArgs, named_file,
};
use crate::pipeline::ExecutorName;

/// A CI/CD engine without a server: pipelines run on this machine, survive a crash, and say why they failed.
#[derive(Debug, Parser)]
#[command(name = "windlass", bin_name = "windlass", version, propagate_version = true, max_term_width = 100, after_help = EXAMPLES)]
pub(super) struct Cli {
    /// Whether colours are used. `auto`: on a terminal, unless NO_COLOR is set.
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t = ColorWhen::Auto)]
    pub(super) color: ColorWhen,

    #[command(subcommand)]
    pub(super) verb: Verb,
}

const EXAMPLES: &str = "\
Examples:
  windlass run ci.yaml --param TARGET=dev    run a pipeline and watch it
  windlass validate ci.yaml                  say everything that is wrong with it
  windlass show latest                       what happened in the newest run, and why
  windlass logs latest test                  the log of its task `test`
  windlass attach                            take up what an earlier process left unfinished
  windlass cancel latest                     end it, from any terminal

Exit codes:
  0 succeeded · 1 failed or timed out · 2 wrong definition or argument, nothing started
  3 the engine could not do its work · 130 cancelled

Environment:
  NO_COLOR        no colours, whatever the value
  WINDLASS_LOG    what the engine says about itself on stderr, such as `debug` or `windlass=trace`
  WINDLASS_MASTER_KEY, WINDLASS_MASTER_KEY_FILE
                  the key that seals credentials, or the file with it; see `windlass secret set --help`";

/// What is to be done.
#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Run a pipeline and follow it to its end
    Run(RunArgs),
    /// Check a definition and say everything that is wrong with it
    Validate(ValidateArgs),
    /// Show what a run would do, without starting anything
    Plan(PlanArgs),
    /// Print the JSON Schema of definitions
    Schema(SchemaArgs),
    /// List runs, newest first
    Runs(RunsArgs),
    /// Show a run: its tasks, why they failed and what to do
    Show(ShowArgs),
    /// Print the log of a task, or of all tasks of a run
    Logs(LogsArgs),
    /// List the artifacts of a run, or unpack them
    Artifacts(ArtifactsArgs),
    /// Take up what an earlier process left unfinished, and follow it to its end
    Attach(AttachArgs),
    /// End a run, also one of another process
    Cancel(CancelArgs),
    /// Say yes to a task that waits for an approval
    Approve(ApproveArgs),
    /// Say no to a task that waits for an approval
    Reject(RejectArgs),
    /// Run a run again
    Retry(RetryArgs),
    /// Keep credentials for tasks: set, list, remove, test them
    Secret(SecretArgs),
    /// Copy everything into a folder, while it goes on
    Backup(BackupArgs),
    /// Make a data directory of a backup
    Restore(RestoreArgs),
    /// Keep Kubernetes clusters by name, and look how they are
    #[cfg(feature = "kubernetes")]
    Cluster(ClusterArgs),
    /// Look at the rollout of a workload in a cluster, undo it, pause it, scale it
    #[cfg(feature = "kubernetes")]
    Rollout(RolloutArgs),
    /// Say what a deployment of manifests would change in a cluster
    #[cfg(feature = "kubernetes")]
    Preview(PreviewArgs),
    /// Say whether the data directory and this machine are in order, and what to do if not
    Doctor(DoctorArgs),
}

/// Where everything is kept.
#[derive(Args, Clone, Debug)]
pub(super) struct DataDirArg {
    /// The folder with runs, events and logs
    #[arg(long, value_name = "DIR", default_value = ".windlass")]
    pub(super) data_dir: PathBuf,
}

/// How a run is shown while it goes on.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(super) struct FollowArgs {
    /// Print one event a line, as JSON
    #[arg(long)]
    pub(super) json: bool,
    /// Print plain lines also on a terminal
    #[arg(long, conflicts_with = "json")]
    pub(super) plain: bool,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  windlass run ci.yaml
  windlass run ci.yaml --param TARGET=dev --param LEVEL=3
  windlass run ci.yaml --source .                 the workspace starts with the files of this folder
  windlass run ci.yaml --secret HOOK=hook.txt     a credential for this run alone
  windlass run ci.yaml --json | jq 'select(.type == \"taskFinished\")'

The first Ctrl-C cancels the run and cleans up. The second leaves at once; `windlass attach` takes the run up again.")]
pub(super) struct RunArgs {
    /// The definition, YAML or JSON
    pub(super) file: PathBuf,
    #[command(flatten)]
    pub(super) parameters: ParameterArgs,
    /// Where the steps run, instead of what the definition says
    #[arg(long, value_name = "NAME")]
    pub(super) executor: Option<ExecutorName>,
    /// A folder whose files the workspace starts with; what git ignores stays out
    #[arg(long, value_name = "DIR")]
    pub(super) source: Option<PathBuf>,
    /// A credential for this run alone, from a file; can be given several times. It is kept sealed until the run has ended
    #[arg(long = "secret", value_name = "NAME=FILE", value_parser = named_file)]
    pub(super) secrets: Vec<(String, PathBuf)>,
    #[command(flatten)]
    pub(super) data_dir: DataDirArg,
    /// How many tasks run at once; twice the processors unless set
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) max_tasks: Option<u32>,
    /// A variable of this process that steps on the local executor get as well; can be given several times
    #[arg(long, value_name = "NAME")]
    pub(super) pass_env: Vec<String>,
    #[command(flatten)]
    pub(super) follow: FollowArgs,
}

/// Values of dynamic parameters.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct ParameterArgs {
    /// The value of a dynamic parameter; can be given several times
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = parameter)]
    param: Vec<(String, String)>,
}

impl ParameterArgs {
    /// The values by name; the name of one that is given twice otherwise.
    pub(super) fn by_name(&self) -> Result<BTreeMap<String, String>, String> {
        let mut values = BTreeMap::new();
        for (name, value) in &self.param {
            if values.insert(name.clone(), value.clone()).is_some() {
                return Err(format!("the parameter {name} is given twice; give it once"));
            }
        }
        Ok(values)
    }
}

fn parameter(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write NAME=VALUE, such as TARGET=dev".to_owned()),
    }
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  windlass validate ci.yaml
  windlass validate ci.yaml --json      {\"valid\":false,\"problems\":[{\"file\":…,\"line\":…,\"column\":…}]}

Exit code 0 when it is right, 2 when it is not.")]
pub(super) struct ValidateArgs {
    /// The definition, YAML or JSON
    pub(super) file: PathBuf,
    /// Print the problems as JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  windlass plan ci.yaml
  windlass plan ci.yaml --param TARGET=prod --json")]
pub(super) struct PlanArgs {
    /// The definition, YAML or JSON
    pub(super) file: PathBuf,
    #[command(flatten)]
    pub(super) parameters: ParameterArgs,
    /// Print the plan as JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  windlass schema > windlass.schema.json

In an editor with the YAML language server, the first line of a definition can name it:
  # yaml-language-server: $schema=windlass.schema.json")]
pub(super) struct SchemaArgs {}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  windlass attach                           everything that is unfinished
  windlass attach latest
  windlass attach myweb#7 --json --after 41

The exit code is that of the run; of several runs the worst one.")]
pub(super) struct AttachArgs {
    /// The run: its id, the beginning of it, PIPELINE#NUMBER, or `latest`; all unfinished ones when it is left out
    pub(super) run: Option<String>,
    /// Only events after this number
    #[arg(long, value_name = "SEQ", requires = "run")]
    pub(super) after: Option<u64>,
    /// A variable of this process that steps on the local executor get as well; can be given several times
    #[arg(long, value_name = "NAME")]
    pub(super) pass_env: Vec<String>,
    #[command(flatten)]
    pub(super) data_dir: DataDirArg,
    #[command(flatten)]
    pub(super) follow: FollowArgs,
}

/// When colours are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum ColorWhen {
    #[default]
    Auto,
    Always,
    Never,
}
