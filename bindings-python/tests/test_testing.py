"""`windlass.testing`: pipelines in virtual time, the fixtures, the contract of executors."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import windlass
from plain_executor import PlainExecutor
from windlass import ActionContext, Pipeline, SimpleExecutor, Stage, StepContext, StepSpec, Task, sync
from windlass.testing import AsyncPipelineTest, PipelineTest, Script, executor_conformance

WEB = """
name: web
parameters: [{name: TARGET, dynamic: true, default: dev}]
stages:
  - name: Test
    tasks: [{name: unit, script: make test, timeout: 24h, retry: {attempts: 2}}]
  - name: Deploy
    when: TARGET == 'prod'
    tasks: [{name: sign-off, approve: {message: 'Ship ${BUILD_NUMBER}?'}}, {name: ship, script: ./ship}]
"""


def test_a_day_passes_in_a_moment() -> None:
    outcome = (
        PipelineTest.from_yaml(WEB)
        .parameter("TARGET", "prod")
        .attempts("unit", [Script.fails(1).log("flaky"), Script.succeeds().after(timedelta(minutes=1)).log("3 passed")])
        .approve("sign-off", "ana", "looks good", after=timedelta(hours=20))
        .run()
    )
    outcome.assert_succeeded().assert_order("unit", "sign-off", "ship").assert_task("unit", attempts=2, printed="3 passed")
    assert outcome.took >= timedelta(hours=20)
    assert outcome.env("ship")["TARGET"] == "prod"
    assert [call.task for call in outcome.calls] == ["unit", "unit", "ship"]


def test_assertions_say_what_happened_instead() -> None:
    outcome = PipelineTest.from_yaml(WEB).task("unit", Script.fails(2)).run()
    outcome.assert_failed().assert_task("unit", failed_with="exitCode").assert_skipped("ship")
    with pytest.raises(AssertionError, match="the run should be succeeded, and is failed"):
        outcome.assert_succeeded()
    with pytest.raises(AssertionError, match='the run has no task "unti"'):
        outcome.assert_ran("unti")


def test_mistakes_of_a_test_are_told() -> None:
    with pytest.raises(windlass.NotFoundError) as caught:
        PipelineTest.from_yaml(WEB).task("unti", Script.succeeds()).run()
    assert caught.value.code == "noSuchTask"
    with pytest.raises(windlass.InvalidError) as caught:
        PipelineTest.from_yaml(WEB).parameter("TARGET", "prod").run()
    assert caught.value.code == "approvalUnanswered"


def test_own_actions_run_in_tests_of_pipelines() -> None:
    async def notify(context: ActionContext) -> dict[str, str]:
        await context.sleep(timedelta(hours=1))
        await context.log("sent")
        return {"ID": context.settings["room"]}

    text = "name: n\nstages: [{name: S, tasks: [{name: tell, custom: {name: notify, with: {room: ops}}, outputs: [ID]}]}]"

    async def main() -> None:
        outcome = await AsyncPipelineTest.from_yaml(text).action("notify", notify).run()
        outcome.assert_succeeded().assert_task("tell", outputs={"ID": "ops"}, printed="sent")
        assert outcome.took == timedelta(hours=1)

    asyncio.run(main())


def test_virtual_time_stands_still_while_an_action_works() -> None:
    async def notify(context: ActionContext) -> None:
        await asyncio.sleep(0.05)
        await asyncio.gather(context.sleep(timedelta(minutes=30)), context.sleep(timedelta(hours=1)))
        await asyncio.sleep(0.05)

    def polls(context: sync.ActionContext) -> None:
        while not context.cancelled:
            time.sleep(0.001)

    async def waits(context: ActionContext) -> None:
        await context.until_cancelled()

    text = "name: n\nstages: [{name: S, tasks: [{name: tell, timeout: 2h, custom: {name: notify}}]}]"

    async def took(action: Callable[..., Any]) -> timedelta:
        outcome = await AsyncPipelineTest.from_yaml(text).action("notify", action).run()
        return outcome.took

    assert timedelta(hours=1) <= asyncio.run(took(notify)) < timedelta(hours=2)
    assert asyncio.run(took(polls)) >= timedelta(hours=2)
    assert asyncio.run(took(waits)) >= timedelta(hours=2)


def test_the_fixtures_of_the_package(windlass_engine: sync.Engine, pipeline_test: Callable[[Pipeline], PipelineTest]) -> None:
    pipeline = Pipeline.from_yaml(WEB)
    pipeline_test(pipeline).run().assert_ran("unit")
    windlass_engine.pipelines.create(pipeline, "ana")


def test_an_executor_in_its_whole_form(tmp_path: Path) -> None:
    executor = PlainExecutor(tmp_path / "runs")
    actions = {"look": look}
    with sync.Engine.open(data_dir=tmp_path / "data", executors={"plain": executor}, actions=actions) as engine:
        tasks = [
            Task.script("make", "echo made; echo made > file"),
            Task.custom("look", "look"),
            Task.script("fail", "echo before; exit 3"),
        ]
        run = engine.start(Pipeline("whole", stages=[Stage("S", tasks=tasks)], keep_workspace="0s"))
        outcome = run.wait()
        assert [task.exit_code for task in outcome.tasks] == [0, None, 3], outcome
        assert [run.logs(task) for task in ("make", "look", "fail")] == ["made\n", "made\n", "before\n"]
        hanging = engine.start(Pipeline("hang", stages=[Stage("S", tasks=[Task.script("t", "echo on; exec sleep 600")])]))
        assert next(hanging.follow_log("t")) == b"on\n"
        hanging.cancel("ana")
        assert hanging.wait().status == "cancelled"
    assert {"prepare", "release"} <= set(executor.calls)


def look(context: sync.ActionContext) -> None:
    context.write_file("copy", context.read_file("file", 100))
    context.log(context.read_file("copy", 100))


def test_a_broken_promise_is_told(tmp_path: Path) -> None:
    class Liar(SimpleExecutor):
        def run(self, step: StepSpec, context: StepContext) -> int:
            return 0

    executor_conformance("unknown_step", Liar, tmp_path / "unknown")
    with pytest.raises(AssertionError):
        executor_conformance("exit_codes", Liar, tmp_path / "codes")
