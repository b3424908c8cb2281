"""Reading a data directory beside its engine."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from os import PathLike, fspath
from typing import Any, Optional, Union

from .. import _native
from .._clusters import StoredCluster
from .._credentials import StoredCredential
from .._options import given, options
from .._records import AuditEntry, LogCursor, LogMatch, LogPage, RunListing, RunStatus, RunSummary
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

    async def tail(self, run: str, task: str, lines: int, *, attempt: int = 0) -> bytes:
        """The last lines of a stored log, at most 4 MiB. 0 is the newest attempt."""
        piece: bytes = await wait(self._native.tail(run, task, attempt, lines))
        return piece

    def download(self, run: str, *, timestamps: Optional[bool] = None) -> LogStream:
        """The logs of all attempts of a run as one text, each under a line that says whose it is."""
        return LogStream(self._native.download(run, options(timestamps=timestamps)), 0)

    async def search(
        self,
        pattern: str,
        *,
        regex: Optional[bool] = None,
        ignore_case: Optional[bool] = None,
        task: Optional[str] = None,
        limit: Optional[int] = None,
        after: Optional[LogCursor] = None,
        pipeline: Optional[str] = None,
        status: Optional[Sequence[RunStatus]] = None,
        runs: Optional[int] = None,
    ) -> LogPage:
        """Searches the logs of runs, newest first. ``runs`` bounds how many are looked at for one page."""
        query = given(pattern=pattern, regex=regex, ignore_case=ignore_case, task=task, limit=limit, after=after)
        filter = given(pipeline=pipeline, status=status, limit=runs)
        return LogPage.of(await self._ask("search", runs=filter, query=query))

    async def search_run(
        self,
        run: str,
        pattern: str,
        *,
        regex: Optional[bool] = None,
        ignore_case: Optional[bool] = None,
        task: Optional[str] = None,
        limit: Optional[int] = None,
        after: Optional[LogCursor] = None,
    ) -> list[LogMatch]:
        """The lines of a run's logs that match. Go on after the ``cursor`` of the last match."""
        query = given(pattern=pattern, regex=regex, ignore_case=ignore_case, task=task, limit=limit, after=after)
        return [LogMatch.of(match) for match in await self._ask("searchRun", run=run, query=query)]

    async def audit(
        self,
        *,
        by: Optional[str] = None,
        pipeline: Optional[str] = None,
        run: Optional[str] = None,
        before: Optional[int] = None,
        limit: Optional[int] = None,
    ) -> list[AuditEntry]:
        """Who changed what, newest first."""
        entries = await self._ask("audit", by=by, pipeline=pipeline, run=run, before=before, limit=limit)
        return [AuditEntry.of(entry) for entry in entries]

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
