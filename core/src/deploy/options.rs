//! How a deployment is done.

use std::time::Duration;

use crate::secret::SecretText;

/// The label of all objects of a deployment.
pub(super) const DEPLOYMENT: &str = "windlass/deployment";

/// How a deployment is done.
#[derive(Clone, Debug)]
pub struct DeployOptions {
    /// The namespace of objects that name none; that of the cluster unless set.
    pub namespace: Option<String>,
    /// Whether namespaces are made that are missing.
    pub create_namespace: bool,
    /// What the pods pull their images with.
    pub pull_secret: Option<PullSecret>,
    /// How long the rollout may take.
    pub wait: Duration,
    /// Whether a rollout that fails is undone.
    pub rollback: bool,
    /// What names this deployment among others: a label of all of its objects, at most 63 characters.
    pub name: String,
    /// Whether objects of it that the files no longer have are deleted.
    pub pruning: Pruning,
}

/// Whether objects are deleted that the files no longer have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pruning {
    /// They stay.
    #[default]
    Off,
    /// They are deleted, by the label of the deployment. Claims, volumes, namespaces and definitions of kinds stay.
    On,
}

/// A user at a registry of images.
#[derive(Clone, Debug)]
pub struct PullSecret {
    /// The name of the secret in the cluster.
    pub name: String,
    /// The registry; `None` for those of all images in the manifests.
    pub server: Option<String>,
    /// The user.
    pub user: String,
    /// The password.
    pub password: SecretText,
}

impl DeployOptions {
    /// A deployment of this name: 5 minutes, and nothing else that is asked for.
    pub fn new(name: impl AsRef<str>) -> Self {
        Self {
            namespace: None,
            create_namespace: false,
            pull_secret: None,
            wait: Duration::from_secs(300),
            rollback: false,
            name: deployment_label(name.as_ref()),
            pruning: Pruning::Off,
        }
    }
}

/// A text as the value of a label: what it may not have becomes `-`, and a text that was changed or cut gets a checksum, so that
/// two texts have two labels.
pub(crate) fn deployment_label(text: &str) -> String {
    const LONGEST: usize = 63;
    let plain: String =
        text.chars().map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' }).collect();
    let fits = plain == text && plain.len() <= LONGEST;
    let trimmed = plain.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    if fits && trimmed == plain && !plain.is_empty() {
        return plain;
    }
    let sum = format!("{:08x}", crc32fast::hash(text.as_bytes()));
    let kept: String = trimmed.chars().take(LONGEST - sum.len() - 1).collect();
    if kept.is_empty() { sum } else { format!("{kept}-{sum}") }
}
