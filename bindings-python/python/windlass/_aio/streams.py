"""Events and logs as they come."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from typing import Union

from .. import _native
from .._events import EngineEvent, Event, engine_event_of, event_of
from ._wait import wait


class Events(AsyncIterator[Event]):
    """The events of a run: first those that were, then those that come. Ends when the run is over and all it held is freed.

    To go on later, keep the ``seq`` of the newest event that was dealt with and ask for the events after it.
    """

    def __init__(self, native: _native.Events) -> None:
        self._native = native
        self._ready: deque[_native.Fact] = deque()

    def __aiter__(self) -> Events:
        return self

    async def __anext__(self) -> Event:
        if not self._ready:
            self._ready.extend(await wait(self._native.next_batch()))
        if not self._ready:
            raise StopAsyncIteration
        return event_of(self._ready.popleft())


class EngineEvents(AsyncIterator[EngineEvent]):
    """The events of everything: first those that were, then those that come. Ends when the engine is closed."""

    def __init__(self, native: _native.EngineEvents, after: int) -> None:
        self._native = native
        self._ready: deque[_native.Fact] = deque()
        self.position = after
        """The position of the newest event that was given; go on from here with ``engine.events(after=…)``."""

    def __aiter__(self) -> EngineEvents:
        return self

    async def __anext__(self) -> EngineEvent:
        if not self._ready:
            self._ready.extend(await wait(self._native.next_batch()))
        if not self._ready:
            raise StopAsyncIteration
        event = engine_event_of(self._ready.popleft())
        self.position = event.position
        return event


class LogStream(AsyncIterator[bytes]):
    """The stored log of an attempt, piece by piece as it grows, to the attempt's end. Pieces may end within a line."""

    def __init__(self, native: Union[_native.LogStream, _native.ByteStream], start: int) -> None:
        self._native = native
        self._ready: deque[bytes] = deque()
        self.offset = start
        """The offset of the byte that comes next; go on from here with ``start=…``."""

    def __aiter__(self) -> LogStream:
        return self

    async def __anext__(self) -> bytes:
        if not self._ready:
            self._ready.extend(await wait(self._native.next_batch()))
        if not self._ready:
            raise StopAsyncIteration
        piece = self._ready.popleft()
        self.offset += len(piece)
        return piece

    async def text(self) -> str:
        """All that comes, as one text; what is none is shown as ``U+FFFD``."""
        pieces = [piece async for piece in self]
        return b"".join(pieces).decode(errors="replace")
