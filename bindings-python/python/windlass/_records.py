"""What the engine says about runs, tasks and pipelines: typed, and only ever made from what the core says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Optional, TypedDict

from ._document import Pipeline
from ._moment import maybe_moment, moment

RunStatus = Literal["queued", "running", "succeeded", "failed", "cancelled", "timedOut"]
TaskStatus = Literal["pending", "waiting", "running", "succeeded", "failed", "skipped", "cancelled", "timedOut", "lost"]


@dataclass(frozen=True)
class Cause:
    """Why something did not succeed, written for the person who gets it."""

    code: str
    """A stable code in camelCase, such as ``exitCode``, ``commandNotFound``, ``timeout``."""
    message: str
    """What failed and why, in one sentence."""
    advice: str
    """What to do next. Empty when there is nothing to say."""

    @classmethod
    def of(cls, document: Optional[Mapping[str, Any]]) -> Optional[Cause]:
        """From its JSON, when there is one."""
        return None if document is None else cls(document["code"], document["message"], document["advice"])


@dataclass(frozen=True)
class WaitReason:
    """Why a task waits, so that a person can act on it."""

    code: str
    """``slot``, ``approval``, ``backoff``, or a word of the executor."""
    message: str
    """One sentence."""

    @classmethod
    def of(cls, document: Optional[Mapping[str, Any]]) -> Optional[WaitReason]:
        """From its JSON, when there is one."""
        return None if document is None else cls(document["code"], document["message"])


@dataclass(frozen=True)
class Reused:
    """Where a task was done that a run did not do again."""

    run: str
    attempt: int


@dataclass(frozen=True)
class TaskSummary:
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
    cause: Optional[Cause]
    """Why it did not succeed, or why it was skipped."""
    waiting: Optional[WaitReason]
    """What it waits for."""
    outputs: Mapping[str, str]
    """What it wrote to ``$WINDLASS_OUTPUT``."""
    reused: Optional[Reused]
    """Where it was done, when an earlier run did it."""
    started: Optional[datetime]
    duration_ms: Optional[int]

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> TaskSummary:
        """From its JSON."""
        reused = document["reused"]
        return cls(
            document["task"],
            document["stage"],
            document["status"],
            document["allowFailure"],
            document["attempts"],
            document["exitCode"],
            Cause.of(document["cause"]),
            WaitReason.of(document["waiting"]),
            document["outputs"],
            None if reused is None else Reused(reused["run"], reused["attempt"]),
            maybe_moment(document["started"]),
            document["durationMs"],
        )


@dataclass(frozen=True)
class RunSummary:
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
    created: datetime
    started: Optional[datetime]
    finished: Optional[datetime]
    duration_ms: Optional[int]
    cause: Optional[Cause]
    """Why it did not succeed."""
    tasks: tuple[TaskSummary, ...]
    """Its tasks, in the order of the plan."""

    @property
    def succeeded(self) -> bool:
        """Whether the run reached its end, and a good one."""
        return self.status == "succeeded"

    def task(self, name: str) -> Optional[TaskSummary]:
        """The task of this name."""
        return next((task for task in self.tasks if task.task == name), None)

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> RunSummary:
        """From its JSON."""
        return cls(
            document["id"],
            document["pipeline"],
            document["number"],
            document["pipelineVersion"],
            document["status"],
            document["trigger"],
            document["actor"],
            document["executor"],
            moment(document["created"]),
            maybe_moment(document["started"]),
            maybe_moment(document["finished"]),
            document["durationMs"],
            Cause.of(document["cause"]),
            tuple(TaskSummary.of(task) for task in document["tasks"]),
        )


@dataclass(frozen=True)
class RunListing:
    """A run in a listing."""

    id: str
    pipeline: str
    number: int
    status: RunStatus
    trigger: str
    actor: str
    rerun_of: Optional[str]
    created: datetime
    started: Optional[datetime]
    finished: Optional[datetime]
    duration_ms: Optional[int]

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> RunListing:
        """From its JSON."""
        return cls(
            document["id"],
            document["pipeline"],
            document["number"],
            document["status"],
            document["trigger"],
            document["actor"],
            document["rerunOf"],
            moment(document["created"]),
            maybe_moment(document["started"]),
            maybe_moment(document["finished"]),
            document["durationMs"],
        )


@dataclass(frozen=True)
class PipelineListing:
    """A pipeline in a listing."""

    name: str
    version: int
    active: bool
    created: datetime
    changed: datetime
    changed_by: str

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> PipelineListing:
        """From its JSON."""
        return cls(
            document["name"],
            document["version"],
            document["active"],
            moment(document["created"]),
            moment(document["changed"]),
            document["changedBy"],
        )


@dataclass(frozen=True)
class StoredPipeline:
    """A pipeline as it is kept now."""

    name: str
    version: int
    """The version of its definition: what a save must be made from."""
    active: bool
    definition: Pipeline
    created: datetime
    changed: datetime
    changed_by: str

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> StoredPipeline:
        """From its JSON."""
        return cls(
            document["name"],
            document["version"],
            document["active"],
            Pipeline.from_dict(document["definition"]),
            moment(document["created"]),
            moment(document["changed"]),
            document["changedBy"],
        )


@dataclass(frozen=True)
class StoredVersion:
    """A definition that a pipeline has or had."""

    name: str
    version: int
    definition: Pipeline
    saved: datetime
    saved_by: str

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> StoredVersion:
        """From its JSON."""
        return cls(
            document["name"],
            document["version"],
            Pipeline.from_dict(document["definition"]),
            moment(document["saved"]),
            document["savedBy"],
        )


@dataclass(frozen=True)
class LogCursor:
    """A place in the logs of runs, from which a search goes on."""

    run: str
    within: Optional[Mapping[str, Any]]

    def to_dict(self) -> dict[str, Any]:
        """The values of its JSON."""
        return {"run": self.run, "within": self.within}


@dataclass(frozen=True)
class LogMatch:
    """A line that matches, and whose log it is in."""

    run: str
    task: str
    attempt: int
    line: int
    """The number of the line, counted from 1."""
    offset: int
    """Where the match begins in the stored log, in bytes."""
    length: int
    at: Optional[datetime]
    """When the line's first byte came, as far as that is known."""
    excerpt: str
    """The line, or as much of it as is near the match."""

    @property
    def cursor(self) -> LogCursor:
        """The place of this match: a search goes on after it."""
        return LogCursor(self.run, {"task": self.task, "attempt": self.attempt, "offset": self.offset})

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> LogMatch:
        """From its JSON."""
        return cls(
            document["run"],
            document["task"],
            document["attempt"],
            document["line"],
            document["offset"],
            document["length"],
            maybe_moment(document["at"]),
            document["excerpt"],
        )


