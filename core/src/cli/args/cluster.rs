//! What can be typed after `cluster`, `rollout` and `preview`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::control::WhoArgs;
use super::{DataDirArg, ParameterArgs};
use crate::deploy::Workload;
use crate::pipeline::CredentialName;

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  windlass cluster add prod --kubeconfig ~/.kube/config --context prod
  windlass cluster add prod --credential prod-kubeconfig
  windlass cluster add prod --server https://10.0.0.1:6443 --credential prod-token --authority ca.crt
  windlass cluster add here --in-cluster
  windlass cluster list
  windlass cluster test prod
  windlass cluster role --namespace windlass-prod | kubectl apply -f -

Only the way to a cluster is kept; its secrets stay in the kubeconfig or the credential. Credentials are kept before:
  windlass secret set prod-kubeconfig --kind kubeconfig --from kubeconfig.yaml
  windlass secret set prod-token --kind token --from token.txt
  windlass secret set prod-client --value certificate=client.crt --value key=client.key
  windlass secret set prod-client --kind pkcs12 --from client.p12 --passphrase-from password.txt

Exit code 0 when it is done; 1 when a tested cluster is not well; 2 when an argument or what it names is wrong, or the cluster
refuses; 3 when the cluster does not answer.")]
pub(in crate::cli) struct ClusterArgs {
    #[command(subcommand)]
    pub(in crate::cli) verb: ClusterVerb,
    /// The folder with runs, events and logs
    #[arg(long, global = true, value_name = "DIR", default_value = ".windlass")]
    pub(in crate::cli) data_dir: PathBuf,
    /// Print JSON
    #[arg(long, global = true)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum ClusterVerb {
    /// Keep a cluster under a name, after a look whether it can be reached
    Add {
        /// Lower-case letters, digits and `-`
        name: String,
        #[command(flatten)]
        way: WayArgs,
        /// Where Windlass works in it; `windlass-NAME` unless set, made when missing
        #[arg(long, value_name = "NAME")]
        namespace: Option<String>,
        #[command(flatten)]
        who: WhoArgs,
    },
    /// List clusters with address, version and health
    List,
    /// Ask a cluster how it is
    Test {
        /// Its name
        name: String,
    },
    /// Forget a cluster; in the cluster itself nothing is changed
    Remove {
        /// Its name
        name: String,
        /// Also when pipelines name it
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        who: WhoArgs,
    },
    /// Print a service account with the rights that Windlass needs, as YAML
    Role {
        /// The namespace
        #[arg(long, value_name = "NAME")]
        namespace: String,
        /// The account
        #[arg(long, value_name = "NAME", default_value = "windlass")]
        account: String,
    },
}

/// How the API server of a cluster is reached.
#[derive(Args, Debug)]
pub(in crate::cli) struct WayArgs {
    /// A kubeconfig on this machine
    #[arg(long, value_name = "FILE", conflicts_with_all = ["credential", "server", "in_cluster"])]
    pub(in crate::cli) kubeconfig: Option<PathBuf>,
    /// A stored credential: a kubeconfig; or with --server a token or a client certificate (pkcs12, or the values `certificate`
    /// and `key`)
    #[arg(long, value_name = "NAME", required_unless_present_any = ["kubeconfig", "in_cluster"], conflicts_with = "in_cluster")]
    pub(in crate::cli) credential: Option<CredentialName>,
    /// From a pod of the cluster itself, by its service account
    #[arg(long)]
    pub(in crate::cli) in_cluster: bool,
    /// The context in the kubeconfig; its current one unless set
    #[arg(long, value_name = "NAME", conflicts_with_all = ["server", "in_cluster"])]
    pub(in crate::cli) context: Option<String>,
    /// The address of the API server, where the credential is no kubeconfig
    #[arg(long, value_name = "URL", requires = "credential")]
    pub(in crate::cli) server: Option<String>,
    /// The certificates of the authority that the API server's is from, in PEM; those of the machine unless set
    #[arg(long, value_name = "FILE", requires = "server")]
    pub(in crate::cli) authority: Option<PathBuf>,
    /// Do not look whether the API server is who it says: whoever stands between can read and change everything
    #[arg(long, requires = "server", conflicts_with = "authority")]
    pub(in crate::cli) insecure_skip_tls_verify: bool,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  windlass rollout status deployment/web --cluster prod --namespace shop
  windlass rollout history deployment/web --cluster prod
  windlass rollout undo deployment/web --to 3 --cluster prod
  windlass rollout scale statefulset/db 3 --cluster prod

Exit code 0 when it is done; 1 when a rollout fails; 2 when an argument is wrong; 3 otherwise.")]
pub(in crate::cli) struct RolloutArgs {
    #[command(subcommand)]
    pub(in crate::cli) verb: RolloutVerb,
    /// The name of the cluster
    #[arg(long, global = true, value_name = "NAME", default_value = "")]
    pub(in crate::cli) cluster: String,
    /// The namespace; that of the cluster unless set
    #[arg(long, global = true, value_name = "NAME")]
    pub(in crate::cli) namespace: Option<String>,
    /// Print JSON
    #[arg(long, global = true)]
    pub(in crate::cli) json: bool,
    /// The folder with runs, events and logs
    #[arg(long, global = true, value_name = "DIR", default_value = ".windlass")]
    pub(in crate::cli) data_dir: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum RolloutVerb {
    /// Wait until the rollout is done, and say how far it is
    Status {
        /// deployment/NAME, statefulset/NAME or daemonset/NAME
        workload: Workload,
        /// How long to wait, in seconds
        #[arg(long, value_name = "SECONDS", default_value_t = 300)]
        wait: u64,
    },
    /// List the revisions that it had
    History {
        /// What
        workload: Workload,
    },
    /// Go back to a revision
    Undo {
        /// What
        workload: Workload,
        /// The revision; the one before unless set
        #[arg(long, value_name = "NUMBER")]
        to: Option<i64>,
    },
    /// Let changes do nothing until it is resumed
    Pause {
        /// What
        workload: Workload,
    },
    /// Let changes do something again
    Resume {
        /// What
        workload: Workload,
    },
    /// Make all pods again, one after another
    Restart {
        /// What
        workload: Workload,
    },
    /// Say how many pods there shall be
    Scale {
        /// What
        workload: Workload,
        /// How many
        replicas: u32,
    },
    /// Delete it with its pods
    Delete {
        /// What
        workload: Workload,
    },
    /// Delete it, wait until its pods are gone, and make it again
    Recreate {
        /// What
        workload: Workload,
    },
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  windlass preview deploy/web.yaml --cluster prod --namespace shop --param BUILD_NUMBER=7

The cluster judges the objects as if they were meant; nothing is changed.

Exit code 0 when it would be taken; 2 when it would be refused; 3 when the cluster cannot be asked.")]
pub(in crate::cli) struct PreviewArgs {
    /// Files with manifests
    #[arg(required = true)]
    pub(in crate::cli) files: Vec<PathBuf>,
    /// The name of the cluster
    #[arg(long, value_name = "NAME", default_value = "")]
    pub(in crate::cli) cluster: String,
    /// The namespace of objects that name none
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) namespace: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) parameters: ParameterArgs,
    /// Print JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
    #[command(flatten)]
    pub(in crate::cli) data_dir: DataDirArg,
}
