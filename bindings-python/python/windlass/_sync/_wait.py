"""Waiting in a thread."""

from __future__ import annotations

from typing import Any

from .. import _native


def wait(operation: _native.Operation) -> Any:
    """Waits for the core without holding the interpreter. Ctrl-C gives the wait up, and no run ends by it."""
    return operation.block()
