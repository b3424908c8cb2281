"""What the engine says about runs, tasks and pipelines: typed, and only ever made from what the core says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Optional, TypedDict

from ._document import Pipeline
from ._moment import moment
from ._options import Commit
from ._record import Record, each, read
from ._reports import Annotation, FailedTest, StoredArtifact, TestSummary

RunStatus = Literal["queued", "running", "succeeded", "failed", "cancelled", "timedOut"]
TaskStatus = Literal["pending", "waiting", "running", "succeeded", "failed", "skipped", "cancelled", "timedOut", "lost"]


def at() -> Any:
    """A field with a moment that is always there."""
    return field(metadata={"of": moment})


@dataclass(frozen=True)
class Cause(Record):
    """Why something did not succeed, written for the person who gets it."""

    code: str
    """A stable code in camelCase, such as ``exitCode``, ``commandNotFound``, ``timeout``."""
    message: str
    """What failed and why, in one sentence."""
    advice: str
    """What to do next. Empty when there is nothing to say."""


@dataclass(frozen=True)
class WaitReason(Record):
    """Why a task waits, so that a person can act on it."""

    code: str
    """``slot``, ``approval``, ``backoff``, or a word of the executor."""
    message: str
    """One sentence."""


@dataclass(frozen=True)
class Reused(Record):
    """Where a task was done that a run did not do again."""

    run: str
    attempt: int


@dataclass(frozen=True)
class TaskSummary(Record):
    """A task as it is now."""

    task: str
    """Its name in the run."""
    stage: Optional[str]
    """The stage; ``None`` in ``finally``."""
    status: TaskStatus
    allow_failure: bool
    attempts: int
    """How many attempts were started."""
    exit_code: Optional[int]
    outputs: Mapping[str, str]
    """What it wrote to ``$WINDLASS_OUTPUT``."""
    cause: Optional[Cause] = read(Cause.of)
    """Why it did not succeed, or why it was skipped."""
    waiting: Optional[WaitReason] = read(WaitReason.of)
    """What it waits for."""
    reused: Optional[Reused] = read(Reused.of)
    """Where it was done, when an earlier run did it."""
    tests: Optional[TestSummary] = read(TestSummary.of)
    """What the tests of its last attempt said, where it has reports."""
    annotations: tuple[Annotation, ...] = each(Annotation.of)
    """Remarks about places in files that its last attempt left; at most 100."""
    artifacts: tuple[StoredArtifact, ...] = each(StoredArtifact.of)
    """The artifacts that it left. Of a task that was not done again, :meth:`Run.artifacts` has them."""
    started: Optional[datetime] = read(moment)
    duration_ms: Optional[int] = None


@dataclass(frozen=True)
class RunSummary(Record):
    """A run as it is now; what ``wait`` returns when it has ended."""

    id: str
    pipeline: str
    number: int
    pipeline_version: Optional[int]
    """The version of the stored pipeline that it runs; ``None`` when it was started with a definition of its own."""
    status: RunStatus
    trigger: str
    actor: str
    executor: str
    commit: Commit = field(metadata={"of": Commit.of})
    """The commit for which it runs, as far as it is known: from its trigger, or from its first checkout."""
    created: datetime = at()
    started: Optional[datetime] = read(moment)
    finished: Optional[datetime] = read(moment)
    duration_ms: Optional[int] = None
    cause: Optional[Cause] = read(Cause.of)
    """Why it did not succeed."""
    tasks: tuple[TaskSummary, ...] = each(TaskSummary.of)
    """Its tasks, in the order of the plan."""

    @property
    def succeeded(self) -> bool:
        """Whether the run reached its end, and a good one."""
        return self.status == "succeeded"

    @property
    def failed_tests(self) -> tuple[tuple[str, FailedTest], ...]:
        """The failed tests of all tasks, as far as events have them, each with its task."""
        return tuple((task.task, test) for task in self.tasks if task.tests for test in task.tests.failures)

    def task(self, name: str) -> Optional[TaskSummary]:
        """The task of this name."""
        return next((task for task in self.tasks if task.task == name), None)


@dataclass(frozen=True)
class RunListing(Record):
    """A run in a listing."""

    id: str
    pipeline: str
    number: int
    status: RunStatus
    trigger: str
    actor: str
    rerun_of: Optional[str]
    created: datetime = at()
    started: Optional[datetime] = read(moment)
    finished: Optional[datetime] = read(moment)
    duration_ms: Optional[int] = None


@dataclass(frozen=True)
class RunName(Record):
    """A run, as people name it."""

    id: str
    pipeline: str
    number: int

    def __str__(self) -> str:
        return f"{self.pipeline}#{self.number}"


@dataclass(frozen=True)
class EngineStatus(Record):
    """How an engine of another process is."""

    pid: int
    version: str
    running: int
    queued: int


@dataclass(frozen=True)
class PipelineListing(Record):
    """A pipeline in a listing."""

    name: str
    version: int
    active: bool
    changed_by: str
    created: datetime = at()
    changed: datetime = at()


@dataclass(frozen=True)
class StoredPipeline(Record):
    """A pipeline as it is kept now."""

    name: str
    version: int
    """The version of its definition: what a save must be made from."""
    active: bool
    changed_by: str
    definition: Pipeline = field(metadata={"of": Pipeline.from_dict})
    created: datetime = at()
    changed: datetime = at()


@dataclass(frozen=True)
class StoredVersion(Record):
    """A definition that a pipeline has or had."""

    name: str
    version: int
    saved_by: str
    definition: Pipeline = field(metadata={"of": Pipeline.from_dict})
    saved: datetime = at()


@dataclass(frozen=True)
class LogCursor(Record):
    """A place in the logs of runs, from which a search goes on."""

    run: str
    within: Optional[Mapping[str, Any]]

    def to_dict(self) -> dict[str, Any]:
        """The values of its JSON."""
        return {"run": self.run, "within": self.within}


@dataclass(frozen=True)
class LogMatch(Record):
    """A line that matches, and whose log it is in."""

    run: str
    task: str
    attempt: int
    line: int
    """The number of the line, counted from 1."""
    offset: int
    """Where the match begins in the stored log, in bytes."""
    length: int
    excerpt: str
    """The line, or as much of it as is near the match."""
    range: Mapping[str, int]
    """Where the match is in the excerpt, ``start`` and ``end`` in bytes of UTF-8."""
    at: Optional[datetime] = read(moment)
    """When the line's first byte came, as far as that is known."""

    @property
    def cursor(self) -> LogCursor:
        """The place of this match: a search goes on after it."""
        return LogCursor(self.run, {"task": self.task, "attempt": self.attempt, "offset": self.offset})


