"""The promises that every executor makes, as the library tests them over the executor of this example; those left out are about
capabilities that it does not claim, or about shells other than `sh`."""

from __future__ import annotations

from pathlib import Path

import pytest
from clean_room import CleanRoom
from windlass.testing import executor_conformance

CASES = [
    "exit_codes",
    "signals",
    "arguments_reach_the_program",
    "secrets_reach_the_step",
    "standard_input_is_empty",
    "output_order",
    "offsets",
    "growing",
    "awkward_bytes",
    "long_line",
    "much_output",
    "early_first_byte",
    "forgotten",
    "started_once",
    "started_again_after_the_end",
    "parallel_steps",
    "ended_long_ago",
    "unknown_step",
    "graceful_stop",
    "stop_before_start",
    "shared_workspace",
    "isolated_workspaces",
    "own_empty_workspace",
    "outputs",
    "source_is_copied",
    "lost_workspace",
    "files_in_and_out",
    "archives_cannot_leave",
    "paths_cannot_leave",
    "links_cannot_lead_out",
    "released_runs",
    "swept_runs",
]


@pytest.mark.parametrize("case", CASES)
def test_the_contract(case: str, tmp_path: Path) -> None:
    executor_conformance(case, CleanRoom, tmp_path / "state")
