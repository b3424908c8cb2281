"""What the core says about its work, as records of ``logging``: loggers ``windlass``, ``windlass.engine`` and so on."""

from __future__ import annotations

import logging


def wanted() -> int:
    """The lowest level that is looked at."""
    return min(255, logging.getLogger("windlass").getEffectiveLevel())


def tell(records: list[tuple[int, str, str]], dropped: int) -> None:
    """Hands on what has come."""
    for level, name, message in records:
        logging.getLogger(name).log(level, "%s", message)
    if dropped:
        logging.getLogger("windlass").warning("%d records were dropped: they came faster than they were taken", dropped)
