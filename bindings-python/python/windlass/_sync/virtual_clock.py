# Made by scripts/python-sync from the file of the same name in `_aio`. Do not change it here.
"""Time that a test drives, for engines in tests."""

from __future__ import annotations

from datetime import timedelta

from .. import _native
from .._scripted import Clock
from ..testing._script import milliseconds
from ._wait import wait


class VirtualClock(Clock):
    """A clock that moves only by :meth:`advance`: for ``Engine.open(clock=…)``, with a ``ScriptedExecutor``."""

    def __init__(self) -> None:
        self.native = _native.Clock()

    @property
    def elapsed(self) -> timedelta:
        """The time that has passed on it."""
        return timedelta(milliseconds=self.native.elapsed_ms())

    @property
    def sleepers(self) -> int:
        """How many wait for a moment of it."""
        return self.native.sleepers()

    def advance(self, length: timedelta) -> None:
        """Lets time pass. Who waits for a moment on the way goes on at that moment."""
        wait(self.native.advance(milliseconds(length)))

    def until_sleepers(self, count: int) -> None:
        """Waits until so many wait for a moment: a test's way to know that what it tests has come there."""
        wait(self.native.until_sleepers(count))
