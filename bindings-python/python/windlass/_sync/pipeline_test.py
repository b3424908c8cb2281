# Made by scripts/python-sync from the file of the same name in `_aio`. Do not change it here.
"""Unit tests of pipelines: no step is really started, and a day passes in milliseconds."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from os import PathLike
from typing import Any, Optional, Union

from .. import _native
from .._adapters import adapted_action
from .._document import Pipeline
from .._options import Commit, options
from .._plugins import Action
from ..testing._outcome import TestOutcome
from ..testing._script import Script, milliseconds
from ._wait import home_loop, wait


class PipelineTest:
    """A test of a pipeline: what its steps do is scripted, persons answer as the test says, and time is virtual.

    Steps without a script succeed at once. Actions such as ``checkout`` or ``deployManifests`` are scripted like steps and need
    nothing that they would otherwise talk to. Conditions, retries, timeouts, outputs, variables and ``finally`` are the engine's own.
    """

    __test__ = False

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._request: dict[str, Any] = {}
        self._parameters: dict[str, str] = {}
        self._scripts: dict[str, list[Script]] = {}
        self._answers: list[dict[str, Any]] = []
        self._cancels: list[int] = []
        self._strict = False
        self._actions: dict[str, Union[Action, Callable[..., Any]]] = {}

    @classmethod
    def from_yaml(cls, text: str) -> PipelineTest:
        """A test of a definition in YAML."""
        return cls(Pipeline.from_yaml(text))

    @classmethod
    def from_file(cls, path: Union[str, PathLike[str]]) -> PipelineTest:
        """A test of the definition in a file."""
        return cls(Pipeline.from_file(path))

    def request(
        self,
        *,
        parameters: Optional[Mapping[str, str]] = None,
        actor: Optional[str] = None,
        trigger: Optional[str] = None,
        commit: Optional[Commit] = None,
    ) -> PipelineTest:
        """What the run is started with."""
        given = options(actor=actor, trigger=trigger, commit=commit)
        self._request = json.loads(given)
        self._parameters = dict(parameters or {})
        return self

    def parameter(self, name: str, value: str) -> PipelineTest:
        """Gives a dynamic parameter its value."""
        self._parameters[name] = value
        return self

    def task(self, name: str, script: Script) -> PipelineTest:
        """Says what each attempt at a task does. The name is that of a matrix instance, or the task's own for all of them."""
        return self.attempts(name, [script])

    def attempts(self, name: str, scripts: Iterable[Script]) -> PipelineTest:
        """Says what the attempts at a task do, one after another; the last script is for all further ones."""
        self._scripts[name] = list(scripts)
        return self

    def approve(self, task: str, by: str, reason: str = "", *, after: timedelta = timedelta()) -> PipelineTest:
        """Somebody says yes to an approval, so long after it was asked for."""
        return self._answer(task, True, by, reason, after)

    def reject(self, task: str, by: str, reason: str = "", *, after: timedelta = timedelta()) -> PipelineTest:
        """Somebody says no to an approval, so long after it was asked for."""
        return self._answer(task, False, by, reason, after)

    def _answer(self, task: str, approved: bool, by: str, reason: str, after: timedelta) -> PipelineTest:
        answer = {"task": task, "approved": approved, "by": by, "reason": reason, "afterMs": milliseconds(after)}
        self._answers.append(answer)
        return self

    def cancel(self, *, after: timedelta = timedelta()) -> PipelineTest:
        """Somebody cancels the run so long after its start. A second time ends ``finally`` as well."""
        self._cancels.append(milliseconds(after))
        return self

    def strict(self) -> PipelineTest:
        """Lets the test fail when a step or action starts that has no script."""
        self._strict = True
        return self

    def action(self, name: str, action: Union[Action, Callable[..., Any]]) -> PipelineTest:
        """Registers an action. From then on ``custom`` tasks without a script run the registered actions."""
        self._actions[name] = action
        return self

    def run(self) -> TestOutcome:
        """Runs the pipeline to its end.

        Raises :class:`NotFoundError`: ``noSuchTask`` for a script or an answer to a task that the run does not have, ``unscripted``
        when the test is strict, ``approvalUnanswered`` when the run waits for a person of whom the test says nothing, and the like.
        """
        request = {**self._request, "parameters": self._parameters} if self._parameters else self._request
        test = {
            "definition": self._pipeline.to_dict(),
            "request": request,
            "scripts": {name: [script.to_dict() for script in scripts] for name, scripts in self._scripts.items()},
            "answers": self._answers,
            "cancels": self._cancels,
            "strict": self._strict,
        }
        loop = home_loop()
        actions = {name: adapted_action(action, loop) for name, action in self._actions.items()}
        return TestOutcome(wait(_native.pipeline_test(json.dumps(test), actions)))
