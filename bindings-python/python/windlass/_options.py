"""Options on their way to the core, which reads them strictly and has all the defaults."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from os import PathLike, fspath
from typing import Any, Optional

from ._document.node import Duration, camel, plain
from ._moment import text_of


def options(**given: Any) -> str:
    """The JSON of what was given; ``None`` stands for what was not."""
    return json.dumps(_given(given))


def given(**given: Any) -> dict[str, Any]:
    """The values of that JSON, for an option that has options of its own."""
    return _given(given)


def _given(words: Mapping[str, Any]) -> dict[str, Any]:
    return {camel(name): _plain(value, camel(name)) for name, value in words.items() if value is not None}


def _plain(value: Any, path: str) -> Any:
    if isinstance(value, PathLike):
        return fspath(value)
    if isinstance(value, datetime):
        return text_of(value)
    if isinstance(value, Mapping):
        return {name: _plain(item, f"{path}.{name}") for name, item in value.items()}
    written = getattr(value, "to_dict", None)
    return plain(value if written is None else written(), path)


@dataclass(frozen=True)
class Commit:
    """A commit; what is not known is left out."""

    sha: Optional[str] = None
    branch: Optional[str] = None
    tag: Optional[str] = None
    message: Optional[str] = None
    author: Optional[str] = None
    """``Name <address>``."""
    repository: Optional[str] = None
    """Where the repository is, without any password."""

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Commit:
        """From its JSON, in which what is not known is empty."""
        return cls(**{name: value or None for name, value in document.items()})

    def to_dict(self) -> dict[str, Any]:
        """The values of its JSON."""
        return {name: value for name, value in vars(self).items() if value is not None}


@dataclass(frozen=True)
class Retention:
    """How long finished runs are kept. Without any limit, for ever."""

    runs_per_pipeline: Optional[int] = None
    """So many finished runs of each pipeline, the newest ones."""
    age: Optional[Duration] = None
    """So long after their end."""

    def to_dict(self) -> dict[str, Any]:
        """The values of its JSON."""
        return {camel(name): plain(value, camel(name)) for name, value in vars(self).items() if value is not None}


def text(value: Any) -> str:
    """The JSON of a value."""
    return json.dumps(plain(value, ""))


def definition(pipeline: Any) -> str:
    """The JSON of a definition: of a :class:`Pipeline`, or of a mapping that already is one."""
    if isinstance(pipeline, Mapping):
        return json.dumps(plain(pipeline, ""))
    json_of: str = pipeline.to_json()
    return json_of
