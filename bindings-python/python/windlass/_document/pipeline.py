"""A named definition: parameters, ordered stages, triggers, timeout."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from typing import Any, Literal, Optional, Union

from .. import _native
from .node import Duration, Node, part
from .parts import Concurrency, Parameter, Trigger, trigger_of
from .task import Task

__all__ = ["Pipeline", "Stage"]


@dataclass
class Stage(Node):
    """An ordered part of a pipeline."""

    name: str
    """What the stage is called, unique in the pipeline."""
    order: Optional[Literal["sequential", "parallel"]] = None
    """Whether its tasks run one after another or side by side. ``sequential`` when unset."""
    when: Optional[str] = None
    """A CEL expression; when it is false the whole stage is skipped."""
    fail_fast: Optional[bool] = None
    """Whether a failure stops what runs beside it in this stage. True when unset."""
    tasks: Sequence[Task] = field(default_factory=list, metadata={"of": Task})
    """The tasks. A stage without tasks is passed at once."""


@dataclass
class Pipeline(Node):
    """A named definition. It is checked when it is used, or by :meth:`check`."""

    name: str
    """What the pipeline is called; runs are numbered under this name."""
    description: Optional[str] = None
    """A sentence for the people who see it in a list."""
    parameters: Optional[Sequence[Parameter]] = part(Parameter)
    """Values that every text of the definition can refer to."""
    timeout: Optional[Duration] = None
    """The longest time in which at least one task is running. 14 days when unset."""
    concurrency: Optional[Concurrency] = part(Concurrency)
    """How many runs of one group may go at once."""
    executor: Optional[str] = None
    """Where the steps run; a run may override it."""
    triggers: Optional[Sequence[Trigger]] = part(trigger_of)
    """What starts a run beside a person."""
    env: Optional[Mapping[str, str]] = None
    """Environment of every task; a task's own ``env`` goes before it."""
    keep_workspace: Optional[Duration] = None
    """How long the workspace of a failed run is kept. 24 hours when unset."""
    stages: Sequence[Stage] = field(default_factory=list, metadata={"of": Stage})
    """The stages, in the order in which they run."""
    finally_: Optional[Sequence[Task]] = field(default=None, metadata={"of": Task, "key": "finally"})
    """Tasks that run at the end, whatever happened."""
    finally_timeout: Optional[Duration] = None
    """The time that all of ``finally`` may take together. 10 minutes when unset."""

    @classmethod
    def from_yaml(cls, text: Union[str, bytes], *, file: str = "pipeline.yaml") -> Pipeline:
        """Reads YAML. All mistakes are told at once, each with line and column; ``file`` stands before them.

        Raises :class:`InvalidError` with the code ``invalidPipeline``.
        """
        return cls._read(text, file)

    @classmethod
    def from_json(cls, text: Union[str, bytes], *, file: str = "pipeline.json") -> Pipeline:
        """Reads JSON. All mistakes are told at once, each with line and column; ``file`` stands before them.

        Raises :class:`InvalidError` with the code ``invalidPipeline``.
        """
        return cls._read(text, file)

    @classmethod
    def from_file(cls, path: Union[str, PathLike[str]]) -> Pipeline:
        """Reads a file in YAML or JSON, as its name ends.

        Raises ``OSError`` when it cannot be read, and :class:`InvalidError` for what is in it.
        """
        with open(path, "rb") as file:
            return cls._read(file.read(), str(path))

    @classmethod
    def _read(cls, text: Union[str, bytes], file: str) -> Pipeline:
        raw = text.encode() if isinstance(text, str) else text
        return cls.from_dict(json.loads(_native.read(raw, file)))

    def check(self) -> None:
        """Refuses a definition with mistakes: :class:`InvalidError` has all of them in ``problems``."""
        _native.check(self.to_json())

    def to_json(self) -> str:
        """Its JSON, on one line: only what was said."""
        return json.dumps(self.to_dict(), ensure_ascii=False)

    def to_yaml(self) -> str:
        """The definition as YAML, as the core writes it: without what is a default. It is checked."""
        return _native.to_yaml(self.to_json())

    @staticmethod
    def schema() -> dict[str, Any]:
        """The JSON Schema of definitions."""
        schema: dict[str, Any] = json.loads(_native.schema())
        return schema
