# Made by scripts/python-sync from the file of the same name in `_aio`. Do not change it here.
"""The handle of one run."""

from __future__ import annotations

from os import PathLike, fspath
from typing import Any, Literal, Optional, Union

from .. import _native
from .._options import options, text
from .._records import LogCursor, LogMatch, RerunFromTask, RunStatus, RunSummary
from .._reports import RunArtifact, TestReport
from ._wait import wait
from .streams import Events, LogStream


class Run:
    """A run of an engine. Dropping the handle changes nothing for the run."""

    def __init__(self, native: _native.Run) -> None:
        self._native = native
        self.id: str = native.id
        """The unique id."""
        self.number: int = native.number
        """The number in its pipeline: 1, 2, 3 …"""
        self.pipeline: str = native.pipeline
        """The pipeline's name."""

    def __repr__(self) -> str:
        return f"<Run {self.pipeline}#{self.number} {self.id}>"

    def events(self, *, after: int = 0) -> Events:
        """All events after a number, and live ones as they come."""
        return Events(self._native.events(after))

    def wait(self) -> RunSummary:
        """Waits until the run is over and everything that it held is freed. Giving the wait up does not cancel the run."""
        return RunSummary.of(wait(self._native.wait()))

    def summary(self) -> RunSummary:
        """The run and its tasks as they are now."""
        return RunSummary.of(wait(self._native.summary()))

    def status(self) -> RunStatus:
        """Where the run is."""
        status: RunStatus = wait(self._native.status())
        return status

    def cancel(self, by: str = "", reason: str = "") -> None:
        """Asks the run to end; ``finally`` runs. The second time ends ``finally`` as well. ``wait`` tells of the end."""
        wait(self._native.cancel(by, reason))

    def approve(self, task: str, by: str, reason: str = "") -> None:
        """Says yes to a task that waits for an approval."""
        wait(self._native.approve(task, by, reason))

    def reject(self, task: str, by: str, reason: str = "") -> None:
        """Says no to a task that waits for an approval: it fails."""
        wait(self._native.reject(task, by, reason))

    def log(self, task: str, *, attempt: int = 0, start: int = 0, most: Optional[int] = None) -> bytes:
        """A piece of the stored log of a task's attempt, from an offset on; empty at the end. 0 is the newest attempt."""
        piece: bytes = wait(self._native.log(task, attempt, start, most))
        return piece

    def logs(self, task: str) -> str:
        """The stored log of a task's newest attempt as text, as far as there is one. For small logs."""
        piece: bytes = wait(self._native.log(task, 0, 0, None))
        return piece.decode(errors="replace")

    def tail(self, task: str, lines: int, *, attempt: int = 0) -> bytes:
        """The last lines of the stored log of a task's attempt, at most 4 MiB. 0 is the newest attempt."""
        piece: bytes = wait(self._native.tail(task, attempt, lines))
        return piece

    def follow_log(self, task: str, *, attempt: int = 0, start: int = 0) -> LogStream:
        """The stored log of a task's attempt from an offset on, as it grows. 0 is the newest attempt."""
        return LogStream(self._native.follow_log(task, attempt, start), start)

    def download(self, *, timestamps: Optional[bool] = None) -> LogStream:
        """The logs of all attempts as one text, each under a line that says whose it is."""
        return LogStream(self._native.download(options(timestamps=timestamps)), 0)

    def search(
        self,
        pattern: str,
        *,
        regex: Optional[bool] = None,
        ignore_case: Optional[bool] = None,
        task: Optional[str] = None,
        limit: Optional[int] = None,
        after: Optional[LogCursor] = None,
    ) -> list[LogMatch]:
        """The lines of the run's logs that match. Go on after the ``cursor`` of the last match."""
        query = options(pattern=pattern, regex=regex, ignore_case=ignore_case, task=task, limit=limit, after=after)
        return [LogMatch.of(match) for match in wait(self._native.search(query))]

    def artifacts(self) -> tuple[RunArtifact, ...]:
        """The artifacts of the run, in the order of its tasks."""
        return tuple(RunArtifact.of(artifact) for artifact in wait(self._native.ask("artifacts", "{}")))

    def artifact(self, name: str, *, task: Optional[str] = None) -> LogStream:
        """The archive of an artifact, a gzipped tar, piece by piece. The task is needed where two left one of this name."""
        return LogStream(self._native.artifact(options(name=name, task=task)), 0)

    def unpack_artifact(self, name: str, folder: Union[str, PathLike[str]], *, task: Optional[str] = None) -> None:
        """Unpacks an artifact below a folder, which is made when it is missing, after a look whether it is what was stored."""
        wait(self._native.ask("unpackArtifact", options(name=name, folder=fspath(folder), task=task)))

    def test_report(self, task: str) -> Optional[TestReport]:
        """What the tests of a task's newest attempt said, whole: up to 500 failed ones. ``None`` when there was no report."""
        report = wait(self._native.ask("testReport", options(task=task)))
        return None if report is None else TestReport.of(report)

    def timeline(self) -> dict[str, Any]:
        """Where the time of the run went so far: waits with their reasons, attempts, ends."""
        timeline: dict[str, Any] = wait(self._native.timeline())
        return timeline

    def at(self, seq: int) -> RunSummary:
        """The run and its tasks as they were right after an event."""
        return RunSummary.of(wait(self._native.at(seq)))

    def retry(
        self,
        mode: Union[Literal["asItWas", "asItIs", "fromFailed"], RerunFromTask],
        by: str = "",
    ) -> Run:
        """Runs it again, as a new run: as it was, with the pipeline as it is now, from what failed on, or from a task on."""
        return Run(wait(self._native.retry(text(mode), by)))

    def delete(self, by: str = "") -> None:
        """Deletes the run with all that belongs to it. It must have ended."""
        wait(self._native.delete(by))
