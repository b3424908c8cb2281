"""What a scripted step does: a line of time with logs, waits and an end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from .._plugins import StepEnd


def milliseconds(length: timedelta) -> int:
    """A length of time as the core has it."""
    return length // timedelta(milliseconds=1)


@dataclass(frozen=True)
class Script:
    """What a step does, told from its start on: each call adds to what came before.

    ``Script.fails(1).log("compiling").after(timedelta(minutes=1)).log("error")`` prints a line at once, works a minute, prints
    another one, and fails.
    """

    _end: Any
    _does: tuple[Any, ...] = ()
    _ignores_signal: bool = False

    @classmethod
    def succeeds(cls) -> Script:
        """Ends with exit code 0."""
        return cls.fails(0)

    @classmethod
    def fails(cls, code: int) -> Script:
        """Ends with this exit code."""
        return cls.ends(StepEnd(code=code))

    @classmethod
    def ends(cls, end: StepEnd) -> Script:
        """Ends in this way: by a signal, out of memory."""
        return cls({"exit": end.to_dict()})

    @classmethod
    def lost(cls) -> Script:
        """Takes its start token, and at the end nobody knows what became of it."""
        return cls("lost")

    @classmethod
    def hangs(cls) -> Script:
        """Goes on until it is stopped."""
        return cls("hangs")

    @classmethod
    def infrastructure(cls, message: str) -> Script:
        """The executor fails with this message."""
        return cls({"infrastructure": message})

    @classmethod
    def bad_step(cls, code: str, message: str) -> Script:
        """The step cannot be started as it is described, such as with an image that does not exist."""
        return cls({"badStep": [code, message]})

    def after(self, length: timedelta) -> Script:
        """Works so long."""
        return self._also({"after": milliseconds(length)})

    def log(self, line: str) -> Script:
        """Prints a line."""
        return self._also({"log": line + "\n"})

    def output(self, key: str, value: str) -> Script:
        """Writes ``KEY=value`` to ``$WINDLASS_OUTPUT``."""
        return self._also({"output": [key, value]})

    def file(self, path: str, content: str) -> Script:
        """Leaves a file in the workspace: for artifacts, caches and reports, and for actions and tasks after it."""
        return self._also({"file": [path, content]})

    def waiting(self, code: str, message: str, length: timedelta) -> Script:
        """Waits so long for something that is not there: ``unschedulable``, ``pullingImage``."""
        return self._also({"waiting": [code, message, milliseconds(length)]})

    def ignores_signal(self) -> Script:
        """Does not end on the signal of a stop, only on the kill after the grace."""
        return replace(self, _ignores_signal=True)

    def _also(self, deed: dict[str, Any]) -> Script:
        return replace(self, _does=(*self._does, deed))

    def to_dict(self) -> dict[str, Any]:
        """The values of its JSON."""
        return {"end": self._end, "does": list(self._does), "ignoresSignal": self._ignores_signal}