@dataclass(frozen=True)
class LogPage(Record):
    """Matches in the logs of many runs."""

    matches: tuple[LogMatch, ...] = each(LogMatch.of)
    next: Optional[LogCursor] = read(LogCursor.of)
    """Where the search goes on; ``None`` when all runs were looked at."""


@dataclass(frozen=True)
class AuditEntry:
    """Who changed what."""

    position: int
    time: datetime
    by: str
    type: str
    """What kind of change, such as ``pipelineUpdated``."""
    change: Mapping[str, Any]
    """What else is known of it, as in its JSON."""

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> AuditEntry:
        """From its JSON."""
        known = ("position", "time", "by", "type")
        rest = {word: value for word, value in document.items() if word not in known}
        return cls(document["position"], moment(document["time"]), document["by"], document["type"], rest)


@dataclass(frozen=True)
class DrainReport(Record):
    """What became of the runs that went on when an engine ended."""

    finished: tuple[str, ...] = each(str)
    left_running: tuple[str, ...] = each(str)
    """Those that go on: the next engine takes them up."""


@dataclass(frozen=True)
class BackupReport(Record):
    """A backup that was made."""

    path: str
    bytes: int
    runs: int
    position: int
    artifacts: Optional[int] = None
    """``None`` when they are kept outside of the data directory, and so are not in it."""


@dataclass(frozen=True)
class RestoreReport(Record):
    """A data directory that was restored."""

    path: str
    bytes: int
    runs: int
    position: int
    unfinished: tuple[str, ...] = each(str)
    """Runs that had not ended: an engine that is opened takes them up."""


@dataclass(frozen=True)
class Capabilities(Record):
    """What an executor can do. What is not said, it cannot."""

    images: bool = False
    reattach: bool = False
    contains_descendants: bool = False
    resources: bool = False
    isolation: bool = False

    def to_dict(self) -> dict[str, bool]:
        """The values of its JSON."""
        return {
            "images": self.images,
            "reattach": self.reattach,
            "containsDescendants": self.contains_descendants,
            "resources": self.resources,
            "isolation": self.isolation,
        }


class RerunFromTask(TypedDict):
    """Run again from this task on."""

    fromTask: str
