"""How an engine knows the clocks and executors of ``windlass.testing``."""

from __future__ import annotations

from . import _native


class Scripted:
    """An executor whose steps do what a test says."""

    kind = "scripted"
    native: _native.Scripted


class Clock:
    """A clock that a test drives."""

    native: _native.Clock
