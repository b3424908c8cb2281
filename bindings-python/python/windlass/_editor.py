"""An editing session over a definition, for a canvas."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Optional, Union

from . import _native
from ._document import Pipeline, Stage, Task
from ._document.node import plain
from ._errors import Problem, problem_of
from ._options import definition

Place = Union[Literal["first", "last"], Mapping[Literal["after"], str]]
"""Where something new lands: ``{"after": "unit"}`` is behind that one. At the end when unset."""


@dataclass(frozen=True)
class Edited:
    """What a step led to."""

    definition: Pipeline
    problems: tuple[Problem, ...]
    """All that is wrong with it, with paths in the tree. Empty for one that can be run."""
    subject: Union[Literal["pipeline"], Mapping[Literal["stage", "task"], str]]
    """What the step made or touched."""
    can_undo: bool
    can_redo: bool
    is_changed: bool
    """Whether it differs from the definition at opening."""


class Editor:
    """An editing session over a definition, which may have mistakes meanwhile; with undo, redo and reset.

    What cannot be done raises :class:`WindlassError`, and changes nothing.
    """

    def __init__(self, pipeline: Union[Pipeline, Mapping[str, Any]]) -> None:
        self._native = _native.editor(definition(pipeline))

    @property
    def definition(self) -> Pipeline:
        """The definition as it is now."""
        return Pipeline.from_dict(self._native.definition())

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All that is wrong with it."""
        return tuple(problem_of(problem) for problem in self._native.problems())

    def apply(self, edit: Mapping[str, Any]) -> Edited:
        """Makes a step as JSON has it, such as one that a canvas sent: ``{"edit": "copyTask", "task": "unit"}``."""
        edited = self._native.apply(json.dumps(plain(edit, "")))
        return Edited(
            Pipeline.from_dict(edited["definition"]),
            tuple(problem_of(problem) for problem in edited["problems"]),
            edited["subject"],
            edited["canUndo"],
            edited["canRedo"],
            edited["isChanged"],
        )

    def undo(self) -> Edited:
        """Takes the last step back."""
        return self.apply({"edit": "undo"})

    def redo(self) -> Edited:
        """Does again what was taken back last."""
        return self.apply({"edit": "redo"})

    def reset(self) -> Edited:
        """Goes back to the state at opening. That is a step, and can be taken back."""
        return self.apply({"edit": "reset"})

    def add_stage(self, stage: Optional[Stage] = None, *, at: Optional[Place] = None) -> Edited:
        """Adds a stage without tasks."""
        return self._make("addStage", at=at, settings=None if stage is None else _settings(stage))

    def edit_stage(self, name: str, stage: Stage) -> Edited:
        """Changes everything of a stage but its tasks; another name is a new name."""
        return self._make("editStage", stage=name, settings=_settings(stage))

    def copy_stage(self, name: str) -> Edited:
        """Adds a copy of a stage behind it."""
        return self._make("copyStage", stage=name)

    def delete_stage(self, name: str) -> Edited:
        """Deletes a stage with its tasks."""
        return self._make("deleteStage", stage=name)

    def move_stage(self, name: str, to: int) -> Edited:
        """Moves a stage to a place, counted from 0."""
        return self._make("moveStage", stage=name, to=to)

    def add_task(self, task: Task, *, stage: Optional[str] = None, at: Optional[Place] = None) -> Edited:
        """Adds a task to a stage, or to ``finally`` when none is named."""
        to: Any = "finally" if stage is None else {"stage": stage}
        return self._make("addTask", to=to, at=at, task=task)

    def edit_task(self, name: str, task: Task) -> Edited:
        """Puts another task into the place of one; who needs it by its name is told the new one."""
        return self._make("editTask", task=name, **{"with": task})

    def copy_task(self, name: str) -> Edited:
        """Adds a copy of a task behind it."""
        return self._make("copyTask", task=name)

    def delete_task(self, name: str) -> Edited:
        """Deletes a task."""
        return self._make("deleteTask", task=name)

    def move_task(self, name: str, to: int) -> Edited:
        """Moves a task to a place in its list, counted from 0."""
        return self._make("moveTask", task=name, to=to)

    def edit_settings(self, settings: Mapping[str, Any]) -> Edited:
        """Changes everything of the pipeline but its name, its stages and its tasks: settings as JSON has them."""
        return self._make("editSettings", settings=settings)

    def _make(self, edit: str, **given: Any) -> Edited:
        return self.apply({"edit": edit, **{name: value for name, value in given.items() if value is not None}})


def _settings(stage: Stage) -> dict[str, Any]:
    settings = stage.to_dict()
    settings.pop("tasks", None)
    return settings
