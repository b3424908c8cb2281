"""What a task can do. Exactly one of these is a key of the task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Optional, Union

from .._errors import wrong_value
from .node import Duration, Node, key, part, plain

__all__ = [
    "Action",
    "Approve",
    "BuildImage",
    "Checkout",
    "Custom",
    "DeployChart",
    "DeployManifests",
    "PublishChart",
    "RunJob",
    "Script",
    "SyncFiles",
    "Transfer",
]


@dataclass
class Script:
    """Runs a script in the executor. Variables reach it as environment, never as text."""

    text: str


@dataclass
class Checkout(Node):
    """Brings a git repository into the workspace."""

    url: str
    """Where the repository is: ``https://…``, ``ssh://…``, ``git@host:path`` or a local path."""
    ref: Optional[str] = None
    """The branch, tag or commit. The remote's default branch when unset."""
    credential: Optional[str] = None
    """The credential to fetch with."""
    path: Optional[str] = None
    """The folder in the workspace. The workspace itself when unset."""
    depth: Optional[int] = None
    """How many commits of history. All when unset."""
    submodules: Optional[bool] = None
    """Whether submodules are fetched as well. The credential is used for those at the same host only."""
    ca_certificate: Optional[str] = None
    """Certificates of authorities, in PEM, that are trusted beside the system's."""
    verify_certificate: Optional[bool] = None
    """Whether the host's certificate is looked at. True when unset; without it, whoever is in between reads the credential."""


@dataclass
class BuildImage(Node):
    """Builds a container image, and pushes it."""

    context: Optional[str] = None
    """The folder whose files the build sees. The workspace when unset."""
    dockerfile: Optional[str] = None
    """The Dockerfile, relative to the context. ``Dockerfile`` when unset."""
    image: Optional[str] = None
    """The image's name without a tag, such as ``registry:5000/team/web``. It must be given."""
    tags: Optional[Sequence[str]] = None
    """The tags. ``latest`` when unset."""
    args: Optional[Mapping[str, str]] = None
    """Build arguments."""
    labels: Optional[Mapping[str, str]] = None
    """Labels of the image."""
    target: Optional[str] = None
    """The stage of the Dockerfile to build. The last one when unset."""
    archive: Optional[str] = None
    """An image in a file of the workspace that is published instead of one that is built: as ``docker save`` writes it."""
    credential: Optional[str] = None
    """The credential of the registry that the image is pushed to."""
    pull_credentials: Optional[Sequence[str]] = None
    """The credentials of other registries, from which the build takes what it begins with."""
    push: Optional[bool] = None
    """Whether the image is pushed. True when unset."""
    no_cache: Optional[bool] = None
    """Whether every step of the Dockerfile is done again."""
    insecure: Optional[bool] = None
    """Whether the registry may be spoken to over plain HTTP."""


@dataclass
class DeployManifests(Node):
    """Applies Kubernetes manifests and waits for the rollout."""

    paths: Sequence[str]
    """Files and globs, relative to the workspace."""
    cluster: Optional[str] = None
    """The name of the cluster, as the embedder registered it."""
    namespace: Optional[str] = None
    """The namespace of objects that name none."""
    create_namespace: Optional[bool] = None
    """Whether the namespace is made when it is missing."""
    pull_credential: Optional[str] = None
    """A registry credential from which the pull secret is made when missing."""
    wait: Optional[Duration] = None
    """How long to wait for the rollout. 5 minutes when unset."""
    substitute: Optional[bool] = None
    """Whether variables of the run are replaced in the files. True when unset."""
    rollback: Optional[bool] = None
    """Whether a failed rollout is undone."""
    prune: Optional[bool] = None
    """Whether objects of earlier deployments that are no longer in the files are deleted."""
    dry_run: Optional[bool] = None
    """Whether the log only says what would change, as the cluster judges it, and nothing does."""


@dataclass
class PublishChart(Node):
    """Packages a Helm chart and pushes it."""

    path: str
    """The chart's folder, relative to the workspace."""
    repository: str
    """The repository, ``oci://…`` or ``https://…``."""
    name: Optional[str] = None
    """The chart's name, when it differs from ``Chart.yaml``."""
    version: Optional[str] = None
    """The version, when it differs from ``Chart.yaml``."""
    credential: Optional[str] = None
    """The credential of the repository."""


