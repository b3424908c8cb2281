"""Repositories of code and of images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Optional

from ._document.node import camel
from ._record import Record


@dataclass(frozen=True)
class RemoteRefs(Record):
    """What a repository has: the commits by the names of its branches and tags."""

    branches: Mapping[str, str]
    tags: Mapping[str, str]
    default: Optional[str] = None
    """The branch that is checked out when nobody names one; ``None`` for an empty repository."""


@dataclass(frozen=True)
class RegistryServer:
    """A registry of images, and the way in."""

    server: str
    """Its address, such as ``registry.example.com:5000``, or ``docker.io``."""
    credential: Optional[str] = None
    """The name of the credential; nobody's login when unset."""
    insecure: Optional[bool] = None
    """Whether plain HTTP is spoken."""

    def to_dict(self) -> dict[str, Any]:
        """The values of its JSON."""
        return {camel(name): value for name, value in vars(self).items() if value is not None}


@dataclass(frozen=True)
class RegistryImage(RegistryServer):
    """An image in a registry."""

    repository: str = ""
    """Its name there, such as ``team/web``."""
    reference: str = "latest"
    """A tag or a digest."""
