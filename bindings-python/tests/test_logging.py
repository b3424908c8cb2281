"""What the core says about its work goes to `logging`."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from windlass import Pipeline, Stage, Task, sync


def test_records_of_the_core_come_to_logging(data_dir: Path, caplog: pytest.LogCaptureFixture) -> None:
    # A folder that the control socket cannot stand in: its path is longer than the system allows.
    deep = data_dir / ("x" * 120)
    with caplog.at_level(logging.WARNING, logger="windlass"), sync.Engine.open(data_dir=deep) as engine:
        engine.start(Pipeline("p", stages=[Stage("S", tasks=[Task.script("t", "true")])])).wait()
    for record in caplog.records:
        assert record.name.startswith("windlass")
