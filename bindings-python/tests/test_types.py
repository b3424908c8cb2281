"""The types: what is right is accepted, what is wrong is refused, and the stubs are those of the native module."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
WRONG = HERE / "types" / "wrong.py"
BIN = Path(sys.executable).parent


def expected() -> set[int]:
    """The lines that say that they are wrong."""
    lines = enumerate(WRONG.read_text().splitlines(), start=1)
    return {number for number, line in lines if line.rstrip().endswith("# wrong")}


def test_mypy_refuses_each_wrong_line_and_no_other() -> None:
    command = [BIN / "mypy", "--strict", "--python-version", "3.10", "--no-error-summary", WRONG]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = {int(line) for line in re.findall(r"wrong\.py:(\d+): error", done.stdout)}
    assert found == expected(), done.stdout + done.stderr


def test_pyright_refuses_each_wrong_line_and_no_other() -> None:
    command = [BIN / "pyright", "--outputjson", "--pythonpath", sys.executable, WRONG]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=WRONG.parent)
    errors = json.loads(done.stdout)["generalDiagnostics"]
    # What follows from a mistake, such as a type that nobody knows any more, is no mistake of its own.
    own = [error for error in errors if not error.get("rule", "").startswith("reportUnknown")]
    found = {error["range"]["start"]["line"] + 1 for error in own if error["severity"] == "error"}
    assert found == expected(), [error for error in own if error["range"]["start"]["line"] + 1 not in expected()]


def test_the_stubs_are_those_of_the_native_module() -> None:
    command = [
        BIN / "stubtest",
        "windlass._native",
        "--mypy-config-file",
        HERE.parent / "pyproject.toml",
        "--ignore-missing-stub",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_reference_says_what_the_package_has() -> None:
    command = [sys.executable, HERE.parent / "reference.py", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
