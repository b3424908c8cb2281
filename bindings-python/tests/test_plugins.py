"""Executors and actions that are written in Python."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Union

import pytest
import windlass
from conftest import Runner
from windlass import (
    ActionContext,
    ActionError,
    ExecutorError,
    Pipeline,
    SettingsProblem,
    SimpleExecutor,
    Stage,
    StepContext,
    StepEnd,
    StepSpec,
    Task,
    sync,
)


def one(task: Task, **options: Any) -> Pipeline:
    return Pipeline("one", stages=[Stage("Only", tasks=[task])], **options)


class Greeter(SimpleExecutor):
    """Says hello."""

    async def run(self, step: StepSpec, context: StepContext) -> int:
        context.log(f"hello {step.env['NAME']} from {step.key.task}\n")
        context.set_output({"GREETED": step.env["NAME"]})
        await asyncio.sleep(0)
        return 0


class Plain(SimpleExecutor):
    """The same without a loop."""

    def run(self, step: StepSpec, context: sync.StepContext) -> int:  # type: ignore[override]
        assert threading.current_thread() is not threading.main_thread()
        context.log(f"hello {step.env['NAME']} from {step.key.task}\n")
        context.set_output({"GREETED": step.env["NAME"]})
        return 0


@pytest.mark.parametrize("executor", [Greeter(), Plain()], ids=["asynchronous", "plain"])
def test_a_simple_executor_runs_steps(executor: SimpleExecutor, data_dir: Path, run_loop: Runner) -> None:
    async def main() -> None:
        async with await windlass.Engine.open(data_dir=data_dir, executors={"greeter": executor}) as engine:
            run = await engine.start(one(Task.script("greet", "unused", env={"NAME": "ana"}, outputs=["GREETED"])))
            outcome = await run.wait()
            assert outcome.succeeded, outcome
            assert outcome.tasks[0].outputs == {"GREETED": "ana"}
            assert await run.logs("greet") == "hello ana from greet\n"
            assert engine.capabilities("greeter") == windlass.Capabilities()

    run_loop(main())


@pytest.mark.parametrize("executor", [Greeter(), Plain()], ids=["asynchronous", "plain"])
def test_a_simple_executor_without_a_loop(executor: SimpleExecutor, data_dir: Path) -> None:
    with sync.Engine.open(data_dir=data_dir, executors={"greeter": executor}) as engine:
        run = engine.start(one(Task.script("greet", "unused", env={"NAME": "ben"}, outputs=["GREETED"])))
        assert run.wait().succeeded
        assert run.logs("greet") == "hello ben from greet\n"


@pytest.mark.parametrize(
    ("raised", "state", "code"),
    [
        (ExecutorError("badStep", "noSuchRoom", "there is no room"), "failed", "noSuchRoom"),
        (ExecutorError("infrastructure", "closed", "the office is closed"), "failed", "closed"),
        (ExecutorError("lost", "lost", "gone"), "lost", "lost"),
        (ValueError("what"), "failed", "exception"),
    ],
)
def test_what_an_executor_raises_is_a_cause(raised: Exception, state: str, code: str, data_dir: Path) -> None:
    class Broken(SimpleExecutor):
        async def run(self, step: StepSpec, context: StepContext) -> int:
            raise raised

    with sync.Engine.open(data_dir=data_dir, executors={"broken": Broken()}) as engine:
        outcome = engine.start(one(Task.script("t", "unused", retry=windlass.Retry(1)))).wait()
        task = outcome.tasks[0]
        assert task.status == state
        assert task.cause is not None
        assert (task.cause.code, str(raised) in task.cause.message) == (code, True), task.cause


@pytest.mark.parametrize(("end", "code"), [(3, 3), (StepEnd(signal=9), 137), (StepEnd(out_of_memory=True), 137), (None, 0)])
def test_how_a_step_of_an_executor_ended(end: Union[int, StepEnd, None], code: int, data_dir: Path) -> None:
    class Ends(SimpleExecutor):
        def run(self, step: StepSpec, context: StepContext) -> Union[int, StepEnd, None]:
            return end

    with sync.Engine.open(data_dir=data_dir, executors={"ends": Ends()}) as engine:
        assert engine.start(one(Task.script("t", "unused"))).wait().tasks[0].exit_code == code


def test_a_wrong_answer_is_told(data_dir: Path) -> None:
    class Wrong(SimpleExecutor):
        def run(self, step: StepSpec, context: StepContext) -> Any:
            return "done"

    with sync.Engine.open(data_dir=data_dir, executors={"wrong": Wrong()}) as engine:
        cause = engine.start(one(Task.script("t", "unused"))).wait().tasks[0].cause
        assert cause is not None
        assert "run gives an exit code, a StepEnd or None, and not a str" in cause.message


def test_a_cancelled_step_is_a_cancelled_coroutine(data_dir: Path) -> None:
    async def main() -> None:
        begun, ended = asyncio.Event(), asyncio.Event()

        class Endless(SimpleExecutor):
            async def run(self, step: StepSpec, context: StepContext) -> int:
                begun.set()
                try:
                    await asyncio.sleep(3600)
                except asyncio.CancelledError:
                    assert context.cancelled
                    ended.set()
                    raise
                return 0

        async with await windlass.Engine.open(data_dir=data_dir, executors={"endless": Endless()}) as engine:
            run = await engine.start(one(Task.script("t", "unused")))
            await begun.wait()
            await run.cancel("ana")
            await ended.wait()
            assert (await run.wait()).status == "cancelled"

    asyncio.run(main())


def test_actions_do_work_in_the_engine(data_dir: Path, run_loop: Runner) -> None:
    async def notify(context: ActionContext) -> dict[str, str]:
        await context.log(f"to {context.settings['room']}: {context.settings['text']}")
        await context.write_file("notes/sent.txt", context.settings["text"])
        assert await context.read_file("notes/sent.txt", 100) == b"1 is out"
        assert (context.pipeline, context.task, context.attempt, context.resumed) == ("one", "tell", 1, False)
        return {"MESSAGE_ID": context.idempotency_key}

    def look(context: sync.ActionContext) -> None:
        context.log(context.read_file("notes/sent.txt", 100))

    def check(settings: Any) -> list[SettingsProblem]:
        return [] if "room" in settings else [SettingsProblem("room", "say which room")]

    async def main() -> None:
        actions = {"notify": windlass.Action(notify, check=check), "look": look}
        async with await windlass.Engine.open(data_dir=data_dir, actions=actions) as engine:
            tasks = [
                Task.custom("tell", "notify", {"room": "ops", "text": "${BUILD_NUMBER} is out"}, outputs=["MESSAGE_ID"]),
                Task.custom("look", "look"),
            ]
            run = await engine.start(Pipeline("one", stages=[Stage("Only", tasks=tasks)]))
            outcome = await run.wait()
            assert outcome.succeeded, outcome
            assert run.id in outcome.tasks[0].outputs["MESSAGE_ID"]
            assert await run.logs("tell") == "to ops: 1 is out\n"
            assert await run.logs("look") == "1 is out"
            with pytest.raises(windlass.InvalidError) as caught:
                await engine.start(one(Task.custom("tell", "notify", {})))
            assert caught.value.problems[0].path == "stages[0].tasks[0].custom.with.room"

    run_loop(main())


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (ActionError.failed("noRoom", "there is no such room", "look at the list"), "noRoom"),
        (ActionError.infrastructure("down", "the chat is down"), "down"),
        (KeyError("room"), "exception"),
    ],
)
def test_what_an_action_raises_is_a_cause(raised: Exception, code: str, data_dir: Path) -> None:
    def act(context: sync.ActionContext) -> None:
        raise raised

    with sync.Engine.open(data_dir=data_dir, actions={"act": act}) as engine:
        outcome = engine.start(one(Task.custom("t", "act", retry=windlass.Retry(1)))).wait()
        assert outcome.status == "failed"
        assert outcome.tasks[0].cause is not None
        assert outcome.tasks[0].cause.code == code


def test_an_executor_that_starts_processes(data_dir: Path) -> None:
    class Shell(SimpleExecutor):
        def run(self, step: StepSpec, context: sync.StepContext) -> int:  # type: ignore[override]
            done = subprocess.run(
                ["sh", "-c", step.script or "true"],
                cwd=context.workspace,
                env={"PATH": os.environ["PATH"], **step.env},
                capture_output=True,
                check=False,
            )
            context.log(done.stdout + done.stderr)
            return done.returncode

    with sync.Engine.open(data_dir=data_dir, executors={"shell": Shell()}) as engine:
        tasks = [Task.script("make", "echo made > file"), Task.script("use", "cat file; exit 4")]
        outcome = engine.start(Pipeline("one", stages=[Stage("Only", tasks=tasks)])).wait()
        assert [task.exit_code for task in outcome.tasks] == [0, 4]


def test_an_engine_of_plugins_leaves_a_process_that_ends(data_dir: Path) -> None:
    """Nothing that the package keeps holds a process up, also when nobody closed anything."""
    program = (
        "import windlass\nfrom windlass import sync, SimpleExecutor\n"
        "class Own(SimpleExecutor):\n    async def run(self, step, context):\n        return 0\n"
        f"engine = sync.Engine.open(data_dir={str(data_dir)!r}, executors={{'own': Own()}})\n"
        "from windlass import Pipeline, Stage, Task\n"
        "print(engine.start(Pipeline('p', stages=[Stage('S', tasks=[Task.script('t', 'x')])])).wait().status)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "succeeded\n", "")


def test_credentials_are_kept_and_provided_and_masked(data_dir: Path) -> None:
    class Vault(windlass.SecretProvider):
        name = "vault"

        async def credential(self, name: str) -> Union[windlass.Credential, None]:
            return windlass.Token("from-the-vault") if name == "team" else None

    seen: list[object] = []

    def look(context: sync.ActionContext) -> None:
        seen.append(context.credential("team"))

    tasks = [
        Task.script("use", 'echo "it is $TOKEN"', secrets=[windlass.SecretVariable("TOKEN", "kept")]),
        Task.custom("look", "look"),
    ]
    with sync.Engine.open(data_dir=data_dir, secrets=[Vault()], actions={"look": look}) as engine:
        assert engine.credentials.set("kept", windlass.Opaque({"value": "a long secret"}), "ana").created
        assert "a long secret" not in repr(windlass.Opaque({"value": "a long secret"}))
        assert [credential.name for credential in engine.credentials.list()] == ["kept"]
        assert engine.credentials.open("kept") == windlass.Opaque({"value": "a long secret"})
        run = engine.start(Pipeline("p", stages=[Stage("S", tasks=tasks)]))
        assert run.wait().succeeded
        assert "a long secret" not in run.logs("use")
        assert seen == [windlass.Token("from-the-vault")]
        engine.credentials.remove("kept", "ana")
        with pytest.raises(windlass.NotFoundError):
            engine.credentials.open("kept")
