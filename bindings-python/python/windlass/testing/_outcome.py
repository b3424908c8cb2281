"""What came of a test's run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Optional

from .. import _native
from .._records import RunStatus, RunSummary, TaskStatus


@dataclass(frozen=True)
class StepCall:
    """A step or an action that was started, with all variables replaced."""

    task: str
    attempt: int
    action: str
    """The key of its action, such as ``script`` or ``deployManifests``."""
    settings: Any
    """What the action was given, as in the document; ``None`` for a script."""
    script: Optional[str]
    env: Mapping[str, str]
    image: Optional[str]

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> StepCall:
        """From its JSON."""
        return cls(
            document["task"],
            document["attempt"],
            document["action"],
            document["settings"],
            document["script"],
            document["env"],
            document["image"],
        )


@dataclass(frozen=True)
class TestArtifact:
    """An artifact that a task left."""

    __test__ = False

    task: str
    name: str
    files: Mapping[str, str]
    """Its files with their content, by path. What is no text is shown as �."""

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> TestArtifact:
        """From its JSON."""
        return cls(document["task"], document["name"], document["files"])


class TestOutcome:
    """What came of a test's run. Assertions raise ``AssertionError`` with the state of every task when something else happened."""

    __test__ = False

    def __init__(self, native: _native.TestOutcome) -> None:
        self._native = native
        document = native.document()
        self.summary: RunSummary = RunSummary.of(document["summary"])
        """The run and its tasks."""
        self.events: tuple[dict[str, Any], ...] = tuple(document["events"])
        """All events of the run, as JSON has them."""
        self.calls: tuple[StepCall, ...] = tuple(StepCall.of(call) for call in document["calls"])
        """The steps and actions that were started, in their order, attempts one by one. Approvals are none."""
        self.artifacts: tuple[TestArtifact, ...] = tuple(TestArtifact.of(one) for one in document["artifacts"])
        """The artifacts that were stored, in the order of their tasks."""

    def __str__(self) -> str:
        return str(self._native)

    @property
    def succeeded(self) -> bool:
        """Whether the run reached its end, and a good one."""
        return self.summary.succeeded

    @property
    def took(self) -> timedelta:
        """From the start of the run to its end, in virtual time."""
        return timedelta(milliseconds=self._native.took_ms())

    def started(self, task: str) -> int:
        """How many attempts at a task were started."""
        return self._native.started(task)

    def log(self, task: str) -> str:
        """What the newest attempt at a task printed."""
        return self._native.log(task)

    def env(self, task: str) -> dict[str, str]:
        """The environment that the newest attempt at a task got."""
        return self._native.env(task)

    def assert_status(self, status: RunStatus) -> TestOutcome:
        """The run ended so."""
        self._native.assert_status(status)
        return self

    def assert_succeeded(self) -> TestOutcome:
        """The run succeeded."""
        return self.assert_status("succeeded")

    def assert_failed(self) -> TestOutcome:
        """The run failed."""
        return self.assert_status("failed")

    def assert_cancelled(self) -> TestOutcome:
        """The run was cancelled."""
        return self.assert_status("cancelled")

    def assert_timed_out(self) -> TestOutcome:
        """The run took longer than the pipeline's timeout."""
        return self.assert_status("timedOut")

    def assert_order(self, *tasks: str) -> TestOutcome:
        """The tasks ran one after another. Others may have run between them."""
        self._native.assert_order(list(tasks))
        return self

    def assert_side_by_side(self, *tasks: str) -> TestOutcome:
        """The tasks ran side by side: each was started before any of them had ended."""
        self._native.assert_side_by_side(list(tasks))
        return self

    def assert_ran(self, task: str) -> TestOutcome:
        """The task succeeded; all instances, if it has a matrix."""
        return self.assert_task(task, status="succeeded")

    def assert_skipped(self, task: str) -> TestOutcome:
        """The task was skipped; all instances, if it has a matrix."""
        return self.assert_task(task, status="skipped")

    def assert_task(
        self,
        task: str,
        *,
        status: Optional[TaskStatus] = None,
        failed_with: Optional[str] = None,
        attempts: Optional[int] = None,
        env: Optional[Mapping[str, str]] = None,
        outputs: Optional[Mapping[str, str]] = None,
        printed: Optional[str] = None,
    ) -> TestOutcome:
        """All of this holds for a task, or for all instances of its matrix."""
        native = self._native
        if status is not None:
            native.assert_task(task, status)
        if failed_with is not None:
            native.assert_failed_with(task, failed_with)
        if attempts is not None:
            native.assert_attempts(task, attempts)
        for variable, value in (env or {}).items():
            native.assert_env(task, variable, value)
        for key, value in (outputs or {}).items():
            native.assert_output(task, key, value)
        if printed is not None:
            native.assert_printed(task, printed)
        return self
