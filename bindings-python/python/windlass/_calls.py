"""Functions of the program on their way to the core, which calls them: asynchronous ones on the event loop of the engine that was
opened with them, plain ones on threads of their own."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import Future
from inspect import isasyncgenfunction, iscoroutinefunction
from typing import Any, Optional

from ._plugins import ActionError, ExecutorError

LOGGER = logging.getLogger("windlass")

Loop = asyncio.AbstractEventLoop

STOPPED = {"error": {"kind": "cancelled", "code": "cancelled", "message": "it was stopped", "advice": ""}}
"""What a coroutine answers that was cancelled."""


class Function:
    """A function as the native module calls it. What it raises is answered as data: ``{"error": …}``."""

    def __init__(self, function: Callable[..., Any], loop: Optional[Loop], asynchronous: Optional[bool] = None) -> None:
        self._function = function
        self._loop = loop
        self.asynchronous = is_asynchronous(function) if asynchronous is None else asynchronous

    def call(self, *arguments: Any) -> Any:
        """Calls a plain function."""
        try:
            return self._function(*arguments)
        except Exception as error:
            return described(error)

    def begin(self, *arguments: Any) -> Call:
        """Begins an asynchronous one on its loop."""
        return Call(self._answered(*arguments), self._loop or background())

    async def _answered(self, *arguments: Any) -> Any:
        try:
            return await self._function(*arguments)
        except asyncio.CancelledError:
            return STOPPED
        except Exception as error:
            return described(error)


class Call:
    """A coroutine on its loop. Cancelling asks it to end, and what it answers then is its answer."""

    def __init__(self, work: Coroutine[Any, Any, Any], loop: Loop) -> None:
        self._work = work
        self._loop = loop
        self._task: Optional[asyncio.Task[Any]] = None
        self._answer: Future[Any] = Future()
        loop.call_soon_threadsafe(self._start)

    def _start(self) -> None:
        self._task = self._loop.create_task(self._work)
        self._task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._answer.set_result(STOPPED if task.cancelled() else task.result())

    def cancel(self) -> None:
        """Asks it to end."""
        self._loop.call_soon_threadsafe(self._cancel)

    def _cancel(self) -> None:
        # It was started before: a loop keeps the order of what it is given.
        if self._task is not None:
            self._task.cancel()

    def add_done_callback(self, told: Callable[[Future[Any]], object]) -> None:
        """Calls a function with the answer."""
        self._answer.add_done_callback(told)


def is_asynchronous(function: Callable[..., Any]) -> bool:
    """Whether calling it gives something to await."""
    return iscoroutinefunction(function) or iscoroutinefunction(getattr(function, "__call__", None))  # noqa: B004


def described(error: Exception) -> dict[str, Any]:
    """An exception as data."""
    if isinstance(error, (ExecutorError, ActionError)):
        return {"error": {"kind": error.kind, "code": error.code, "message": str(error), "advice": error.advice}}
    LOGGER.error("a function that Windlass called raised an exception", exc_info=error)
    message = f"{type(error).__name__}: {error}"
    advice = "The log of the program (logger `windlass`) has the traceback."
    return {"error": {"kind": "infrastructure", "code": "exception", "message": message, "advice": advice}}


class Opened:
    """An iterator on its way to the core, which asks for the next item until there is none."""

    def __init__(self, iterator: Any, read: Callable[[Any], Any]) -> None:
        self._asynchronous = isinstance(iterator, AsyncIterator) or hasattr(iterator, "__anext__")
        self._iterator = iterator
        self._read = read

    def function(self, loop: Optional[Loop]) -> Function:
        """What gives the next item."""
        if self._asynchronous:
            return Function(self._anext, loop, True)
        return Function(self._next, loop, False)

    def _next(self) -> Any:
        for item in self._iterator:
            return self._read(item)
        return None

    async def _anext(self) -> Any:
        async for item in self._iterator:
            return self._read(item)
        return None


def iterated(function: Callable[..., Any], loop: Optional[Loop], read: Callable[[Any], Any]) -> Function:
    """A method that gives items piece by piece: a generator, plain or asynchronous, or a function that gives one."""

    def plain(*arguments: Any) -> Any:
        return Opened(_iterator(function(*arguments)), read).function(loop)

    async def awaited(*arguments: Any) -> Any:
        return Opened(_iterator(await function(*arguments)), read).function(loop)

    if iscoroutinefunction(function):
        return Function(awaited, loop, True)
    if isasyncgenfunction(function):

        async def generated(*arguments: Any) -> Any:
            return plain(*arguments)

        return Function(generated, loop, True)
    return Function(plain, loop, False)


def _iterator(given: Any) -> Any:
    if hasattr(given, "__aiter__"):
        return given.__aiter__()
    iterator: Iterator[Any] = iter(given)
    return iterator


_BACKGROUND: list[tuple[int, Loop]] = []
_LOCK = threading.Lock()


def background() -> Loop:
    """An event loop on a thread of its own, for asynchronous functions of programs that have none. One for each process."""
    with _LOCK:
        if not _BACKGROUND or _BACKGROUND[0][0] != os.getpid():
            loop = asyncio.new_event_loop()
            threading.Thread(target=loop.run_forever, name="windlass-asyncio", daemon=True).start()
            _BACKGROUND[:] = [(os.getpid(), loop)]
        return _BACKGROUND[0][1]
