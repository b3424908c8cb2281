"""Moments in JSON: RFC 3339 in UTC."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Optional


def moment(text: str) -> datetime:
    """A moment. What is finer than a microsecond is cut off."""
    if len(text) == 24:  # 2026-11-28T12:00:00.000Z, as events have it
        return datetime.fromisoformat(text[:-1] + "+00:00")
    whole, _, fraction = text.rstrip("Z").partition(".")
    microseconds = int((fraction + "000000")[:6])
    return datetime.fromisoformat(whole).replace(microsecond=microseconds, tzinfo=timezone.utc)


def maybe_moment(text: Optional[str]) -> Optional[datetime]:
    """A moment that may not have come."""
    return None if text is None else moment(text)


def text_of(moment: datetime) -> str:
    """A moment as the core reads it. One without a time zone is refused there as it is here."""
    if moment.tzinfo is None:
        raise ValueError("the moment has no time zone: use datetime.now(timezone.utc), or .astimezone()")
    return moment.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")
