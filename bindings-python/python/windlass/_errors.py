"""What goes wrong, as exceptions.

Every error that Windlass raises is a :class:`WindlassError`; its class tells what the caller can do, its ``code`` is a stable
word that Rust, Python and TypeScript share, and its text is for people.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Optional

from ._moment import moment

__all__ = [
    "ConflictError",
    "DamagedError",
    "InternalError",
    "InvalidError",
    "NotFoundError",
    "Position",
    "Problem",
    "StaleVersion",
    "UnavailableError",
    "UnsupportedError",
    "WindlassError",
]


@dataclass(frozen=True)
class Position:
    """A place in a text, counted from 1. Columns are counted in characters."""

    line: int
    column: int


@dataclass(frozen=True)
class Problem:
    """One mistake in a definition, in options, or in what a run was given."""

    file: Optional[str]
    """The file; ``None`` for what a program built."""
    position: Optional[Position]
    """Where in the text, when there is one."""
    path: str
    """Where in the tree, such as ``stages[1].tasks[0]``. Empty for the whole."""
    message: str
    """What is wrong, and what to do."""
    suggestion: Optional[str]
    """The nearest right spelling, when there is one."""


@dataclass(frozen=True)
class StaleVersion:
    """Somebody else saved the pipeline since the version from which a save was made."""

    pipeline: str
    expected: int
    found: int
    saved: datetime
    saved_by: str


class WindlassError(Exception):
    """What Windlass raises. Its subclasses tell what the caller can do."""

    kind: str = "internal"
    """The kind in JSON, the same in every language."""

    def __init__(
        self,
        message: str,
        *,
        code: str,
        operation: str = "",
        retryable: bool = False,
        problems: Sequence[Problem] = (),
        stale_version: Optional[StaleVersion] = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        """A stable camelCase word, such as ``invalidPipeline`` or ``noSuchRun``."""
        self.operation = operation
        """What was being done, such as ``open`` or ``start``."""
        self.retryable = retryable
        """Whether the same call may succeed later."""
        self.problems = tuple(problems)
        """The mistakes one by one, when a definition or options are wrong."""
        self.stale_version = stale_version
        """Which version is there and who saved it, when the code is ``staleVersion``."""

    def __reduce__(self) -> tuple[Any, ...]:
        state = {
            "code": self.code,
            "operation": self.operation,
            "retryable": self.retryable,
            "problems": self.problems,
            "stale_version": self.stale_version,
        }
        return (_again, (type(self), str(self), state))


def _again(kind: type[WindlassError], message: str, state: dict[str, Any]) -> WindlassError:
    return kind(message, **state)


class InvalidError(WindlassError):
    """A definition, a parameter, an option or an argument is wrong. Nothing was started; correct it."""

    kind = "invalid"


class NotFoundError(WindlassError):
    """There is no such run, task, pipeline or executor."""

    kind = "notFound"


class ConflictError(WindlassError):
    """It clashes with something that is there: another engine, another writer, a run that has ended."""

    kind = "conflict"


class UnsupportedError(WindlassError):
    """This build, executor or machine cannot do it."""

    kind = "unsupported"


class UnavailableError(WindlassError):
    """The disk, the database or the executor could not do its work now."""

    kind = "unavailable"


class DamagedError(WindlassError):
    """What is stored makes no sense."""

    kind = "damaged"


class InternalError(WindlassError):
    """A mistake in Windlass itself. Please report it."""

    kind = "internal"


_CLASSES: dict[str, type[WindlassError]] = {
    kind.kind: kind
    for kind in (
        InvalidError,
        NotFoundError,
        ConflictError,
        UnsupportedError,
        UnavailableError,
        DamagedError,
        InternalError,
    )
}


def problem_of(document: Mapping[str, Any]) -> Problem:
    """A problem from its JSON."""
    place = document["position"]
    position = None if place is None else Position(place["line"], place["column"])
    return Problem(document["file"], position, document["path"], document["message"], document["suggestion"])


def exception_of(document: Mapping[str, Any]) -> WindlassError:
    """The exception for an error's JSON. The native module calls it."""
    stale = document["staleVersion"]
    return _CLASSES.get(document["kind"], WindlassError)(
        document["message"],
        code=document["code"],
        operation=document["operation"],
        retryable=document["retryable"],
        problems=[problem_of(problem) for problem in document["problems"] or ()],
        stale_version=None
        if stale is None
        else StaleVersion(stale["pipeline"], stale["expected"], stale["found"], moment(stale["saved"]), stale["savedBy"]),
    )


def wrong_value(path: str, message: str) -> InvalidError:
    """A value that has no JSON at all, so that the core never sees it."""
    problem = Problem(None, None, path, message, None)
    return InvalidError(f"{path}: {message}", code="invalidPipeline", operation="plan", problems=[problem])
