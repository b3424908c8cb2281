"""The contract of executors, sentence by sentence."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike, fspath
from typing import Union

from .. import _native
from .._adapters import adapted_executor
from .._plugins import Executor, SimpleExecutor


def conformance_cases() -> list[str]:
    """The names of all cases. Those for a capability that the executor does not have pass at once."""
    return _native.conformance_cases()


def executor_conformance(
    case: str,
    make: Callable[[], Union[Executor, SimpleExecutor]],
    folder: Union[str, PathLike[str]],
) -> None:
    """Runs one case of the contract over executors that ``make`` makes: fresh instances on the same state, as after a crash.

    ``folder`` is an empty folder for what a :class:`SimpleExecutor` keeps. Raises ``AssertionError`` for a broken promise.
    """
    broken = _native.conformance_case(case, lambda: adapted_executor(make(), None), fspath(folder)).block()
    if broken is not None:
        raise AssertionError(broken)
