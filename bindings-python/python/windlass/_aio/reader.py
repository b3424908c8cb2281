"""Reading a data directory beside its engine."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from os import PathLike, fspath
from typing import Any, Optional, Union

from .. import _native
from .._clusters import StoredCluster
from .._credentials import StoredCredential
from .._options import options
from .._records import RunListing, RunStatus, RunSummary
from .._reports import RunArtifact, TestReport
from ._wait import wait
from .streams import EngineEvents, Events, LogStream


class Reader:
    """Reads a data directory that somebody else may hold. Changes nothing.

    A run is named by its id, the beginning of one, ``PIPELINE#NUMBER``, ``PIPELINE#latest`` or ``latest``. Streams end with what
    there is now.
    """

    def __init__(self, native: _native.Reader) -> None:
        self._native = native

    @classmethod
    def open(cls, data_dir: Union[str, PathLike[str]]) -> Reader:
        """Opens a data directory for reading."""
        return cls(_native.reader(fspath(data_dir)))

    async def find(self, run: str) -> str:
        """The id of the run that a person means."""
        found: str = await self._ask("find", run=run)
        return found

    async def runs(
        self,
        *,
        pipeline: Optional[str] = None,
        status: Optional[Sequence[RunStatus]] = None,
        trigger: Optional[str] = None,
        actor: Optional[str] = None,
        since: Optional[datetime] = None,
        until: Optional[datetime] = None,
        before: Optional[str] = None,
        limit: Optional[int] = None,
    ) -> list[RunListing]:
        """Runs, newest first; 50 unless said otherwise."""
        listings = await self._ask(
            "runs",
            pipeline=pipeline,
            status=status,
            trigger=trigger,
            actor=actor,
            since=since,
            until=until,
            before=before,
            limit=limit,
        )
        return [RunListing.of(listing) for listing in listings]

    async def listing(self, run: str) -> RunListing:
        """A run as listings show it."""
        return RunListing.of(await self._ask("listing", run=run))

    async def summary(self, run: str) -> RunSummary:
        """A run and its tasks as they are now."""
        return RunSummary.of(await self._ask("summary", run=run))

    def run_events(self, run: str, *, after: int = 0) -> Events:
        """The events of a run after a number, as far as there are any now."""
        return Events(self._native.run_events(run, after))

    def events(
        self,
        *,
        after: int = 0,
        pipelines: Optional[Sequence[str]] = None,
        run: Optional[str] = None,
        types: Optional[Sequence[str]] = None,
        logs: Optional[bool] = None,
        changes: Optional[bool] = None,
    ) -> EngineEvents:
        """What happened after a position in all runs and pipelines, as far as there is any now."""
        filter = options(pipelines=pipelines, run=run, types=types, logs=logs, changes=changes)
        return EngineEvents(self._native.events(after, filter), after)

    async def artifacts(self, run: str) -> tuple[RunArtifact, ...]:
        """The artifacts of a run. Only those that are kept in the data directory can be fetched."""
        return tuple(RunArtifact.of(artifact) for artifact in await self._ask("artifacts", run=run))

    def artifact(self, run: str, name: str, *, task: Optional[str] = None) -> LogStream:
        """The archive of an artifact, a gzipped tar, piece by piece."""
        return LogStream(self._native.artifact(run, options(name=name, task=task)), 0)

    async def unpack_artifact(
        self, run: str, name: str, folder: Union[str, PathLike[str]], *, task: Optional[str] = None
    ) -> None:
        """Unpacks an artifact below a folder, which is made when it is missing."""
        artifact = {"name": name, "folder": fspath(folder)}
        await self._ask("unpackArtifact", run=run, artifact=artifact if task is None else {**artifact, "task": task})

    async def test_report(self, run: str, task: str) -> Optional[TestReport]:
        """What the tests of a task said. ``None`` when there was no report."""
        report = await self._ask("testReport", run=run, task=task)
        return None if report is None else TestReport.of(report)

    async def log(self, run: str, task: str, *, attempt: int = 0, start: int = 0, most: Optional[int] = None) -> bytes:
        """A piece of a stored log; empty at the end of what there is. 0 is the newest attempt."""
        piece: bytes = await wait(self._native.log(run, task, attempt, start, most))
        return piece

    async def newest(self) -> int:
        """The position of what was committed last."""
        position: int = await self._ask("newest")
        return position

    async def credentials(self) -> tuple[StoredCredential, ...]:
        """The credentials that engines on the data directory keep: all but their values."""
        return tuple(StoredCredential.of(credential) for credential in await self._ask("credentials"))

    async def clusters(self) -> tuple[StoredCluster, ...]:
        """The clusters that engines on the data directory know."""
        return tuple(StoredCluster.of(cluster) for cluster in await self._ask("clusters"))

    async def _ask(self, request: str, **given: Any) -> Any:
        return await wait(self._native.ask(request, options(**given)))
