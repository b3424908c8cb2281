"""What a pipeline and a task are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Optional, Union

from .node import Duration, Node, part
from .node import key as called

__all__ = [
    "Artifact",
    "Cache",
    "Concurrency",
    "EventTrigger",
    "Monthly",
    "Parameter",
    "Quantities",
    "Reports",
    "Resources",
    "Retry",
    "Schedule",
    "ScheduleTrigger",
    "SecretVariable",
    "Trigger",
    "Weekly",
]

RetryOn = Literal["failure", "infrastructure", "timeout", "lost"]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


@dataclass
class Parameter(Node):
    """A value with a name: the same in every run (``value``), or given per run (``dynamic=True``)."""

    name: str
    """The name by which texts refer to it, and the environment variable of scripts."""
    value: Optional[str] = None
    """The value of a static parameter; may not stand beside ``dynamic=True``."""
    dynamic: Optional[bool] = None
    """Whether the value is given when a run is started."""
    default: Optional[str] = None
    """The value of a dynamic parameter when none is given; without it the run must give one."""
    choices: Optional[Sequence[str]] = None
    """The only values that a dynamic parameter may have."""
    description: Optional[str] = None
    """A sentence for the form in which a person fills it in."""


@dataclass
class Concurrency(Node):
    """How many runs of one group may go at once, and what happens to one too many."""

    group: str
    """Runs whose group has the same text share the limit."""
    limit: Optional[int] = None
    """How many of them run at once. 1 when unset."""
    on_conflict: Optional[Literal["queue", "cancelOlder", "reject"]] = None
    """What happens to a run for which there is no room. ``queue`` when unset."""


@dataclass
class Retry(Node):
    """How often and after which ends a task is tried again."""

    attempts: int
    """How many attempts there are in all, the first one included."""
    on: Optional[Sequence[RetryOn]] = None
    """The ends that are worth another attempt. ``failure``, ``infrastructure`` and ``timeout`` when unset."""
    backoff: Optional[Duration] = None
    """The pause before the second attempt; it doubles with each further one, up to an hour. None when unset."""
    from_: Optional[str] = called("from")
    """The task from which to repeat when the workspace was lost."""


@dataclass
class Cache(Node):
    """Folders kept between runs."""

    key: str
    """Under this name they are found again; ``${hash:FILES}`` stands for the content of files."""
    paths: Sequence[str]
    """The folders, relative to the workspace."""
    fallback_keys: Optional[Sequence[str]] = None
    """Beginnings of other keys that will do when the key itself is not there."""


@dataclass
class Artifact(Node):
    """Files kept after the run."""

    name: Optional[str] = None
    """A name for the set; the task's name when unset."""
    paths: Optional[Sequence[str]] = None
    """Globs, relative to the workspace. They must be given."""
    keep: Optional[Duration] = None
    """How long they are kept."""
    when: Optional[Literal["onSuccess", "onFailure", "always"]] = None
    """After which ends of the task they are kept. ``onSuccess`` when unset."""


@dataclass
class Reports(Node):
    """Result files that are read into the run."""

    junit: Optional[Sequence[str]] = None
    """Globs of JUnit XML files, relative to the workspace."""
    annotations: Optional[Sequence[str]] = None
    """Globs of files with remarks about places in the sources, relative to the workspace."""


@dataclass
class Quantities(Node):
    """An amount of processor and memory, in the quantities of Kubernetes."""

    cpu: Optional[str] = None
    """Processors: ``2``, ``0.5``, ``500m``."""
    memory: Optional[str] = None
    """Memory: ``256Mi``, ``1Gi``, or a number of bytes."""


@dataclass
class Resources(Node):
    """What a step needs and may use."""

    requests: Optional[Quantities] = part(Quantities)
    """What must be free where it runs."""
    limits: Optional[Quantities] = part(Quantities)
    """What it may not pass."""


@dataclass
class SecretVariable(Node):
    """A credential given to a step: the value in a variable, or a file whose path is in it."""

    name: str
    """The name of the variable."""
    from_: Optional[str] = called("from")
    """The credential whose value it gets. It must be given."""
    key: Optional[str] = None
    """Which value of the credential, such as ``user`` or ``password``. Unset: the password, the token, the key, the only value."""
    as_: Optional[Literal["env", "file"]] = None
    """Whether the variable has the value itself, or the path of a file with it. ``env`` when unset."""


@dataclass
class Weekly(Node):
    """Once a week."""

    day: Weekday
    """The day."""
    at: str
    """The time of day, ``HH:MM``."""


@dataclass
class Monthly(Node):
    """Once a month."""

    day: int
    """The day of the month, 1 to 31; in a shorter month its last day."""
    at: str
    """The time of day, ``HH:MM``."""


@dataclass
class Schedule(Node):
    """When a scheduled run starts: exactly one rule, and perhaps a time zone."""

    every_minutes: Optional[int] = None
    """At whole multiples of so many minutes, 1 to 59."""
    every_hours: Optional[int] = None
    """At whole multiples of so many hours, 1 to 23."""
    minute: Optional[int] = None
    """With ``every_hours``: the minute of the hour, 0 to 59. 0 when unset."""
    daily: Optional[str] = None
    """Every day at a time of day, ``HH:MM``."""
    weekly: Optional[Weekly] = part(Weekly)
    """Once a week."""
    monthly: Optional[Monthly] = part(Monthly)
    """Once a month."""
    cron: Optional[str] = None
    """By a cron expression of five fields: minute, hour, day of the month, month, day of the week."""
    time_zone: Optional[str] = None
    """An IANA time zone, such as ``Europe/Berlin``. UTC when unset."""


@dataclass
class ScheduleTrigger(Node):
    """Starts runs at certain times."""

    schedule: Schedule = part(Schedule, required=True)
    """When."""


@dataclass
class EventTrigger(Node):
    """Starts runs when something happened in a repository."""

    event: Literal["push", "merge", "tag"]
    """What happened."""
    branches: Optional[Sequence[str]] = None
    """Globs of branches. All when unset."""
    paths: Optional[Sequence[str]] = None
    """Globs of changed files. All when unset."""


Trigger = Union[ScheduleTrigger, EventTrigger]
"""A rule that starts runs beside a person."""


def trigger_of(document: Mapping[str, Any]) -> Trigger:
    """A trigger from its JSON."""
    if "schedule" in document:
        return ScheduleTrigger.from_dict(document)
    return EventTrigger.from_dict(document)
