"""Executors and actions of one's own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Optional, Union

from ._document import ContainerOptions, Resources, Service
from ._records import Capabilities, WaitReason

if TYPE_CHECKING:
    from ._aio.context import ActionContext, StepContext, TarPieces
    from ._sync.context import ActionContext as SyncActionContext

__all__ = [
    "Action",
    "ActionError",
    "Adopt",
    "Executor",
    "ExecutorError",
    "ExecutorEvent",
    "RunScope",
    "Running",
    "SettingsProblem",
    "SimpleExecutor",
    "StepEnd",
    "StepExit",
    "StepKey",
    "StepSpec",
    "Told",
    "Waiting",
]


@dataclass(frozen=True)
class StepKey:
    """One attempt at a task in a run: what executors address steps by."""

    run: str
    task: str
    attempt: int
    """1 for the first attempt."""

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> StepKey:
        """From its JSON."""
        return cls(document["run"], document["task"], document["attempt"])

    def to_dict(self) -> dict[str, Any]:
        """The values of its JSON."""
        return {"run": self.run, "task": self.task, "attempt": self.attempt}


@dataclass(frozen=True)
class StepSpec:
    """A step: what an executor starts for an attempt. Everything in it is resolved."""

    key: StepKey
    generation: int
    """The workspace's generation."""
    resumed: bool
    """Whether an earlier engine may have started it already."""
    script: Optional[str]
    """The text of the script; ``None`` for a program."""
    shell: Optional[str]
    """The shell that the task names."""
    program: Optional[tuple[str, ...]]
    """The program and its arguments; ``None`` for a script. No shell sees them."""
    env: Mapping[str, str]
    """The environment, exactly as the step shall see it, over ``PATH`` and ``HOME``."""
    image: Optional[str]
    resources: Resources
    isolation: Literal["run", "task"]
    workspace: Literal["shared", "none"]
    container: Optional[ContainerOptions] = None
    """What its container has beside its image; ``None`` when the task says nothing of it."""
    services: tuple[Service, ...] = ()
    """The containers beside it."""

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> StepSpec:
        """From its JSON."""
        command = document["command"]
        script, program = command.get("script"), command.get("program")
        container = document.get("container")
        return cls(
            StepKey.of(document["key"]),
            document["generation"],
            document["resumed"],
            script and script["text"],
            script and script["shell"],
            program and tuple(program["argv"]),
            document["env"],
            document["image"],
            Resources.from_dict(document["resources"]),
            document["isolation"],
            document["workspace"],
            container and ContainerOptions.from_dict(container["options"]),
            tuple(Service.from_dict(service) for service in (container or {}).get("services", ())),
        )


@dataclass(frozen=True)
class StepSecrets:
    """Credentials for a step. They must show up nowhere but in the step: not in a log, an error, a command line, or in the environment
    of anything else. Both win over ``env`` of the step."""

    env: Mapping[str, str] = field(repr=False)
    """Values by the name of their environment variable."""
    files: Mapping[str, bytes] = field(repr=False)
    """Contents of files by the name of the variable that gets the file's path: readable by the step only, gone after it."""


@dataclass(frozen=True)
class StepEnd:
    """How a step ended: exactly one of these."""

    code: Optional[int] = None
    """With an exit code; 0 is success."""
    signal: Optional[int] = None
    """By a signal."""
    out_of_memory: bool = False
    """The kernel ended it because its memory limit was reached."""

    def to_dict(self) -> Any:
        """The values of its JSON."""
        if self.out_of_memory:
            return "outOfMemory"
        return {"code": self.code} if self.signal is None else {"signal": self.signal}


@dataclass(frozen=True)
class StepExit:
    """How a step ended, with its log and outputs."""

    end: Union[StepEnd, int]
    """How; a number is an exit code."""
    log_length: int
    """The length of its raw log in bytes; nothing is added to it any more."""
    output: bytes = b""
    """What it wrote to ``$WINDLASS_OUTPUT``."""


@dataclass(frozen=True)
class Adopt:
    """A workspace that was kept and gets another owner."""

    run: str
    generation: int


