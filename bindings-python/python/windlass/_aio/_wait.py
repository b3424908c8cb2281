"""Waiting on an event loop."""

from __future__ import annotations

import asyncio
from typing import Any, Optional

from .. import _native


async def wait(operation: _native.Operation) -> Any:
    """Waits for the core. When it is cancelled, the wait is given up and not what is waited for: no run ends by it."""
    return await operation


def home_loop() -> Optional[asyncio.AbstractEventLoop]:
    """The loop on which asynchronous functions of the program run that the core calls: the one that runs now."""
    return asyncio.get_running_loop()
