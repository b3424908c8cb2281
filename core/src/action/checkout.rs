//! `checkout`: a commit of a git repository into the workspace.

use std::ffi::OsStr;
use std::num::NonZeroU32;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::Value;

use super::{ActionContext, ActionError, ActionHandler, ActionOutput, SettingsProblem};
use crate::below::{self, System, Use};
use crate::executor::{self, TarStream};
use crate::explain::{self, Explained, FailureClass};
use crate::pipeline::CommitInfo;
use crate::source::{Access, Exported, Fetched, Mirrors, RefName, RemoteUrl, SourceError};

/// What is kept of a commit's message and author: an environment with more starts no program.
const MESSAGE_BYTES: usize = 16 * 1024;
const AUTHOR_BYTES: usize = 1024;

/// Brings commits of repositories into workspaces.
#[derive(Debug)]
pub(crate) struct CheckoutAction {
    mirrors: Mirrors,
}

/// The settings with all variables replaced. A text that is empty then counts as left out.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Settings {
    url: String,
    #[serde(default, rename = "ref")]
    reference: Option<String>,
    #[serde(default)]
    credential: Option<String>,
    #[serde(default)]
    path: Option<String>,
    #[serde(default)]
    depth: Option<NonZeroU32>,
    #[serde(default)]
    submodules: bool,
    #[serde(default)]
    ca_certificate: Option<String>,
    #[serde(default = "yes")]
    verify_certificate: bool,
}

fn yes() -> bool {
    true
}

/// Where from and what, in terms of repositories.
struct Wanted {
    remote: RemoteUrl,
    reference: Option<RefName>,
}

impl CheckoutAction {
    pub(crate) fn new(mirrors: Mirrors) -> Self {
        Self { mirrors }
    }

    async fn check_out(&self, context: &ActionContext) -> Result<ActionOutput, ActionError> {
        let settings: Settings = context.settings()?;
        let wanted = settings.wanted()?;
        let access = settings.access(context).await?;
        let _busy = context.clock().busy();
        let of = wanted.reference.as_ref().map_or_else(String::new, |name| format!(" ({})", name.text()));
        context.log_line(format!("fetching {}{of}", wanted.remote)).await;
        let fetched = self.mirrors.fetch(&wanted.remote, &access, wanted.reference.as_ref()).await?;
        context.log_line(told(&fetched)).await;
        let (tar, exported) = self.packed(context, &settings, &fetched, &access).await?;
        context.write(settings.folder(), tar).await?;
        context.log_line(format!("{} files", exported.files)).await;
        if let Some(warning) = lfs(&exported) {
            context.log_line(warning).await;
        }
        Ok(ActionOutput::default().commit(info(fetched, &wanted.remote)))
    }

    /// The working copy as a stream.
    async fn packed(
        &self,
        context: &ActionContext,
        settings: &Settings,
        fetched: &Fetched,
        access: &Access,
    ) -> Result<(TarStream, Exported), ActionError> {
        let mut copy = self.mirrors.copy(fetched, settings.depth).await?;
        if settings.submodules {
            for module in self.mirrors.add_submodules(&mut copy, fetched, access).await? {
                context.log_line(format!("submodule {module}")).await;
            }
        }
        let (folder, exported) = (copy.folder().to_owned(), copy.exported.clone());
        let doing = format!("reading the working copy {}", folder.display());
        Ok((executor::pack(folder, "".into(), doing, copy), exported))
    }
}

#[async_trait]
impl ActionHandler for CheckoutAction {
    fn check(&self, settings: &Value) -> Vec<SettingsProblem> {
        let mut problems = SettingsProblem::of::<Settings>(settings);
        let known = |key: &str| settings.get(key)?.as_str().filter(|text| !text.contains('$'));
        if let Some(Err(error)) = known("url").map(RemoteUrl::parse) {
            problems.push(SettingsProblem::new("url", error.to_string()));
        }
        if let Some(Err(error)) = known("ref").map(RefName::parse) {
            problems.push(SettingsProblem::new("ref", error.to_string()));
        }
        if known("path").is_some_and(|path| !stays_below(path)) {
            problems.push(SettingsProblem::new("path", "it leaves the workspace: name a folder below it"));
        }
        problems
    }

    async fn run(&self, context: ActionContext) -> Result<ActionOutput, ActionError> {
        tokio::select! {
            biased;
            () = context.cancelled() => Err(ActionError::cancelled()),
            done = self.check_out(&context) => done,
        }
    }
}

impl Settings {
    fn wanted(&self) -> Result<Wanted, SourceError> {
        let reference = self.reference.as_deref().filter(|name| !name.is_empty());
        Ok(Wanted { remote: RemoteUrl::parse(&self.url)?, reference: reference.map(RefName::parse).transpose()? })
    }

    async fn access(&self, context: &ActionContext) -> Result<Access, ActionError> {
        let mut access = match self.credential.as_deref() {
            Some(name) => Access::with(name, &context.credential(name).await?)?,
            None => Access::default(),
        };
        access.authorities = self.ca_certificate.clone().filter(|pem| !pem.trim().is_empty());
        access.any_certificate = !self.verify_certificate;
        Ok(access)
    }

    fn folder(&self) -> &str {
        self.path.as_deref().filter(|path| !path.is_empty()).unwrap_or(".")
    }
}

fn stays_below(path: &str) -> bool {
    below::refused(OsStr::new(path), System::HERE, Use::Carried).is_none()
}

fn told(fetched: &Fetched) -> String {
    let Fetched { commit, branch, tag, .. } = fetched;
    let subject = commit.message.lines().next().unwrap_or_default();
    let of = branch.as_ref().or(tag.as_ref()).map(|name| format!(" of {name}")).unwrap_or_default();
    let (bytes, objects) = (fetched.received_bytes, fetched.received_objects);
    format!("received {objects} objects, {bytes} bytes\ncommit {}{of} by {}: {subject}", commit.sha, commit.author)
}

/// What is missing when files are kept by Git LFS.
fn lfs(exported: &Exported) -> Option<String> {
    let count = exported.lfs_files;
    (count > 0).then(|| {
        let named = exported.lfs.join(", ");
        let more = if exported.lfs.len() as u64 == count { "" } else { ", …" };
        format!(
            "warning: only pointers are here of {count} that Git LFS keeps elsewhere: {named}{more}\n\
             a task after this one can bring them with `git lfs pull`"
        )
    })
}

fn info(fetched: Fetched, remote: &RemoteUrl) -> CommitInfo {
    let Fetched { commit, branch, tag, .. } = fetched;
    CommitInfo {
        sha: commit.sha,
        branch: branch.unwrap_or_default(),
        tag: tag.unwrap_or_default(),
        message: bounded(commit.message.trim_end(), MESSAGE_BYTES),
        author: bounded(&commit.author, AUTHOR_BYTES),
        repository: remote.to_string(),
    }
}

/// A text that fits into an environment variable.
fn bounded(text: &str, bytes: usize) -> String {
    let end = text.floor_char_boundary(bytes);
    text[..end].replace('\0', "")
}

impl From<SourceError> for ActionError {
    fn from(error: SourceError) -> Self {
        let Explained { cause, class } = explain::source_error(&error);
        match class {
            FailureClass::Infrastructure | FailureClass::Lost => Self::Infrastructure { cause },
            FailureClass::Stopped => Self::Cancelled,
            FailureClass::Failure => Self::Failed { cause },
        }
    }
}
