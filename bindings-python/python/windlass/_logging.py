"""What the core says about its work, as records of ``logging``: loggers ``windlass``, ``windlass.engine`` and so on."""

from __future__ import annotations

import logging

LEVELS = {"trace": 5, "debug": logging.DEBUG, "info": logging.INFO, "warn": logging.WARNING, "error": logging.ERROR}


def wanted() -> str:
    """The lowest level that is looked at, in the words of the core."""
    lowest = logging.getLogger("windlass").getEffectiveLevel()
    return next((word for word, level in LEVELS.items() if lowest <= level), "none")


def tell(records: list[tuple[str, str, str]], dropped: int) -> None:
    """Hands on what has come."""
    for level, name, message in records:
        logging.getLogger(name).log(LEVELS[level], "%s", message)
    if dropped:
        logging.getLogger("windlass").warning("%d records were dropped: they came faster than they were taken", dropped)
