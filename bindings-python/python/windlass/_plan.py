"""What a run would do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Optional, Union

from . import _native
from ._document import Pipeline
from ._document.parts import RetryOn
from ._options import Commit, definition, options
from ._record import Record, each, read


@dataclass(frozen=True)
class PlannedRetry(Record):
    """How often and after which ends a task is tried again."""

    attempts: int
    backoff_ms: int
    on: tuple[RetryOn, ...] = each(str)


@dataclass(frozen=True)
class PlannedTask(Record):
    """A task of a plan: an instance, where the definition has a matrix."""

    task: str
    """Its name in the run, such as ``unit[PY=3.11]``."""
    name: str
    """Its name in the definition."""
    action: str
    """The key of its action, such as ``script``."""
    allow_failure: bool
    retry: PlannedRetry = field(metadata={"of": PlannedRetry.of})
    image: Optional[str] = None
    needs: tuple[str, ...] = each(str)
    """The tasks for which it waits."""
    after_stage: Optional[str] = None
    """The stage for which it waits."""
    when: Optional[str] = None
    matrix: Mapping[str, str] = field(default_factory=dict)
    outputs: tuple[str, ...] = each(str)
    timeout_ms: Optional[int] = None


@dataclass(frozen=True)
class PlannedStage(Record):
    """A stage of a plan."""

    name: str
    order: Literal["sequential", "parallel"]
    fail_fast: bool
    tasks: tuple[PlannedTask, ...] = each(PlannedTask.of)


@dataclass(frozen=True)
class PlannedConcurrency(Record):
    """How many runs of one group may go at once."""

    group: str
    limit: int
    on_conflict: Literal["queue", "cancelOlder", "reject"]


@dataclass(frozen=True)
class Plan(Record):
    """What a run would do: a definition and a run's inputs, resolved as far as they can be before the start."""

    pipeline: str
    parameters: Mapping[str, str]
    timeout_ms: int
    finally_timeout_ms: int
    executor: Optional[str] = None
    """The executor that the definition names."""
    concurrency: Optional[PlannedConcurrency] = read(PlannedConcurrency.of)
    stages: tuple[PlannedStage, ...] = each(PlannedStage.of)
    finally_: tuple[PlannedTask, ...] = each(PlannedTask.of)


def plan(
    pipeline: Union[Pipeline, Mapping[str, Any]],
    *,
    parameters: Optional[Mapping[str, str]] = None,
    trigger: Optional[str] = None,
    commit: Optional[Commit] = None,
    executor: Optional[str] = None,
) -> Plan:
    """What a run of a definition would do. Nothing is started.

    Raises :class:`InvalidError` with all mistakes of the definition and the parameters in ``problems``.
    """
    given = options(parameters=parameters, trigger=trigger, commit=commit, executor=executor)
    return Plan.of(json.loads(_native.plan(definition(pipeline), given)))