@dataclass(frozen=True)
class LogPage:
    """Matches in the logs of many runs."""

    matches: tuple[LogMatch, ...]
    next: Optional[LogCursor]
    """Where the search goes on; ``None`` when all runs were looked at."""

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> LogPage:
        """From its JSON."""
        cursor = document["next"]
        return cls(
            tuple(LogMatch.of(match) for match in document["matches"]),
            None if cursor is None else LogCursor(cursor["run"], cursor["within"]),
        )


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
class DrainReport:
    """What became of the runs that went on when an engine ended."""

    finished: tuple[str, ...]
    left_running: tuple[str, ...]
    """Those that go on: the next engine takes them up."""

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> DrainReport:
        """From its JSON."""
        return cls(tuple(document["finished"]), tuple(document["leftRunning"]))


@dataclass(frozen=True)
class BackupReport:
    """A backup that was made."""

    path: str
    bytes: int
    runs: int
    position: int

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> BackupReport:
        """From its JSON."""
        return cls(document["path"], document["bytes"], document["runs"], document["position"])


@dataclass(frozen=True)
class RestoreReport:
    """A data directory that was restored."""

    path: str
    bytes: int
    runs: int
    unfinished: tuple[str, ...]
    """Runs that had not ended: an engine that is opened takes them up."""
    position: int

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> RestoreReport:
        """From its JSON."""
        unfinished = tuple(document["unfinished"])
        return cls(document["path"], document["bytes"], document["runs"], unfinished, document["position"])


@dataclass(frozen=True)
class Capabilities:
    """What an executor can do. What is not said, it cannot."""

    images: bool = False
    reattach: bool = False
    contains_descendants: bool = False
    resources: bool = False
    isolation: bool = False

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Capabilities:
        """From its JSON."""
        return cls(
            document["images"],
            document["reattach"],
            document["containsDescendants"],
            document["resources"],
            document["isolation"],
        )

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