@dataclass(frozen=True)
class RunScope:
    """What must be there before steps of a run start."""

    run: str
    generation: int
    """The workspace's generation."""
    existing: bool
    """Whether it was made before: then ``prepare`` finds it, or says that it is lost, and never makes it anew."""
    source: Optional[str]
    """A folder on the engine's machine whose files the fresh workspace starts with."""
    adopt: Optional[Adopt]
    """The run whose kept workspace becomes this run's. It is moved, not copied."""

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> RunScope:
        """From its JSON."""
        adopt = document["adopt"]
        return cls(
            document["run"],
            document["generation"],
            document["existing"],
            document["source"],
            None if adopt is None else Adopt(adopt["run"], adopt["generation"]),
        )


@dataclass(frozen=True)
class Waiting:
    """An executor noticed that a step cannot go on yet."""

    step: StepKey
    reason: WaitReason

    def to_dict(self) -> dict[str, Any]:
        """The values of its JSON."""
        reason = {"code": self.reason.code, "message": self.reason.message}
        return {"waiting": {"step": self.step.to_dict(), "reason": reason}}


@dataclass(frozen=True)
class Running:
    """An executor noticed that a step waits no longer."""

    step: StepKey

    def to_dict(self) -> dict[str, Any]:
        """The values of its JSON."""
        return {"running": {"step": self.step.to_dict()}}


@dataclass(frozen=True)
class Told:
    """Something that whoever reads the step's log wants to know: how far an image is fetched, what became of a service."""

    step: StepKey
    line: str

    def to_dict(self) -> dict[str, Any]:
        """The values of its JSON."""
        return {"told": {"step": self.step.to_dict(), "line": self.line}}


ExecutorEvent = Union[Waiting, Running, Told]
"""Something that an executor noticed about a run."""


class ExecutorError(Exception):
    """Why an executor could not do what it was asked. Raise it in an executor of your own."""

    def __init__(
        self,
        kind: Literal["badStep", "infrastructure", "lost", "neverStarted", "notFound", "unsupported", "workspaceLost"],
        code: str,
        message: str,
        advice: str = "",
    ) -> None:
        super().__init__(message)
        self.kind = kind
        """``badStep``: the person who wrote the pipeline can mend it. ``infrastructure``: another try may."""
        self.code = code
        """A stable code in camelCase."""
        self.advice = advice
        """What to do next; may be empty."""


class ActionError(Exception):
    """Why an action did not succeed. Raise it in an action of your own."""

    def __init__(
        self, code: str, message: str, advice: str = "", *, kind: Literal["failed", "infrastructure"] = "failed"
    ) -> None:
        super().__init__(message)
        self.kind = kind
        """``failed``: the person who wrote the pipeline can mend it. ``infrastructure``: another try may."""
        self.code = code
        """A stable code in camelCase."""
        self.advice = advice
        """What to do next; may be empty."""

    @classmethod
    def failed(cls, code: str, message: str, advice: str = "") -> ActionError:
        """It could not do what the pipeline asks: for the person who wrote that."""
        return cls(code, message, advice)

    @classmethod
    def infrastructure(cls, code: str, message: str, advice: str = "") -> ActionError:
        """Something else failed that another try may mend: the network, another system."""
        return cls(code, message, advice, kind="infrastructure")


class SimpleExecutor(ABC):
    """The short way to an executor of one's own: one function, plain or asynchronous, that runs a step to its end.

    Called at most once for a step. When the step shall end, an asynchronous ``run`` is cancelled, and a plain one sees it in
    ``context.cancelled``; after the stop's grace nobody waits for it any more. It does not survive the process: after a crash
    the step is lost.
    """

    capabilities: Capabilities = Capabilities()
    """What it can do; ``reattach`` is always false."""

    @abstractmethod
    def run(self, step: StepSpec, context: StepContext) -> Union[int, StepEnd, Awaitable[Union[int, StepEnd, None]], None]:
        """Runs the step. A number is an exit code, and ``None`` is 0."""


