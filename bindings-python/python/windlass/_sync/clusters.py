# Made by scripts/python-sync from the file of the same name in `_aio`. Do not change it here.
"""The clusters that an engine knows by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

from .. import _native
from .._clusters import (
    ClusterAccess,
    ClusterStatus,
    DeployedObject,
    ObjectPreview,
    Revision,
    RightCheck,
    RolloutState,
    StoredCluster,
)
from .._document import Duration
from .._options import options
from ._wait import wait


class Workload:
    """A Deployment, StatefulSet or DaemonSet in a cluster. :meth:`Clusters.workload` gives one."""

    def __init__(self, native: _native.Noun, cluster: str, workload: str, namespace: Optional[str]) -> None:
        self._native = native
        self._place = {"cluster": cluster, "workload": workload, "namespace": namespace}

    def status(self) -> RolloutState:
        """How far its rollout is."""
        return RolloutState.of(self._ask("status"))

    def wait(self, *, limit: Optional[Duration] = None) -> None:
        """Waits until its rollout is done, 5 minutes unless said otherwise."""
        self._ask("wait", limit=limit)

    def history(self) -> tuple[Revision, ...]:
        """The revisions that it had, the oldest first."""
        return tuple(Revision.of(revision) for revision in self._ask("history"))

    def undo(self, revision: Optional[int] = None) -> int:
        """Makes it what it was in a revision; in the one before unless said. Gives the number of that revision."""
        number: int = self._ask("undo", revision=revision)
        return number

    def pause(self) -> None:
        """Changes do nothing until it is resumed."""
        self._ask("pause")

    def resume(self) -> None:
        """Changes do something again."""
        self._ask("resume")

    def restart(self) -> None:
        """Makes all of its pods again, as a rolling update."""
        self._ask("restart")

    def scale(self, replicas: int) -> None:
        """Says how many pods it shall have."""
        self._ask("scale", replicas=replicas)

    def delete(self) -> None:
        """Deletes it with its pods."""
        self._ask("delete")

    def recreate(self) -> None:
        """Deletes it with its pods, waits until they are gone, and makes it again."""
        self._ask("recreate")

    def _ask(self, request: str, **given: Any) -> Any:
        return wait(self._native.ask(request, options(**self._place, **given)))


class Clusters:
    """The clusters that an engine knows by name, and what runs in them. Every change takes who makes it."""

    def __init__(self, native: _native.Noun) -> None:
        self._native = native

    def add(self, name: str, access: ClusterAccess, *, namespace: Optional[str] = None, by: str = "") -> StoredCluster:
        """Adds a cluster: asks it how it is, makes its namespace when that is missing, and keeps it."""
        return StoredCluster.of(self._ask("add", name=name, access=access, namespace=namespace, by=by))

    def stored(self) -> tuple[StoredCluster, ...]:
        """The clusters as they are kept, without asking any of them."""
        return tuple(StoredCluster.of(cluster) for cluster in self._ask("stored"))

    def list(self) -> tuple[ClusterStatus, ...]:
        """All clusters, each asked how it is."""
        return tuple(ClusterStatus.of(status) for status in self._ask("list"))

    def test(self, name: str) -> ClusterStatus:
        """Asks a cluster how it is. That it cannot be asked is part of the answer."""
        return ClusterStatus.of(self._ask("test", name=name))

    def users(self, name: str) -> tuple[str, ...]:
        """The pipelines whose definitions name a cluster."""
        return tuple(self._ask("users", name=name))

    def remove(self, name: str, *, force: bool = False, by: str = "") -> None:
        """Forgets a cluster; refused while pipelines name it, unless it is forced. In the cluster itself nothing is changed."""
        self._ask("remove", name=name, force=force, by=by)

    def rights(self, name: str, *, namespace: Optional[str] = None) -> tuple[RightCheck, ...]:
        """Asks a cluster about each right that Windlass uses in a namespace."""
        return tuple(RightCheck.of(check) for check in self._ask("rights", name=name, namespace=namespace))

    def missing_role(self, name: str, *, namespace: Optional[str] = None) -> Optional[str]:
        """The rights that are missing in a namespace, as a role for whoever asks, in YAML that can be applied. ``None`` when none is."""
        yaml: Optional[str] = self._ask("missingRole", name=name, namespace=namespace)
        return yaml

    def role(self, namespace: str, account: str) -> str:
        """A service account with the role that it needs in a namespace, as YAML that can be applied."""
        yaml: str = self._ask("role", namespace=namespace, account=account)
        return yaml

    def deploy(
        self,
        cluster: str,
        deployment: str,
        manifests: str,
        *,
        variables: Optional[Mapping[str, str]] = None,
        namespace: Optional[str] = None,
        create_namespace: bool = False,
        wait: Optional[Duration] = None,
        rollback: bool = False,
        prune: bool = False,
    ) -> tuple[DeployedObject, ...]:
        """Applies objects in the order in which they need each other, and waits until they are as they shall be.

        :param deployment: what names this deployment among others: a label of all its objects.
        :param manifests: objects in YAML or JSON.
        :param variables: variables that are replaced in them; nothing is unless set.
        :param namespace: the namespace of objects that name none; the cluster's unless set.
        :param create_namespace: whether namespaces are made that are missing.
        :param wait: how long the rollout may take; 5 minutes unless set.
        :param rollback: whether a rollout that fails is undone.
        :param prune: whether objects of it that the manifests no longer have are deleted.
        """
        done = self._ask(
            "deploy",
            cluster=cluster,
            deployment=deployment,
            manifests=manifests,
            variables=variables,
            namespace=namespace,
            create_namespace=create_namespace,
            wait=wait,
            rollback=rollback,
            prune=prune,
        )
        return tuple(DeployedObject.of(one) for one in done["objects"])

    def preview(
        self,
        cluster: str,
        deployment: str,
        manifests: str,
        *,
        variables: Optional[Mapping[str, str]] = None,
        namespace: Optional[str] = None,
        prune: bool = False,
    ) -> tuple[ObjectPreview, ...]:
        """What a deployment would change."""
        previews = self._ask(
            "preview",
            cluster=cluster,
            deployment=deployment,
            manifests=manifests,
            variables=variables,
            namespace=namespace,
            prune=prune,
        )
        return tuple(ObjectPreview.of(preview) for preview in previews)

    def workload(self, cluster: str, workload: str, *, namespace: Optional[str] = None) -> Workload:
        """A workload by ``deployment/NAME``, ``statefulset/NAME`` or ``daemonset/NAME``. Nothing is asked yet."""
        return Workload(self._native, cluster, workload, namespace)

    def _ask(self, request: str, **given: Any) -> Any:
        return wait(self._native.ask(request, options(**given)))