@dataclass
class DeployChart(Node):
    """Installs or upgrades a Helm release."""

    release: str
    """The release's name."""
    chart: str
    """The chart: a folder, or a name in the repository."""
    repository: Optional[str] = None
    """The repository, ``oci://…`` or ``https://…``."""
    version: Optional[str] = None
    """The chart's version. The newest when unset."""
    cluster: Optional[str] = None
    """The name of the cluster, as the embedder registered it."""
    namespace: Optional[str] = None
    """The release's namespace."""
    values: Optional[Mapping[str, Any]] = None
    """Values over those of the chart. Variables are replaced in the texts among them."""
    values_files: Optional[Sequence[str]] = None
    """Files of values, relative to the workspace."""
    credential: Optional[str] = None
    """The credential of the repository."""
    wait: Optional[Duration] = None
    """How long to wait until everything is ready. 5 minutes when unset."""


@dataclass
class Transfer(Node):
    """One set of files on their way to a host."""

    include: Sequence[str]
    """Globs, relative to the workspace."""
    exclude: Optional[Sequence[str]] = None
    """Globs that are left out."""
    strip_prefix: Optional[str] = None
    """The beginning that is cut off the files' paths."""
    to: Optional[str] = None
    """The folder on the host. It must be given."""
    clean: Optional[bool] = None
    """Whether the folder is emptied first."""


@dataclass
class SyncFiles(Node):
    """Copies files to a host over SSH and runs commands there."""

    host: str
    """The host's name or address."""
    port: Optional[int] = None
    """The port. 22 when unset."""
    credential: Optional[str] = None
    """The credential: user and password, or user and key. It must be given."""
    transfers: Optional[Sequence[Transfer]] = part(Transfer)
    """What is copied, in this order."""
    commands: Optional[Sequence[str]] = None
    """Commands run on the host after the transfers. Variables reach them as environment, never as text."""
    timeout: Optional[Duration] = None
    """How long a connection may take to come up."""


@dataclass
class RunJob(Node):
    """Runs a Kubernetes Job to its end."""

    path: Optional[str] = None
    """The manifest's file, relative to the workspace."""
    manifest: Optional[Mapping[str, Any]] = None
    """The manifest itself."""
    cluster: Optional[str] = None
    """The name of the cluster, as the embedder registered it."""
    namespace: Optional[str] = None
    """The namespace of a Job that names none."""


@dataclass
class Approve(Node):
    """Waits for a person to say yes."""

    message: Optional[str] = None
    """What the person is asked."""
    approvers: Optional[Sequence[str]] = None
    """Opaque names of those who may decide, for the portal to enforce. Anyone when unset."""


@dataclass
class Custom(Node):
    """An action that the embedder registered."""

    name: str
    """The name under which it was registered."""
    with_: Optional[Mapping[str, Any]] = key("with")
    """Its settings; the action itself checks them. Variables are replaced in the texts among them."""


Action = Union[
    Script,
    Checkout,
    BuildImage,
    DeployManifests,
    PublishChart,
    DeployChart,
    SyncFiles,
    RunJob,
    Approve,
    Custom,
]
"""What a task does."""

KEYS: dict[str, type[Node]] = {
    "checkout": Checkout,
    "buildImage": BuildImage,
    "deployManifests": DeployManifests,
    "publishChart": PublishChart,
    "deployChart": DeployChart,
    "syncFiles": SyncFiles,
    "runJob": RunJob,
    "approve": Approve,
    "custom": Custom,
}
"""The key of each action in the document, beside ``script``."""


def action_of(document: Mapping[str, Any]) -> Action:
    """The action that is a key of a task."""
    if "script" in document:
        return Script(document["script"])
    for word, kind in KEYS.items():
        if word in document:
            action: Any = kind.from_dict(document[word])
            return action  # type: ignore[no-any-return]
    raise ValueError(f"the task {document.get('name')!r} has no action that this version knows")


def written(action: Any, path: str) -> tuple[str, Any]:
    """The key of an action and what stands under it."""
    if isinstance(action, Script):
        return "script", plain(action.text, f"{path}.script")
    for word, kind in KEYS.items():
        if type(action) is kind:
            return word, plain(action, f"{path}.{word}")
    raise wrong_value(path, f"an action is wanted here, such as Script or Checkout, and not a {type(action).__name__}")
