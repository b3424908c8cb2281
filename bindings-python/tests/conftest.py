"""What the tests share. They run against the installed wheel, never against the source tree."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
import windlass

FIXTURES = Path(__file__).parents[2] / "tests" / "fixtures"

assert "site-packages" in windlass.__file__, f"the tests are for the installed wheel, and not for {windlass.__file__}"


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


Runner = Callable[[Coroutine[Any, Any, None]], None]


def asyncio_run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


def uvloop_run(work: Coroutine[Any, Any, None]) -> None:
    import uvloop  # noqa: PLC0415

    uvloop.run(work)


@pytest.fixture(params=[asyncio_run, uvloop_run], ids=["asyncio", "uvloop"])
def run_loop(request: pytest.FixtureRequest) -> Runner:
    """Runs a coroutine on each kind of event loop."""
    runner: Runner = request.param
    return runner
