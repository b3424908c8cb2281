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

    async def refs(
        self,
        url: str,
        *,
        credential: Optional[str] = None,
        ca_certificate: Optional[str] = None,
        verify_certificate: Optional[bool] = None,
    ) -> RemoteRefs:
        """The branches and tags of a repository. Nothing is fetched, nothing is kept."""
        return RemoteRefs.of(
            await self._ask(
                "refs",
                url=url,
                credential=credential,
                ca_certificate=ca_certificate,
                verify_certificate=verify_certificate,
            )
        )

    async def test(
        self,
        url: str,
        *,
        credential: Optional[str] = None,
        ca_certificate: Optional[str] = None,
        verify_certificate: Optional[bool] = None,
    ) -> None:
        """Raises why a repository cannot be read in this way."""
        await self._ask(
            "test",
            url=url,
            credential=credential,
            ca_certificate=ca_certificate,
            verify_certificate=verify_certificate,
        )

    async def forget(self, url: str) -> None:
        """Removes what is kept of a repository, so that the next checkout fetches all of it again."""
        await self._ask("forget", url=url)

    async def _ask(self, request: str, **given: Any) -> Any:
        return await wait(self._native.ask(request, options(**given)))


class Registries:
    """The registries of images that an engine reaches with its credentials."""

    def __init__(self, native: _native.Noun) -> None:
        self._native = native

    async def test(self, server: RegistryServer) -> None:
        """Tries the login, and changes nothing."""
        await self._ask("test", server.to_dict())

    async def tags(self, server: RegistryServer, repository: str) -> tuple[str, ...]:
        """All tags of a repository."""
        return tuple(await self._ask("tags", {**server.to_dict(), "repository": repository}))

    async def digest(self, image: RegistryImage) -> str:
        """The digest that a tag leads to, such as ``sha256:…``."""
        digest: str = await self._ask("digest", image.to_dict())
        return digest

    async def copy(self, source: RegistryImage, target: RegistryImage) -> str:
        """Copies an image, to the tag that is the ``reference`` of its new place. Gives the digest."""
        digest: str = await self._ask("copy", {"from": source.to_dict(), "to": target.to_dict()})
        return digest

    async def delete(self, image: RegistryImage) -> None:
        """Deletes what a tag or digest leads to, with every other tag of it."""
        await self._ask("delete", image.to_dict())

    async def _ask(self, request: str, given: dict[str, Any]) -> Any:
        return await wait(self._native.ask(request, options(**given)))
