//! `windlass secret`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::DataDirArg;
use super::control::WhoArgs;
use crate::secret::{CredentialKind, CredentialTarget, TargetKind};

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  windlass secret set team-git --kind token --from token.txt
  windlass secret list
  windlass secret test team-git --git https://example.com/team/web.git
")]
pub(in crate::cli) struct SecretArgs {
    #[command(subcommand)]
    pub(in crate::cli) verb: SecretVerb,
}

/// What is to be done with credentials.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum SecretVerb {
    /// Keep a credential, sealed, for all runs of the data directory
    Set(SetSecretArgs),
    /// List the credentials: their names and kinds, never their values
    List(ListSecretsArgs),
    /// Remove a credential
    Remove(RemoveSecretArgs),
    /// Try a credential on what it is for
    Test(TestSecretArgs),
    /// Seal everything with another master key
    Rotate(RotateKeyArgs),
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  windlass secret set chat-hook                                  asks for the value, or reads it from a pipe
  windlass secret set team-git --kind token --from token.txt
  windlass secret set registry --kind registry --server registry.example.com --user ci < password.txt
  windlass secret set deploy --kind sshKey --from id_ed25519 --known-hosts known_hosts
  windlass secret set mail --value host=host.txt --value password=password.txt

A value is never an argument: other users of the machine could see it, and shells remember it. The line end of a value with
one line is left out. Tasks get the credential with `secrets: [{name: HOOK, from: chat-hook}]`, as a file with `as: file`, one
value of several with `key: user`.

The master key that seals them is the file `master.key` in the data directory, unless WINDLASS_MASTER_KEY has it (in base64), or
WINDLASS_MASTER_KEY_FILE names another file. A backup does not have it: keep a copy of it elsewhere.")]
pub(in crate::cli) struct SetSecretArgs {
    /// Its name, by which tasks ask for it
    pub(in crate::cli) name: String,
    /// What it is: userPassword, token, sshKey, kubeconfig, pkcs12, registry or opaque
    #[arg(long, value_name = "KIND", default_value = "opaque", value_parser = kind)]
    pub(in crate::cli) kind: CredentialKind,
    /// A file with the value (the password, the token, the key, the archive); the standard input when it is left out
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) from: Option<PathBuf>,
    /// The user, of a userPassword, a registry or an sshKey
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) user: Option<String>,
    /// The address of a registry
    #[arg(long, value_name = "ADDRESS")]
    pub(in crate::cli) server: Option<String>,
    /// The context of a kubeconfig; its current one when it is left out
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) context: Option<String>,
    /// A file with what unlocks an sshKey or a pkcs12
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) passphrase_from: Option<PathBuf>,
    /// A file with the hosts that an sshKey may meet
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) known_hosts: Option<PathBuf>,
    /// One value of several, of an opaque credential; can be given several times
    #[arg(long = "value", value_name = "KEY=FILE", value_parser = named_file, conflicts_with = "from")]
    pub(in crate::cli) values: Vec<(String, PathBuf)>,
    #[command(flatten)]
    pub(in crate::cli) who: WhoArgs,
    #[command(flatten)]
    pub(in crate::cli) data_dir: DataDirArg,
}

#[derive(Args, Debug)]
pub(in crate::cli) struct ListSecretsArgs {
    /// Print one credential a line, as JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
    #[command(flatten)]
    pub(in crate::cli) data_dir: DataDirArg,
}

#[derive(Args, Debug)]
pub(in crate::cli) struct RemoveSecretArgs {
    /// Its name
    pub(in crate::cli) name: String,
    #[command(flatten)]
    pub(in crate::cli) who: WhoArgs,
    #[command(flatten)]
    pub(in crate::cli) data_dir: DataDirArg,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  windlass secret test team-git --git https://git.example.com/team/web.git
  windlass secret test registry --registry registry.example.com

Nothing is changed there. Exit code 0 when it works; 1 when it was refused, or the target cannot be reached; 2 when there is no
such credential, or nothing here can try it; 3 when it cannot be opened.")]
pub(in crate::cli) struct TestSecretArgs {
    /// Its name
    pub(in crate::cli) name: String,
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    pub(in crate::cli) data_dir: DataDirArg,
}

/// What it is tried on.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct TargetArgs {
    /// A git repository
    #[arg(long, value_name = "URL")]
    git: Option<String>,
    /// A registry of images
    #[arg(long, value_name = "ADDRESS")]
    registry: Option<String>,
    /// A Kubernetes cluster; the address is a namespace
    #[arg(long, value_name = "NAMESPACE")]
    cluster: Option<String>,
    /// A host with an SSH server
    #[arg(long, value_name = "HOST[:PORT]")]
    ssh: Option<String>,
}

impl TestSecretArgs {
    /// What it is tried on.
    pub(in crate::cli) fn target(&self) -> CredentialTarget {
        let TargetArgs { git, registry, cluster, ssh } = &self.target;
        let given = [
            (TargetKind::Git, git),
            (TargetKind::Registry, registry),
            (TargetKind::Cluster, cluster),
            (TargetKind::Ssh, ssh),
        ];
        let given = given.into_iter().find_map(|(kind, address)| Some((kind, address.clone()?)));
        // One of them is given, as the arguments require.
        let (kind, address) = given.unwrap_or((TargetKind::Git, String::new()));
        CredentialTarget::new(kind, address)
    }
}

#[derive(Args, Debug)]
#[command(after_help = "\
A fresh key is made where it is kept in a file. Otherwise WINDLASS_MASTER_KEY must have the new key first and the old one behind
it, separated by a space. Backups that were made before need the old key: keep a copy of it as long as you keep them.")]
pub(in crate::cli) struct RotateKeyArgs {
    #[command(flatten)]
    pub(in crate::cli) who: WhoArgs,
    #[command(flatten)]
    pub(in crate::cli) data_dir: DataDirArg,
}

fn kind(word: &str) -> Result<CredentialKind, String> {
    let known = || CredentialKind::ALL.map(CredentialKind::as_str).join(", ");
    CredentialKind::parse(word).ok_or_else(|| format!("known are {}", known()))
}

/// `NAME=FILE`.
pub(in crate::cli) fn named_file(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, file)) if !name.is_empty() && !file.is_empty() => Ok((name.to_owned(), PathBuf::from(file))),
        _ => Err("write NAME=FILE, the name of a file with the value; a value itself is never an argument".to_owned()),
    }
}
