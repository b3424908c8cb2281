"""The contract of executors, as the library tests it over one that is written in Python in its whole form."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from plain_executor import PlainExecutor
from windlass import (
    Capabilities,
    ContainerOptions,
    Executor,
    ExecutorEvent,
    Pipeline,
    Service,
    Stage,
    StepExit,
    StepKey,
    StepSecrets,
    StepSpec,
    Task,
    Told,
    sync,
)
from windlass.testing import conformance_cases, executor_conformance

LEFT_OUT = {
    # It has no shim, which would pass what no shell passes, and find and tell what hides.
    "missing_program",
    "not_executable",
    "bad_interpreter",
    "awkward_variables",
    "large_variables",
    "names_that_cannot_be",
    "reopened_outputs",
    "environment_is_exact",
    "hidden_descendants_are_stopped",
    "leftovers_are_stopped",
    "shells",
    # It copies a source with what git ignores, and leaves hostile archives to `tarfile`.
    "source_is_copied",
    "archives_cannot_leave",
    # It keeps no workspaces.
    *(case for case in conformance_cases() if "kept" in case or "keep" in case or "adopt" in case),
}


@pytest.mark.parametrize("case", [case for case in conformance_cases() if case not in LEFT_OUT])
def test_the_contract(case: str, tmp_path: Path) -> None:
    executor = PlainExecutor(tmp_path / "runs")
    executor_conformance(case, lambda: executor, tmp_path / "state")


class Forgetful(PlainExecutor):
    """One that says that every step went well."""

    async def wait(self, step: StepKey) -> StepExit:
        found = await super().wait(step)
        return StepExit(type(found.end)(code=0), found.log_length, found.output)


@pytest.mark.parametrize("case", ["exit_codes", "signals", "graceful_stop"])
def test_a_broken_promise_is_told(case: str, tmp_path: Path) -> None:
    executor: Executor = Forgetful(tmp_path / "runs")
    with pytest.raises(AssertionError):
        executor_conformance(case, lambda: executor, tmp_path / "state")


class Talkative(PlainExecutor):
    """One that tells of its steps what an executor with containers would."""

    capabilities = Capabilities(images=True)
    ignores = ("user",)

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.started, self.heard = threading.Event(), threading.Event()

    def start(self, step: StepSpec, secrets: StepSecrets) -> None:
        super().start(step, secrets)
        self.started.set()

    def observe(self, run: str) -> Iterator[ExecutorEvent]:
        self.started.wait()
        (key,) = self.steps
        yield Told(key, "half of the image is there")
        # Who asks for the next event has dealt with this one.
        self.heard.set()

    async def wait(self, step: StepKey) -> StepExit:
        await asyncio.to_thread(self.heard.wait)
        return await super().wait(step)

    def service_logs(self, step: StepKey) -> bytes:
        return b"db: ready\n"


def test_what_an_executor_tells_stands_in_the_log(data_dir: Path, tmp_path: Path) -> None:
    container = ContainerOptions(user="7", platform="linux/amd64")
    task = Task.script("t", "echo made", container=container, services=[Service("db", "postgres")])
    with sync.Engine.open(data_dir=data_dir, executors={"talkative": Talkative(tmp_path / "runs")}) as engine:
        run = engine.start(Pipeline("told", stages=[Stage("S", tasks=[task])]))
        assert run.wait().succeeded
        log = run.logs("t")
    for line in ("made", "half of the image is there", "db: ready", "does nothing with what `container` says of: user"):
        assert line in log
    assert "platform" not in log
