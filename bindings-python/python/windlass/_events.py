"""Events: facts about runs, and changes that somebody made, each as a class of its own."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Literal, Optional, Union

from . import _native
from ._moment import moment
from ._options import Commit
from ._records import Cause, RunStatus, TaskStatus, WaitReason
from ._reports import Annotation, RestoredCache, StoredArtifact, TestSummary

AttemptState = Literal["succeeded", "failed", "cancelled", "timedOut", "lost"]
Decision = Literal["approved", "rejected"]


@dataclass(frozen=True, eq=False)
class Event:
    """One fact about a run. ``str(event)`` is a line for people."""

    type: ClassVar[str] = ""
    """The word for it in JSON."""

    run: str
    """The run."""
    seq: int
    """Its number in the run. Numbers rise; some are kept for the engine itself and never shown."""
    time: datetime
    """When it was decided."""
    _fact: _native.Fact = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The values of its JSON."""
        return self._fact.document()

    def to_json(self) -> str:
        """Its JSON on one line, the same as of ``windlass run --json``."""
        return self._fact.json()

    def __str__(self) -> str:
        return str(self._fact)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Event) and self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash((self.run, self.seq))


@dataclass(frozen=True, eq=False)
class RunQueued(Event):
    """The run exists and waits for its turn."""

    type: ClassVar[str] = "runQueued"
    pipeline: str
    number: int


@dataclass(frozen=True, eq=False)
class TaskReused(Event):
    """The task is not done again: it counts as it ended in an earlier run."""

    type: ClassVar[str] = "taskReused"
    task: str
    from_run: str
    state: TaskStatus


@dataclass(frozen=True, eq=False)
class CommitFound(Event):
    """It is known for which commit the run is."""

    type: ClassVar[str] = "commitFound"
    task: str
    commit: Commit


@dataclass(frozen=True, eq=False)
class RunStarted(Event):
    """The queue let it go."""

    type: ClassVar[str] = "runStarted"


@dataclass(frozen=True, eq=False)
class WorkspaceLost(Event):
    """The workspace is gone."""

    type: ClassVar[str] = "workspaceLost"
    cause: Cause


@dataclass(frozen=True, eq=False)
class TaskWaiting(Event):
    """The task could start, and waits."""

    type: ClassVar[str] = "taskWaiting"
    task: str
    reason: WaitReason


@dataclass(frozen=True, eq=False)
class TaskRunning(Event):
    """The attempt waited for something, and goes on."""

    type: ClassVar[str] = "taskRunning"
    task: str
    attempt: int


@dataclass(frozen=True, eq=False)
class TaskStarted(Event):
    """The task's first attempt starts. ``stage`` is ``None`` in ``finally``."""

    type: ClassVar[str] = "taskStarted"
    stage: Optional[str]
    task: str


@dataclass(frozen=True, eq=False)
class AttemptStarted(Event):
    """An attempt starts."""

    type: ClassVar[str] = "attemptStarted"
    task: str
    attempt: int


@dataclass(frozen=True, eq=False)
class Log(Event):
    """A piece of an attempt's log. Pieces come in order, without gaps, never twice; they may end within a line."""

    type: ClassVar[str] = "log"
    task: str
    attempt: int
    offset: int
    """Where it begins in the stored log, in bytes."""
    data: bytes = field(repr=False)
    """The bytes as they are stored."""

    @property
    def text(self) -> str:
        """The piece as text; what is none is shown as ``U+FFFD``."""
        return self.data.decode(errors="replace")


@dataclass(frozen=True, eq=False)
class LogTruncated(Event):
    """The log reached its limit."""

    type: ClassVar[str] = "logTruncated"
    task: str
    attempt: int
    limit: int


@dataclass(frozen=True, eq=False)
class AttemptStopping(Event):
    """An attempt is being stopped."""

    type: ClassVar[str] = "attemptStopping"
    task: str
    attempt: int
    cause: Optional[Cause]


