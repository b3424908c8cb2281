"""An engine from a program: runs, events, logs, pipelines."""

from __future__ import annotations

import asyncio
import pickle
from pathlib import Path

import pytest
import windlass
from conftest import Runner
from windlass import Log, Pipeline, RunFinished, Stage, Task, TaskFinished, sync

HELLO = Pipeline(
    "hello",
    parameters=[windlass.Parameter("GREETING", dynamic=True, default="hello")],
    stages=[
        Stage(
            "Test",
            order="parallel",
            tasks=[Task.script("unit", 'echo "$GREETING fine"'), Task.script("lint", "echo clean")],
        )
    ],
)


def gate(name: str, path: Path) -> Pipeline:
    """A pipeline whose only step goes on until a file is there."""
    script = f'echo waiting; while [ ! -e "{path}" ]; do sleep 0.05; done; echo open'
    return Pipeline(name, stages=[Stage("Only", tasks=[Task.script("wait", script)])])


def test_a_run_from_its_start_to_its_end(data_dir: Path, run_loop: Runner) -> None:
    async def main() -> None:
        async with await windlass.Engine.open(data_dir=data_dir) as engine:
            run = await engine.start(HELLO, parameters={"GREETING": "hi"}, actor="ana")
            events = [event async for event in run.events()]
            outcome = await run.wait()
            assert outcome.succeeded
            assert (outcome.pipeline, outcome.number, outcome.actor) == ("hello", 1, "ana")
            assert {task.task: task.exit_code for task in outcome.tasks} == {"unit": 0, "lint": 0}
            assert await run.logs("unit") == "hi fine\n"
            assert [piece async for piece in run.follow_log("lint")] == [b"clean\n"]
            assert isinstance(events[-1], RunFinished)
            assert events[-1].state == "succeeded"
            assert {event.task: event.text for event in events if isinstance(event, Log)} == {
                "unit": "hi fine\n",
                "lint": "clean\n",
            }
            finished = [event for event in events if isinstance(event, TaskFinished)]
            assert sorted(event.task for event in finished) == ["lint", "unit"]
            # Followed from any number on.
            later = [event async for event in run.events(after=events[3].seq)]
            assert later == events[4:]
            assert events[0].to_dict()["type"] == "runQueued"
            assert str(events[0]) == "run hello#1 is queued"
            assert (await engine.runs())[0].status == "succeeded"

    run_loop(main())


def test_the_synchronous_twin_says_the_same(data_dir: Path) -> None:
    with sync.Engine.open(data_dir=data_dir) as engine:
        run = engine.start(HELLO)
        assert [event.type for event in run.events()][-1] == "runFinished"
        assert run.wait().succeeded
        assert run.follow_log("unit").text() == "hello fine\n"
        assert "unit" in run.download().text()
        assert engine.search("fine").matches[0].task == "unit"
        assert run.timeline()["pipeline"] == "hello"


def test_cancelling_a_wait_does_not_cancel_the_run(data_dir: Path, tmp_path: Path, run_loop: Runner) -> None:
    async def main() -> None:
        async with await windlass.Engine.open(data_dir=data_dir) as engine:
            run = await engine.start(gate("gated", tmp_path / "open"))
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(run.wait(), 0.2)
            waiting = asyncio.ensure_future(run.wait())
            await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            assert await run.status() in ("queued", "running")
            (tmp_path / "open").touch()
            assert (await run.wait()).succeeded

    run_loop(main())


def test_cancelling_the_run_does(data_dir: Path, tmp_path: Path) -> None:
    async def main() -> None:
        async with await windlass.Engine.open(data_dir=data_dir) as engine:
            run = await engine.start(gate("gated", tmp_path / "never"))
            async for event in run.events():
                if event.type == "log":
                    break
            await run.cancel("ana", "not today")
            assert (await run.wait()).status == "cancelled"
            with pytest.raises(windlass.ConflictError) as caught:
                await run.cancel("ana")
            assert caught.value.code == "runEnded"

    asyncio.run(main())


def test_a_run_goes_on_over_a_closed_engine(data_dir: Path, tmp_path: Path) -> None:
    async def main() -> None:
        async with await windlass.Engine.open(data_dir=data_dir) as engine:
            run = await engine.start(gate("gated", tmp_path / "open"))
            async for event in run.events():
                if event.type == "log":
                    seen = event.seq
                    break
        (tmp_path / "open").touch()
        async with await windlass.Engine.open(data_dir=data_dir) as engine:
            assert engine.recovered == (run.id,)
            again = await engine.run(run.id)
            types = [event.type async for event in again.events(after=seen)]
            assert "engineRecovered" in types
            assert (await again.wait()).succeeded
            assert await again.logs("wait") == "waiting\nopen\n"

    asyncio.run(main())


