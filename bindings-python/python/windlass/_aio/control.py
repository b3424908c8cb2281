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
    async def connect(cls, data_dir: Union[str, PathLike[str]]) -> Control:
        """Connects to the engine that holds a data directory.

        Raises :class:`NotFoundError` with the code ``noEngine`` when none works on it.
        """
        return cls(await wait(_native.control(fspath(data_dir))))

    async def cancel(self, run: str, by: str = "", reason: str = "") -> RunName:
        """Asks a run to end."""
        return RunName.of(await self._ask("cancel", run=run, by=by, reason=reason))

    async def approve(self, run: str, task: str, by: str, reason: str = "") -> RunName:
        """Says yes to a task that waits for an approval."""
        return RunName.of(await self._ask("approve", run=run, task=task, by=by, reason=reason))

    async def reject(self, run: str, task: str, by: str, reason: str = "") -> RunName:
        """Says no to a task that waits for an approval: it fails."""
        return RunName.of(await self._ask("reject", run=run, task=task, by=by, reason=reason))

    async def retry(
        self,
        run: str,
        mode: Union[Literal["asItWas", "asItIs", "fromFailed"], RerunFromTask],
        by: str = "",
    ) -> RunName:
        """Runs a run again. Gives the new one."""
        return RunName.of(await self._ask("retry", run=run, mode=mode, by=by))

    async def set_credential(self, name: str, credential: Credential, by: str = "") -> SavedCredential:
        """Keeps a credential."""
        return SavedCredential.of(await self._ask("setCredential", name=name, credential=credential, by=by))

    async def remove_credential(self, name: str, by: str = "") -> None:
        """Removes a credential."""
        await self._ask("removeCredential", name=name, by=by)

    async def test_credential(self, name: str, kind: TargetKind, address: Optional[str] = None) -> str:
        """Tries a credential on its target. Gives what was seen with it, for people."""
        seen: str = (await self._ask("testCredential", name=name, kind=kind, address=address))["message"]
        return seen

    async def rotate_master_key(self, by: str = "") -> KeyRotation:
        """Seals everything with another master key."""
        return KeyRotation.of(await self._ask("rotateMasterKey", by=by))

    async def add_cluster(
        self, name: str, access: ClusterAccess, *, namespace: Optional[str] = None, by: str = ""
    ) -> StoredCluster:
        """Adds a cluster. Files that it names are seen from the engine's process."""
        return StoredCluster.of(await self._ask("addCluster", name=name, access=access, namespace=namespace, by=by))

    async def remove_cluster(self, name: str, *, force: bool = False, by: str = "") -> None:
        """Forgets a cluster; refused while pipelines name it, unless it is forced."""
        await self._ask("removeCluster", name=name, force=force, by=by)

    async def backup(self, path: Union[str, PathLike[str]], by: str = "") -> BackupReport:
        """Copies everything into a new folder while the engine goes on."""
        return BackupReport.of(await self._ask("backup", path=fspath(path), by=by))

    async def drain(self) -> EngineStatus:
        """Lets no further run go, and says how many still do."""
        return EngineStatus.of(await self._ask("drain"))

    async def status(self) -> EngineStatus:
        """How the engine is."""
        return EngineStatus.of(await self._ask("status"))

    async def _ask(self, request: str, **given: Any) -> Any:
        return await wait(self._native.ask(request, options(**given)))
