"""Executors and actions of the program in the form in which the native module calls them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from inspect import isawaitable
from typing import Any, Optional, Union

from ._aio import context as aio_context
from ._calls import Function, described, is_asynchronous, iterated
from ._credentials import CredentialTest, SecretProvider, credential_of
from ._executors import KnownExecutor
from ._plugins import Action, Executor, RunScope, SimpleExecutor, StepEnd, StepExit, StepKey, StepSecrets, StepSpec
from ._scripted import Scripted
from ._sync import context as sync_context

Loop = asyncio.AbstractEventLoop


class Adapted:
    """What the native module looks at: functions, and what an executor can do as JSON."""

    def __init__(self, kind: str, capabilities: str = "{}") -> None:
        self.kind = kind
        self.capabilities = capabilities


def adapted_executor(executor: Union[SimpleExecutor, Executor, KnownExecutor, Scripted], loop: Optional[Loop]) -> Any:
    """An executor of the program; one that comes with Windlass is what it is."""
    if isinstance(executor, (KnownExecutor, Scripted)):
        return executor
    adapted = Adapted("simple", json.dumps(executor.capabilities.to_dict()))
    if isinstance(executor, SimpleExecutor):
        vars(adapted)["run"] = _called(executor.run, loop, _run_arguments(executor), _ended)
        return adapted
    adapted.kind = "whole"
    vars(adapted)["ignores"] = None if executor.ignores is None else list(executor.ignores)
    for name, (arguments, answer) in _METHODS.items():
        vars(adapted)[name] = _called(getattr(executor, name), loop, arguments, answer)
    write = is_asynchronous(executor.write)
    pieces: Any = aio_context.TarPieces if write else sync_context.TarPieces
    vars(adapted)["write"] = _called(executor.write, loop, lambda run, path, tar: (run, path, pieces(tar)), _nothing)
    vars(adapted)["logs"] = iterated(_taking(executor.logs, lambda key, start: (StepKey.of(key), start)), loop, _same)
    vars(adapted)["observe"] = iterated(executor.observe, loop, lambda event: event.to_dict())
    vars(adapted)["read"] = iterated(executor.read, loop, bytes)
    return adapted


def adapted_action(action: Union[Action, Callable[..., Any]], loop: Optional[Loop]) -> Adapted:
    """An action of the program; a mere function is one that can be repeated and checks nothing."""
    whole = action if isinstance(action, Action) else Action(action)
    adapted = Adapted("action")
    context: Any = aio_context.ActionContext if is_asynchronous(whole.run) else sync_context.ActionContext
    vars(adapted)["run"] = _called(whole.run, loop, lambda native: (context(native),), _outputs)
    vars(adapted)["repeatable"] = whole.repeatable
    vars(adapted)["check"] = None if whole.check is None else _checked(whole.check)
    return adapted


def adapted_provider(provider: SecretProvider, loop: Optional[Loop]) -> Adapted:
    """A provider of credentials."""
    adapted = Adapted("provider")
    vars(adapted)["name"] = provider.name
    vars(adapted)["credential"] = _called(provider.credential, loop, lambda name: (name,), _written)
    return adapted


def adapted_test(test: CredentialTest, loop: Optional[Loop]) -> Function:
    """A way of the program's own to try credentials."""
    return _called(test, loop, lambda name, document, address: (name, credential_of(document), address), str)


def _written(credential: Any) -> Any:
    return None if credential is None else credential.to_dict()


def _run_arguments(executor: SimpleExecutor) -> Callable[..., tuple[Any, ...]]:
    context: Any = aio_context.StepContext if is_asynchronous(executor.run) else sync_context.StepContext
    return lambda step, native: (StepSpec.of(step), context(native))


def _called(
    function: Callable[..., Any],
    loop: Optional[Loop],
    arguments: Callable[..., tuple[Any, ...]],
    answer: Callable[[Any], Any],
) -> Function:
    if is_asynchronous(function):

        async def awaited(*given: Any) -> Any:
            return answer(await function(*arguments(*given)))

        return Function(awaited, loop, True)

    def called(*given: Any) -> Any:
        value = function(*arguments(*given))
        if isawaitable(value):
            # A plain function that gives something to await, such as one that another one made.
            future = asyncio.run_coroutine_threadsafe(_awaited(value), loop) if loop else None
            value = future.result() if future else asyncio.run(_awaited(value))
        return answer(value)

    return Function(called, loop, False)


async def _awaited(value: Any) -> Any:
    return await value


def _taking(function: Callable[..., Any], arguments: Callable[..., tuple[Any, ...]]) -> Callable[..., Any]:
    return lambda *given: function(*arguments(*given))


def _checked(check: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def checked(settings: Any) -> Any:
        try:
            return [problem.to_dict() for problem in check(settings)]
        except Exception as error:
            return described(error)

    return checked


def _end(value: Any) -> Any:
    if value is None:
        return {"code": 0}
    if isinstance(value, StepEnd):
        return value.to_dict()
    if isinstance(value, int):
        return {"code": int(value)}
    raise TypeError(f"run gives an exit code, a StepEnd or None, and not a {type(value).__name__}")


def _ended(value: Any) -> Any:
    return {"end": _end(value)}


def _exit(value: StepExit) -> Any:
    return {"end": _end(value.end), "logLength": value.log_length}, value.output


def _outputs(value: Any) -> Any:
    if value is None:
        return {"outputs": {}}
    if not isinstance(value, Mapping):
        raise TypeError(f"an action gives its outputs as a mapping, or None, and not a {type(value).__name__}")
    return {"outputs": dict(value)}


def _nothing(_: Any) -> None:
    return None


def _same(value: Any) -> Any:
    return value


_METHODS: dict[str, tuple[Callable[..., tuple[Any, ...]], Callable[[Any], Any]]] = {
    "prepare": (lambda scope: (RunScope.of(scope),), _nothing),
    "start": (lambda step, secrets: (StepSpec.of(step), StepSecrets(*secrets)), _nothing),
    "wait": (lambda key: (StepKey.of(key),), _exit),
    "service_logs": (lambda key: (StepKey.of(key),), bytes),
    "stop": (lambda key, grace: (StepKey.of(key), grace), _nothing),
    "forget": (lambda key: (StepKey.of(key),), _nothing),
    "release": (lambda run: (run,), _nothing),
    "keep": (lambda run, generation: (run, generation), bool),
    "sweep": (lambda keep: (keep,), list),
}
