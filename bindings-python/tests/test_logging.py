"""What the core says about its work goes to `logging`."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import windlass
from windlass import sync

SAID = "other processes cannot control this engine"


@pytest.fixture
def blocked(data_dir: Path) -> Path:
    """A data directory in whose place for the control socket a folder stands, of which an engine warns."""
    sync.Engine.open(data_dir=data_dir, control=False).close()
    (data_dir / "control.sock").mkdir()
    (data_dir / "control.sock" / "in the way").touch()
    return data_dir


class Listening(logging.Handler):
    """Keeps what comes, and tells when something has."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []
        self.threads: set[str] = set()
        self.came = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.threads.add(threading.current_thread().name)
        self.records.append(record)
        if SAID in record.getMessage():
            self.came.set()


@pytest.fixture
def listening() -> Listening:
    return Listening()


def test_records_of_the_core_come_to_logging(blocked: Path, listening: Listening) -> None:
    logger = logging.getLogger("windlass.engine")
    logger.addHandler(listening)
    try:
        with sync.Engine.open(data_dir=blocked):
            assert listening.came.wait(60), "nothing was said"
    finally:
        logger.removeHandler(listening)
    (said,) = [record for record in listening.records if SAID in record.getMessage()]
    assert said.levelno == logging.WARNING
    assert said.name.startswith("windlass.engine")
    assert str(blocked) in said.getMessage()


def test_they_come_beside_an_event_loop_and_not_on_it(blocked: Path, listening: Listening) -> None:
    logger = logging.getLogger("windlass")
    logger.addHandler(listening)

    async def main() -> None:
        async with await windlass.Engine.open(data_dir=blocked):
            assert await asyncio.to_thread(listening.came.wait, 60), "nothing was said"

    try:
        asyncio.run(main())
    finally:
        logger.removeHandler(listening)
    assert threading.current_thread().name not in listening.threads


def test_what_nobody_wants_is_not_said(blocked: Path) -> None:
    program = f"""
import logging, sys
logging.basicConfig(stream=sys.stdout, level=logging.DEBUG, format="%(name)s %(levelname)s %(message)s")
logging.getLogger("windlass").setLevel(getattr(logging, sys.argv[1]))
from windlass import Pipeline, Stage, Task, sync
with sync.Engine.open(data_dir={str(blocked)!r}) as engine:
    # Records come in their order: when this one has come, none is on its way.
    engine.start(Pipeline("p", stages=[Stage("S", tasks=[Task.script("t", "true")])])).wait()
"""

    def said(level: str) -> str:
        return subprocess.run([sys.executable, "-c", program, level], check=True, capture_output=True, text=True).stdout

    assert f"windlass.engine.builder.open WARNING {SAID}" in said("WARNING")
    assert said("ERROR") == ""
