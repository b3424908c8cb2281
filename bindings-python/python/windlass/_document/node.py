"""What every part of a document is: a dataclass whose fields are the keys of its JSON, in the order in which they stand.

``None`` stands for what is not said. Nothing is filled in and nothing is checked here: that is the core's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, field, fields
from datetime import timedelta
from typing import Any, ClassVar, Optional, TypeVar, Union

from .._errors import wrong_value

Json = Union[None, bool, int, float, str, list[Any], dict[str, Any]]
Duration = Union[str, timedelta]
"""A length of time: as people write it (``"10m"``, ``"1h 30m"``), or as a ``timedelta``."""

N = TypeVar("N", bound="Node")


def key(name: str, default: Any = None) -> Any:
    """A field whose key in the document is another word than its name."""
    return field(default=default, metadata={"key": name})


def part(of: Union[type[Node], Callable[[Any], Any]], *, name: Optional[str] = None, required: bool = False) -> Any:
    """A field that holds another part of the document, or a list of them."""
    metadata = {"of": of} if name is None else {"of": of, "key": name}
    return field(default=MISSING if required else None, metadata=metadata)


def camel(name: str) -> str:
    """The key in the document of a name in Python."""
    first, *others = name.rstrip("_").split("_")
    return first + "".join(other.capitalize() for other in others)


class Node:
    """A part of a document."""

    _KEYS: ClassVar[Optional[list[tuple[str, str, Any]]]] = None

    @classmethod
    def _keys(cls) -> list[tuple[str, str, Any]]:
        """For each field: its name, its key, and what makes it of JSON."""
        found = cls.__dict__.get("_KEYS")
        if found is None:
            found = [
                (item.name, item.metadata.get("key") or camel(item.name), item.metadata.get("of"))
                for item in fields(cls)  # type: ignore[arg-type]
            ]
            cls._KEYS = found
        return found

    def to_dict(self) -> dict[str, Any]:
        """The values of its JSON: only what was said."""
        return self._written("")

    def _written(self, path: str) -> dict[str, Any]:
        written: dict[str, Any] = {}
        for name, word, _ in self._keys():
            self._write(name, word, path, written)
        return written

    def _write(self, name: str, word: str, path: str, written: dict[str, Any]) -> None:
        value = getattr(self, name)
        if value is not None:
            written[word] = plain(value, f"{path}.{word}" if path else word)

    @classmethod
    def from_dict(cls: type[N], document: Mapping[str, Any]) -> N:
        """Takes what the core wrote. To read what a person wrote, use :meth:`Pipeline.from_json`."""
        taken: dict[str, Any] = {}
        for name, word, of in cls._keys():
            if word in document:
                taken[name] = made(of, document[word])
        return cls(**taken)


def made(of: Any, value: Any) -> Any:
    """A value of a document as Python has it."""
    if of is None or value is None:
        return value
    if isinstance(value, list):
        return [made(of, item) for item in value]
    if isinstance(of, type) and issubclass(of, Node):
        return of.from_dict(value)
    return of(value)


def plain(value: Any, path: str) -> Json:
    """A value as JSON has it. What has no JSON is refused with its place."""
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, Node):
        return value._written(path)
    if isinstance(value, timedelta):
        return duration(value, path)
    if isinstance(value, Mapping):
        written: dict[str, Any] = {}
        for word, item in value.items():
            if not isinstance(word, str):
                raise wrong_value(path, f"the key {word!r} is no text")
            written[word] = plain(item, f"{path}.{word}")
        return written
    if isinstance(value, (list, tuple)):
        return [plain(item, f"{path}[{at}]") for at, item in enumerate(value)]
    raise wrong_value(path, f"a {type(value).__name__} cannot stand in a definition")


def duration(value: timedelta, path: str) -> str:
    """A length of time as people write it, in milliseconds."""
    milliseconds = value // timedelta(milliseconds=1)
    if milliseconds < 0:
        raise wrong_value(path, "the length of time is negative")
    return f"{milliseconds}ms"
