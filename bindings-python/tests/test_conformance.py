"""The contract of executors, as the library tests it over one that is written in Python in its whole form."""

from __future__ import annotations

from pathlib import Path

import pytest
from plain_executor import PlainExecutor
from windlass import Executor, StepExit, StepKey
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
