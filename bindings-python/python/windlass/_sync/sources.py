# Made by scripts/python-sync from the file of the same name in `_aio`. Do not change it here.
"""The repositories from which an engine fetches, and the registries of images that it reaches."""

from __future__ import annotations

from typing import Any, Optional

from .. import _native
from .._options import options
from .._sources import RegistryImage, RegistryServer, RemoteRefs
from ._wait import wait


class Sources:
    """The repositories from which runs of an engine fetch: what a form for a pipeline asks them."""

    def __init__(self, native: _native.Noun) -> None:
        self._native = native

    def refs(
        self,
        url: str,
        *,
        credential: Optional[str] = None,
        ca_certificate: Optional[str] = None,
        verify_certificate: Optional[bool] = None,
    ) -> RemoteRefs:
        """The branches and tags of a repository. Nothing is fetched, nothing is kept."""
        return RemoteRefs.of(
            self._ask(
                "refs",
                url=url,
                credential=credential,
                ca_certificate=ca_certificate,
                verify_certificate=verify_certificate,
            )
        )

    def test(
        self,
        url: str,
        *,
        credential: Optional[str] = None,
        ca_certificate: Optional[str] = None,
        verify_certificate: Optional[bool] = None,
    ) -> None:
        """Raises why a repository cannot be read in this way."""
        self._ask(
            "test",
            url=url,
            credential=credential,
            ca_certificate=ca_certificate,
            verify_certificate=verify_certificate,
        )

    def forget(self, url: str) -> None:
        """Removes what is kept of a repository, so that the next checkout fetches all of it again."""
        self._ask("forget", url=url)

    def _ask(self, request: str, **given: Any) -> Any:
        return wait(self._native.ask(request, options(**given)))


class Registries:
    """The registries of images that an engine reaches with its credentials."""

    def __init__(self, native: _native.Noun) -> None:
        self._native = native

    def test(self, server: RegistryServer) -> None:
        """Tries the login, and changes nothing."""
        self._ask("test", server.to_dict())

    def tags(self, server: RegistryServer, repository: str) -> tuple[str, ...]:
        """All tags of a repository."""
        return tuple(self._ask("tags", {**server.to_dict(), "repository": repository}))

    def digest(self, image: RegistryImage) -> str:
        """The digest that a tag leads to, such as ``sha256:…``."""
        digest: str = self._ask("digest", image.to_dict())
        return digest

    def copy(self, source: RegistryImage, target: RegistryImage) -> str:
        """Copies an image, to the tag that is the ``reference`` of its new place. Gives the digest."""
        digest: str = self._ask("copy", {"from": source.to_dict(), "to": target.to_dict()})
        return digest

    def delete(self, image: RegistryImage) -> None:
        """Deletes what a tag or digest leads to, with every other tag of it."""
        self._ask("delete", image.to_dict())

    def _ask(self, request: str, given: dict[str, Any]) -> Any:
        return wait(self._native.ask(request, options(**given)))