def test_stored_pipelines_and_two_editors(data_dir: Path) -> None:
    async def main() -> None:
        async with await windlass.Engine.open(data_dir=data_dir) as engine:
            stored = await engine.pipelines.create(HELLO, "ana")
            changed = stored.definition
            changed.description = "changed"
            saved = await engine.pipelines.update(changed, stored.version, "ana")
            assert (saved.version, saved.changed_by) == (2, "ana")
            with pytest.raises(windlass.ConflictError) as caught:
                await engine.pipelines.update(HELLO, stored.version, "ben")
            assert caught.value.code == "staleVersion"
            assert caught.value.stale_version is not None
            assert caught.value.stale_version.saved_by == "ana"
            run = await engine.pipelines.run("hello", actor="ben")
            assert (await run.wait()).pipeline_version == 2
            assert [listing.name for listing in await engine.pipelines.list()] == ["hello"]
            assert [version.version for version in await engine.pipelines.history("hello")] == [2, 1]
            with pytest.raises(windlass.NotFoundError, match='did you mean "hello"'):
                await engine.pipelines.get("helo")
            assert {entry.type for entry in await engine.audit(by="ana")} == {"pipelineCreated", "pipelineUpdated"}

    asyncio.run(main())


def test_approvals(data_dir: Path) -> None:
    async def main() -> None:
        async with await windlass.Engine.open(data_dir=data_dir) as engine:
            asked = Pipeline("ask", stages=[Stage("Deploy", tasks=[Task.approve("sign-off", "Ship?")])])
            run = await engine.start(asked)
            async for event in run.events():
                if isinstance(event, windlass.ApprovalRequested):
                    assert event.message == "Ship?"
                    await run.approve(event.task, "ben", "looks good")
                if isinstance(event, windlass.ApprovalDecided):
                    assert (event.by, event.decision) == ("ben", "approved")
            assert (await run.wait()).succeeded

    asyncio.run(main())


def test_one_cursor_over_everything(data_dir: Path) -> None:
    async def main() -> None:
        async with await windlass.Engine.open(data_dir=data_dir) as engine:
            await engine.pipelines.create(HELLO, "ana")
            run = await engine.pipelines.run("hello", actor="ana")
            seen = []
            async for event in engine.events():
                seen.append(event)
                if event.type == "runFinished":
                    break
            assert seen[0].type == "pipelineCreated"
            assert seen[0].by == "ana"
            assert seen[-1].event is not None
            assert seen[-1].event.run == run.id
            later = engine.events(after=seen[2].position)
            assert await later.__anext__() == seen[3]

    asyncio.run(main())


def test_running_again_from_what_failed_on(data_dir: Path, tmp_path: Path) -> None:
    with sync.Engine.open(data_dir=data_dir) as engine:
        script = f'test -e "{tmp_path}/mended"'
        flaky = Pipeline("flaky", stages=[Stage("S", tasks=[Task.script("first", "echo once"), Task.script("second", script)])])
        run = engine.start(flaky)
        assert run.wait().status == "failed"
        (tmp_path / "mended").touch()
        again = run.retry("fromFailed", "ana")
        outcome = again.wait()
        assert outcome.succeeded
        first = outcome.task("first")
        assert first is not None
        assert first.reused == windlass.Reused(run.id, 1)
        assert engine.runs()[0].rerun_of == run.id
        assert run.retry({"fromTask": "first"}).wait().succeeded


def test_backup_and_restore(data_dir: Path, tmp_path: Path) -> None:
    with sync.Engine.open(data_dir=data_dir) as engine:
        engine.start(HELLO).wait()
        assert engine.backup(tmp_path / "backup", "ana").runs == 1
    report = sync.restore(tmp_path / "backup", tmp_path / "again")
    assert (report.runs, report.unfinished) == (1, ())
    with sync.Engine.open(data_dir=tmp_path / "again") as engine:
        assert engine.find("latest").logs("unit") == "hello fine\n"


def test_a_second_engine_is_told_that_the_directory_is_taken(data_dir: Path) -> None:
    with sync.Engine.open(data_dir=data_dir), pytest.raises(windlass.ConflictError) as caught:
        sync.Engine.open(data_dir=data_dir)
    assert caught.value.code == "locked"
    again = pickle.loads(pickle.dumps(caught.value))
    assert (type(again), again.code, str(again)) == (windlass.ConflictError, "locked", str(caught.value))


def test_a_panic_is_an_error_and_the_process_lives(data_dir: Path) -> None:
    with pytest.raises(windlass.InternalError) as caught:
        windlass._native._panic().block()
    assert caught.value.code == "panic"

    async def main() -> None:
        with pytest.raises(windlass.InternalError):
            await windlass._native._panic()
        async with await windlass.Engine.open(data_dir=data_dir) as engine:
            assert (await (await engine.start(HELLO)).wait()).succeeded

    asyncio.run(main())


def test_what_has_no_json_is_refused_with_its_place(data_dir: Path) -> None:
    task = Task.script("unit", "true", env={"A": object()})  # type: ignore[dict-item]
    with pytest.raises(windlass.InvalidError) as caught:
        Pipeline("p", stages=[Stage("S", tasks=[task])]).check()
    assert caught.value.problems[0].path == "stages[0].tasks[0].env.A"
    wrong = Task("unit", "true")  # type: ignore[arg-type]
    with pytest.raises(windlass.InvalidError, match="an action is wanted here"):
        Pipeline("p", stages=[Stage("S", tasks=[wrong])]).check()
