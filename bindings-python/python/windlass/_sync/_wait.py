"""Waiting in a thread."""

from __future__ import annotations

import asyncio
from typing import Any, Optional

from .. import _native


def wait(operation: _native.Operation) -> Any:
    """Waits for the core without holding the interpreter. Ctrl-C gives the wait up, and no run ends by it."""
    return operation.block()


def home_loop() -> Optional[asyncio.AbstractEventLoop]:
    """The loop on which asynchronous functions of the program run that the core calls: one of its own, made when it is needed."""
    return None