@dataclass(frozen=True, eq=False)
class AttemptFinished(Event):
    """An attempt ended."""

    type: ClassVar[str] = "attemptFinished"
    task: str
    attempt: int
    state: AttemptState
    exit_code: Optional[int]
    cause: Optional[Cause]
    outputs: Mapping[str, str]


@dataclass(frozen=True, eq=False)
class CachesRestored(Event):
    """The attempt's caches were looked for, and what there was is in the workspace."""

    type: ClassVar[str] = "cachesRestored"
    task: str
    attempt: int
    caches: tuple[RestoredCache, ...]


@dataclass(frozen=True, eq=False)
class TestsReported(Event):
    """What the attempt's tests said."""

    __test__ = False
    type: ClassVar[str] = "testsReported"
    task: str
    attempt: int
    tests: TestSummary


@dataclass(frozen=True, eq=False)
class AnnotationsReported(Event):
    """Remarks about places in files."""

    type: ClassVar[str] = "annotationsReported"
    task: str
    attempt: int
    annotations: tuple[Annotation, ...]
    more: int
    """How many more there were."""


@dataclass(frozen=True, eq=False)
class ArtifactStored(Event):
    """An artifact is stored."""

    type: ClassVar[str] = "artifactStored"
    task: str
    attempt: int
    artifact: StoredArtifact


@dataclass(frozen=True, eq=False)
class ApprovalRequested(Event):
    """A person is asked."""

    type: ClassVar[str] = "approvalRequested"
    task: str
    message: str
    approvers: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class ApprovalDecided(Event):
    """A person decided."""

    type: ClassVar[str] = "approvalDecided"
    task: str
    decision: Decision
    by: str
    reason: str


@dataclass(frozen=True, eq=False)
class CancelRequested(Event):
    """Somebody wants the run to end."""

    type: ClassVar[str] = "cancelRequested"
    by: str
    reason: str


@dataclass(frozen=True, eq=False)
class RunTimedOut(Event):
    """The pipeline's timeout was reached."""

    type: ClassVar[str] = "runTimedOut"


@dataclass(frozen=True, eq=False)
class FinallyStarted(Event):
    """The stages are over; ``finally`` begins."""

    type: ClassVar[str] = "finallyStarted"


@dataclass(frozen=True, eq=False)
class FinallyTimedOut(Event):
    """The budget of ``finally`` is used up."""

    type: ClassVar[str] = "finallyTimedOut"


@dataclass(frozen=True, eq=False)
class EngineRecovered(Event):
    """An engine took the run up again."""

    type: ClassVar[str] = "engineRecovered"


@dataclass(frozen=True, eq=False)
class TaskFinished(Event):
    """The task is over."""

    type: ClassVar[str] = "taskFinished"
    task: str
    state: TaskStatus
    exit_code: Optional[int]
    cause: Optional[Cause]
    duration_ms: int


@dataclass(frozen=True, eq=False)
class RunFinished(Event):
    """The run is over."""

    type: ClassVar[str] = "runFinished"
    state: RunStatus
    duration_ms: int
    cause: Optional[Cause]


@dataclass(frozen=True, eq=False)
class OtherEvent(Event):
    """A fact for which this version has no class. ``to_dict`` says what it is."""

    type: ClassVar[str] = "other"


