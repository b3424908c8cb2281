"""The examples, run as a reader runs them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def test_the_quickstart_tells_of_its_run() -> None:
    done = subprocess.run([sys.executable, HERE / "quickstart.py"], capture_output=True, text=True, check=True)
    assert "unit[SIZE=small]| hi from a small test" in done.stdout
    assert done.stdout.endswith("the run succeeded\n")


def test_the_clean_room_shows_what_a_step_has() -> None:
    done = subprocess.run([sys.executable, HERE / "clean_room.py"], capture_output=True, text=True, check=True)
    assert "TASK_NAME=look" in done.stdout
    assert "made here" in done.stdout