class Executor(ABC):
    """Where steps run: the whole contract. Each method may be plain or asynchronous.

    Every method takes keys and may be called on a fresh instance after a crash; nothing that matters is only in memory.
    :func:`windlass.testing.executor_conformance` tests each sentence of the contract.
    """

    capabilities: Capabilities = Capabilities()
    """What it can do. The same always."""

    @abstractmethod
    def prepare(self, scope: RunScope) -> Union[Awaitable[None], None]:
        """Makes or finds the workspace. Safe to repeat."""

    ignores: Optional[Sequence[str]] = None
    """The keys of ``container`` with which it does nothing; people are told in the log of the task. Unset: none with images, and all
    without."""

    def observe(self, run: str) -> Union[Iterable[ExecutorEvent], AsyncIterable[ExecutorEvent]]:
        """What happens to the run's steps beside their logs and ends: what they wait for. Ends with ``release``."""
        return ()

    @abstractmethod
    def start(self, step: StepSpec, secrets: StepSecrets) -> Union[Awaitable[None], None]:
        """Starts the step. Safe to repeat: the start token lets exactly one through. A start after a ``stop`` starts nothing."""

    @abstractmethod
    def wait(self, step: StepKey) -> Union[StepExit, Awaitable[StepExit]]:
        """Waits for the step's end, also from a fresh instance."""

    @abstractmethod
    def logs(self, step: StepKey, start: int) -> Union[Iterable[tuple[int, bytes]], AsyncIterable[tuple[int, bytes]]]:
        """The raw log from an offset on, as it grows: pieces with their offsets. Ends after the last byte of an ended step."""

    def service_logs(self, step: StepKey) -> Union[bytes, Awaitable[bytes]]:
        """What the services of an ended step said, to be kept behind its own log: whole lines, each with the service's name before
        it. They are stopped by then."""
        return b""

    @abstractmethod
    def stop(self, step: StepKey, grace_ms: int) -> Union[Awaitable[None], None]:
        """Ends the step with everything that it started: the signal, ``grace_ms``, the kill. Safe to repeat."""

    @abstractmethod
    def read(self, run: str, path: str) -> Union[Iterable[bytes], AsyncIterable[bytes]]:
        """A file or folder of the workspace as a tar stream, in which names begin with the path's last part."""

    @abstractmethod
    def write(self, run: str, path: str, tar: TarPieces) -> Union[Awaitable[None], None]:
        """Unpacks a tar stream below a folder of the workspace. Nothing in it can leave the folder."""

    @abstractmethod
    def forget(self, step: StepKey) -> Union[Awaitable[None], None]:
        """Drops the raw log of an ended step. Safe to repeat."""

    @abstractmethod
    def release(self, run: str) -> Union[Awaitable[None], None]:
        """Stops what is left of the run and frees everything. Safe to repeat, and for runs that were never prepared."""

    def keep(self, run: str, generation: int) -> Union[bool, Awaitable[bool]]:
        """Stops what is left of the run and frees everything but its workspace. False when it cannot be kept."""
        released = self.release(run)
        if released is None:
            return False

        async def not_kept() -> bool:
            await released
            return False

        return not_kept()

    @abstractmethod
    def sweep(self, keep: Sequence[str]) -> Union[Sequence[str], Awaitable[Sequence[str]]]:
        """Frees everything of runs that are not in ``keep``, of this installation only; gives the runs."""


@dataclass(frozen=True)
class SettingsProblem:
    """What is wrong with the settings of a task."""

    path: str
    """Where in the settings, such as ``channels[0].name``. Empty for all of them."""
    message: str
    """What is wrong, and what to do."""

    def to_dict(self) -> dict[str, Any]:
        """The values of its JSON."""
        return {"path": self.path, "message": self.message}


Outputs = Optional[Mapping[str, str]]
ActionFunction = Union[
    Callable[["ActionContext"], Awaitable[Outputs]],
    Callable[["SyncActionContext"], Outputs],
]


@dataclass(frozen=True)
class Action:
    """An action of one's own: tasks use it as ``custom: {name, with}``.

    **It may be called more than once for one attempt**: when the process ends in the middle of a call, the next engine makes it
    again, with ``context.resumed``.
    """

    run: ActionFunction
    """Does the work of one attempt; gives what it hands to later tasks, by keys that the task declares as ``outputs``."""
    check: Optional[Callable[[Any], Sequence[SettingsProblem]]] = None
    """What is wrong with the settings of a task, asked before a run starts. Variables are not replaced yet."""
    repeatable: bool = True
    """Whether a call that the end of the process cut off may be made again; otherwise the attempt is ``lost``."""