@dataclass(frozen=True, eq=False)
class EngineEvent:
    """Something that happened in an engine, with its place in the order of everything."""

    position: int
    """Its place. Keep that of the newest one that was dealt with, to go on from there."""
    pipeline: Optional[str]
    """The pipeline that it is about, or whose run it is about."""
    type: str
    """The word for it in JSON."""
    event: Optional[Event]
    """The fact about a run, when it is one."""
    by: Optional[str]
    """Who made the change, when it is one."""
    _fact: _native.Fact = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The values of its JSON."""
        return self._fact.document()

    def to_json(self) -> str:
        """Its JSON on one line."""
        return self._fact.json()

    def __str__(self) -> str:
        return str(self._fact)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, EngineEvent) and self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash(self.position)


def _data(document: Mapping[str, Any]) -> bytes:
    text: Optional[str] = document.get("text")
    return base64.b64decode(document["textBase64"]) if text is None else text.encode()


def _cause(document: Mapping[str, Any]) -> Optional[Cause]:
    cause = document["cause"]
    return None if cause is None else Cause.of(cause)


def _made(word: str, of: Callable[[Any], Any]) -> Callable[[Mapping[str, Any]], Any]:
    return lambda document: of(document[word])


def _each(word: str, of: Callable[[Any], Any]) -> Callable[[Mapping[str, Any]], Any]:
    return lambda document: tuple(of(item) for item in document[word])


# For each type: its class, and what fills the fields behind those that all have.
_KINDS: dict[str, tuple[type[Event], tuple[Union[str, Any], ...]]] = {
    "runQueued": (RunQueued, ("pipeline", "number")),
    "taskReused": (TaskReused, ("task", "from", "state")),
    "commitFound": (CommitFound, ("task", _made("commit", Commit.of))),
    "runStarted": (RunStarted, ()),
    "workspaceLost": (WorkspaceLost, (_cause,)),
    "taskWaiting": (TaskWaiting, ("task", _made("reason", WaitReason.of))),
    "taskRunning": (TaskRunning, ("task", "attempt")),
    "taskStarted": (TaskStarted, ("stage", "task")),
    "attemptStarted": (AttemptStarted, ("task", "attempt")),
    "log": (Log, ("task", "attempt", "offset", _data)),
    "logTruncated": (LogTruncated, ("task", "attempt", "limit")),
    "attemptStopping": (AttemptStopping, ("task", "attempt", _cause)),
    "attemptFinished": (AttemptFinished, ("task", "attempt", "state", "exitCode", _cause, "outputs")),
    "cachesRestored": (CachesRestored, ("task", "attempt", _each("caches", RestoredCache.of))),
    "testsReported": (TestsReported, ("task", "attempt", _made("tests", TestSummary.of))),
    "annotationsReported": (
        AnnotationsReported,
        ("task", "attempt", _each("annotations", Annotation.of), "more"),
    ),
    "artifactStored": (ArtifactStored, ("task", "attempt", _made("artifact", StoredArtifact.of))),
    "approvalRequested": (
        ApprovalRequested,
        ("task", "message", _each("approvers", str)),
    ),
    "approvalDecided": (ApprovalDecided, ("task", "decision", "by", "reason")),
    "cancelRequested": (CancelRequested, ("by", "reason")),
    "runTimedOut": (RunTimedOut, ()),
    "finallyStarted": (FinallyStarted, ()),
    "finallyTimedOut": (FinallyTimedOut, ()),
    "engineRecovered": (EngineRecovered, ()),
    "taskFinished": (TaskFinished, ("task", "state", "exitCode", _cause, "durationMs")),
    "runFinished": (RunFinished, ("state", "durationMs", _cause)),
}


def event_of(fact: _native.Fact) -> Event:
    """The event of a fact."""
    return _event(fact, fact.document())


def _event(fact: _native.Fact, document: Mapping[str, Any]) -> Event:
    kind, names = _KINDS.get(document["type"], (OtherEvent, ()))
    values = [document[name] if isinstance(name, str) else name(document) for name in names]
    return kind(document["run"], document["seq"], moment(document["time"]), fact, *values)


def engine_event_of(fact: _native.Fact) -> EngineEvent:
    """The event of the whole engine of a fact."""
    document = fact.document()
    event = _event(fact, document) if "seq" in document else None
    return EngineEvent(
        document["position"],
        document.get("pipeline"),
        document["type"],
        event,
        None if event else document["by"],
        fact,
    )
