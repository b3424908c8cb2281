"""Waiting on an event loop."""

from __future__ import annotations

from typing import Any

from .. import _native


async def wait(operation: _native.Operation) -> Any:
    """Waits for the core. When it is cancelled, the wait is given up and not what is waited for: no run ends by it."""
    return await operation
