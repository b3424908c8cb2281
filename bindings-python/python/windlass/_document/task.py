"""One unit of work with exactly one action."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Optional, TypedDict

from . import actions
from .actions import Action, Transfer
from .container import ContainerOptions, Service
from .node import Duration, Node, made, part
from .parts import Artifact, Cache, Reports, Resources, Retry, SecretVariable

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["Task", "TaskOptions"]


class TaskOptions(TypedDict, total=False):
    """What a task can be told beside its action. The fields of :class:`Task` say what each means."""

    image: Optional[str]
    shell: Optional[str]
    env: Optional[Mapping[str, str]]
    outputs: Optional[Sequence[str]]
    matrix: Optional[Mapping[str, Sequence[str]]]
    when: Optional[str]
    needs: Optional[Sequence[str]]
    allow_failure: Optional[bool]
    retry: Optional[Retry]
    timeout: Optional[Duration]
    grace: Optional[Duration]
    executor: Optional[str]
    caches: Optional[Sequence[Cache]]
    artifacts: Optional[Sequence[Artifact]]
    reports: Optional[Reports]
    resources: Optional[Resources]
    secrets: Optional[Sequence[SecretVariable]]
    container: Optional[ContainerOptions]
    services: Optional[Sequence[Service]]
    isolation: Optional[Literal["run", "task"]]
    workspace: Optional[Literal["shared", "none"]]


@dataclass
class Task(Node):
    """One unit of work with exactly one action.

    ``Task("unit", Script("pytest"))``, or shorter ``Task.script("unit", "pytest")``.
    """

    name: str
    """Unique in the pipeline."""
    action: Action
    """What it does."""
    image: Optional[str] = None
    """The image in which its step runs, where the executor has images."""
    shell: Optional[str] = None
    """The shell of its script, such as ``bash -eo pipefail`` or ``python3``."""
    env: Optional[Mapping[str, str]] = None
    """Environment of the step, over that of the pipeline."""
    outputs: Optional[Sequence[str]] = None
    """The keys that it may write to ``$WINDLASS_OUTPUT``; others refer to them as ``${task.KEY}``."""
    matrix: Optional[Mapping[str, Sequence[str]]] = None
    """An instance for each combination of these values, named ``unit[PY=3.11]``."""
    when: Optional[str] = None
    """A CEL expression; when it is false the task is skipped."""
    needs: Optional[Sequence[str]] = None
    """The tasks for which it waits, instead of what its place in the stages says."""
    allow_failure: Optional[bool] = None
    """Whether the run goes on when it fails."""
    retry: Optional[Retry] = part(Retry)
    """How often and after which ends it is tried again."""
    timeout: Optional[Duration] = None
    """The longest time one attempt may run."""
    grace: Optional[Duration] = None
    """How long a stopped step has between the signal and the kill. 10 seconds when unset."""
    executor: Optional[str] = None
    """Where the step runs, instead of the pipeline's executor."""
    caches: Optional[Sequence[Cache]] = part(Cache)
    """Folders kept between runs."""
    artifacts: Optional[Sequence[Artifact]] = part(Artifact)
    """Files kept after the run."""
    reports: Optional[Reports] = part(Reports)
    """Result files that are read into the run."""
    resources: Optional[Resources] = part(Resources)
    """What the step needs and may use."""
    secrets: Optional[Sequence[SecretVariable]] = part(SecretVariable)
    """Credentials for the step, as variables or as files; in `buildImage`, to `RUN --mount=type=secret,id=NAME`."""
    container: Optional[ContainerOptions] = part(ContainerOptions)
    """What its container has beside its image."""
    services: Optional[Sequence[Service]] = part(Service)
    """Containers beside the step, such as a database."""
    isolation: Optional[Literal["run", "task"]] = None
    """Whether the step shares its container or pod with others of the run."""
    workspace: Optional[Literal["shared", "none"]] = None
    """Whether the step sees the run's workspace."""

    def _written(self, path: str) -> dict[str, Any]:
        # In the document the action is a key of the task itself, behind the image.
        written: dict[str, Any] = {}
        ends = [(name, word) for name, word, _ in self._keys() if name != "action"]
        for name, word in ends[:2]:
            self._write(name, word, path, written)
        word, action = actions.written(self.action, path)
        written[word] = action
        for name, word in ends[2:]:
            self._write(name, word, path, written)
        return written

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Task:
        """Takes what the core wrote."""
        taken: dict[str, Any] = {"action": actions.action_of(document)}
        for name, word, of in cls._keys():
            if name != "action" and word in document:
                taken[name] = made(of, document[word])
        return cls(**taken)

    @classmethod
    def script(cls, name: str, text: str, **options: Unpack[TaskOptions]) -> Task:
        """A task that runs a script in the executor."""
        return cls(name, actions.Script(text), **options)

    @classmethod
    def checkout(
        cls,
        name: str,
        url: str,
        *,
        ref: Optional[str] = None,
        credential: Optional[str] = None,
        path: Optional[str] = None,
        depth: Optional[int] = None,
        submodules: Optional[bool] = None,
        ca_certificate: Optional[str] = None,
        verify_certificate: Optional[bool] = None,
        **options: Unpack[TaskOptions],
    ) -> Task:
        """A task that brings a git repository into the workspace."""
        action = actions.Checkout(url, ref, credential, path, depth, submodules, ca_certificate, verify_certificate)
        return cls(name, action, **options)

    @classmethod
    def build_image(
        cls,
        name: str,
        image_name: str,
        *,
        context: Optional[str] = None,
        dockerfile: Optional[str] = None,
        tags: Optional[Sequence[str]] = None,
        args: Optional[Mapping[str, str]] = None,
        labels: Optional[Mapping[str, str]] = None,
        target: Optional[str] = None,
        archive: Optional[str] = None,
        credential: Optional[str] = None,
        pull_credentials: Optional[Sequence[str]] = None,
        push: Optional[bool] = None,
        no_cache: Optional[bool] = None,
        insecure: Optional[bool] = None,
        **options: Unpack[TaskOptions],
    ) -> Task:
        """A task that builds a container image, and pushes it. ``image_name`` has no tag: ``registry:5000/team/web``."""
        action = actions.BuildImage(
            context,
            dockerfile,
            image_name,
            tags,
            args,
            labels,
            target,
            archive,
            credential,
            pull_credentials,
            push,
            no_cache,
            insecure,
        )
        return cls(name, action, **options)

    @classmethod
    def deploy_manifests(
        cls,
        name: str,
        paths: Sequence[str],
        *,
        cluster: Optional[str] = None,
        namespace: Optional[str] = None,
        create_namespace: Optional[bool] = None,
        pull_credential: Optional[str] = None,
        wait: Optional[Duration] = None,
        substitute: Optional[bool] = None,
        rollback: Optional[bool] = None,
        prune: Optional[bool] = None,
        dry_run: Optional[bool] = None,
        **options: Unpack[TaskOptions],
    ) -> Task:
        """A task that applies Kubernetes manifests and waits for the rollout."""
        action = actions.DeployManifests(
            paths, cluster, namespace, create_namespace, pull_credential, wait, substitute, rollback, prune, dry_run
        )
        return cls(name, action, **options)

    @classmethod
    def publish_chart(
        cls,
        name: str,
        path: str,
        repository: str,
        *,
        chart: Optional[str] = None,
        version: Optional[str] = None,
        credential: Optional[str] = None,
        **options: Unpack[TaskOptions],
    ) -> Task:
        """A task that packages a Helm chart and pushes it. ``chart`` is its name when it differs from ``Chart.yaml``."""
        return cls(name, actions.PublishChart(path, repository, chart, version, credential), **options)

    @classmethod
    def deploy_chart(
        cls,
        name: str,
        release: str,
        chart: str,
        *,
        repository: Optional[str] = None,
        version: Optional[str] = None,
        cluster: Optional[str] = None,
        namespace: Optional[str] = None,
        values: Optional[Mapping[str, Any]] = None,
        values_files: Optional[Sequence[str]] = None,
        credential: Optional[str] = None,
        wait: Optional[Duration] = None,
        **options: Unpack[TaskOptions],
    ) -> Task:
        """A task that installs or upgrades a Helm release."""
        action = actions.DeployChart(
            release, chart, repository, version, cluster, namespace, values, values_files, credential, wait
        )
        return cls(name, action, **options)

    @classmethod
    def sync_files(
        cls,
        name: str,
        host: str,
        credential: str,
        *,
        port: Optional[int] = None,
        transfers: Optional[Sequence[Transfer]] = None,
        commands: Optional[Sequence[str]] = None,
        connect_timeout: Optional[Duration] = None,
        **options: Unpack[TaskOptions],
    ) -> Task:
        """A task that copies files to a host over SSH and runs commands there."""
        action = actions.SyncFiles(host, port, credential, transfers, commands, connect_timeout)
        return cls(name, action, **options)

    @classmethod
    def run_job(
        cls,
        name: str,
        *,
        path: Optional[str] = None,
        manifest: Optional[Mapping[str, Any]] = None,
        cluster: Optional[str] = None,
        namespace: Optional[str] = None,
        **options: Unpack[TaskOptions],
    ) -> Task:
        """A task that runs a Kubernetes Job to its end."""
        return cls(name, actions.RunJob(path, manifest, cluster, namespace), **options)

    @classmethod
    def approve(
        cls,
        name: str,
        message: Optional[str] = None,
        *,
        approvers: Optional[Sequence[str]] = None,
        **options: Unpack[TaskOptions],
    ) -> Task:
        """A task that waits for a person to say yes."""
        return cls(name, actions.Approve(message, approvers), **options)

    @classmethod
    def custom(
        cls,
        name: str,
        action: str,
        with_: Optional[Mapping[str, Any]] = None,
        **options: Unpack[TaskOptions],
    ) -> Task:
        """A task whose action the embedder registered, with its settings."""
        return cls(name, actions.Custom(action, with_), **options)
