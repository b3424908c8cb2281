"""The engine for event loops. ``_sync`` is made of it by ``scripts/python-sync``."""

from __future__ import annotations
