# Made by scripts/python-sync from the file of the same name in `_aio`. Do not change it here.
"""Control of an engine that another process holds."""

from __future__ import annotations

from os import PathLike, fspath
from typing import Any, Literal, Optional, Union

from .. import _native
from .._clusters import ClusterAccess, StoredCluster
from .._credentials import Credential, KeyRotation, SavedCredential, TargetKind
from .._options import options
from .._records import BackupReport, EngineStatus, RerunFromTask, RunName
from ._wait import wait


class Control:
    """Controls the engine that another process of this user holds.

    A run is named by its id, the beginning of one, ``PIPELINE#NUMBER`` or ``latest``. Calls return when what is asked for is durable.
    """

    def __init__(self, native: _native.Noun) -> None:
        self._native = native

    @classmethod
    def connect(cls, data_dir: Union[str, PathLike[str]]) -> Control:
        """Connects to the engine that holds a data directory.

        Raises :class:`NotFoundError` with the code ``noEngine`` when none works on it.
        """
        return cls(wait(_native.control(fspath(data_dir))))

    def cancel(self, run: str, by: str = "", reason: str = "") -> RunName:
        """Asks a run to end."""
        return RunName.of(self._ask("cancel", run=run, by=by, reason=reason))

    def approve(self, run: str, task: str, by: str, reason: str = "") -> RunName:
        """Says yes to a task that waits for an approval."""
        return RunName.of(self._ask("approve", run=run, task=task, by=by, reason=reason))

    def reject(self, run: str, task: str, by: str, reason: str = "") -> RunName:
        """Says no to a task that waits for an approval: it fails."""
        return RunName.of(self._ask("reject", run=run, task=task, by=by, reason=reason))

    def retry(
        self,
        run: str,
        mode: Union[Literal["asItWas", "asItIs", "fromFailed"], RerunFromTask],
        by: str = "",
    ) -> RunName:
        """Runs a run again. Gives the new one."""
        return RunName.of(self._ask("retry", run=run, mode=mode, by=by))

    def set_credential(self, name: str, credential: Credential, by: str = "") -> SavedCredential:
        """Keeps a credential."""
        return SavedCredential.of(self._ask("setCredential", name=name, credential=credential, by=by))

    def remove_credential(self, name: str, by: str = "") -> None:
        """Removes a credential."""
        self._ask("removeCredential", name=name, by=by)

    def test_credential(self, name: str, kind: TargetKind, address: Optional[str] = None) -> str:
        """Tries a credential on its target. Gives what was seen with it, for people."""
        seen: str = (self._ask("testCredential", name=name, kind=kind, address=address))["message"]
        return seen

    def rotate_master_key(self, by: str = "") -> KeyRotation:
        """Seals everything with another master key."""
        return KeyRotation.of(self._ask("rotateMasterKey", by=by))

    def add_cluster(
        self, name: str, access: ClusterAccess, *, namespace: Optional[str] = None, by: str = ""
    ) -> StoredCluster:
        """Adds a cluster. Files that it names are seen from the engine's process."""
        return StoredCluster.of(self._ask("addCluster", name=name, access=access, namespace=namespace, by=by))

    def remove_cluster(self, name: str, *, force: bool = False, by: str = "") -> None:
        """Forgets a cluster; refused while pipelines name it, unless it is forced."""
        self._ask("removeCluster", name=name, force=force, by=by)

    def backup(self, path: Union[str, PathLike[str]], by: str = "") -> BackupReport:
        """Copies everything into a new folder while the engine goes on."""
        return BackupReport.of(self._ask("backup", path=fspath(path), by=by))

    def drain(self) -> EngineStatus:
        """Lets no further run go, and says how many still do."""
        return EngineStatus.of(self._ask("drain"))

    def status(self) -> EngineStatus:
        """How the engine is."""
        return EngineStatus.of(self._ask("status"))

    def _ask(self, request: str, **given: Any) -> Any:
        return wait(self._native.ask(request, options(**given)))
