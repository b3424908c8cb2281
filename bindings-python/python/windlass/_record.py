"""Records: what the core answers, as typed classes whose fields are the keys of its JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field, fields
from typing import Any, Optional, TypeVar

from ._document.node import camel

R = TypeVar("R", bound="Record")


def read(of: Callable[[Any], Any], *, key: Optional[str] = None, default: Any = None) -> Any:
    """A field whose value is made of what stands in the JSON. ``None`` stays ``None``."""
    return field(default=default, metadata={"of": of, "key": key})


def each(of: Callable[[Any], Any]) -> Any:
    """A field with a tuple of values that are made of what stands in the JSON."""
    return field(default=(), metadata={"of": lambda values: tuple(of(value) for value in values)})


class Record:
    """Something that the core answered."""

    @classmethod
    def of(cls: type[R], document: Mapping[str, Any]) -> R:
        """From its JSON."""
        taken: dict[str, Any] = {}
        for item in fields(cls):  # type: ignore[arg-type]
            word = item.metadata.get("key") or camel(item.name)
            if word in document:
                made, value = item.metadata.get("of"), document[word]
                taken[item.name] = value if made is None or value is None else made(value)
        return cls(**taken)
