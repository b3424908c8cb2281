"""The credentials that an engine keeps."""

from __future__ import annotations

from typing import Any, Optional

from .. import _native
from .._credentials import (
    Credential,
    KeyRotation,
    SavedCredential,
    StoredCredential,
    TargetKind,
    credential_of,
)
from .._options import options
from ._wait import wait


class Credentials:
    """The credentials that an engine keeps. Values go in and are used; nothing lists them, and nothing has them in clear."""

    def __init__(self, native: _native.Noun) -> None:
        self._native = native

    async def set(self, name: str, credential: Credential, by: str = "") -> SavedCredential:
        """Keeps a credential under this name from now on, whether there was one or not."""
        return SavedCredential.of(await self._ask("set", name=name, credential=credential, by=by))

    async def list(self) -> tuple[StoredCredential, ...]:
        """The credentials, by name: all but their values."""
        return tuple(StoredCredential.of(credential) for credential in await self._ask("list"))

    async def open(self, name: str) -> Credential:
        """The values of a credential, for the embedder's own use."""
        return credential_of(await self._ask("open", name=name))

    async def remove(self, name: str, by: str = "") -> None:
        """Removes a credential. Tasks that have it already keep it to their end."""
        await self._ask("remove", name=name, by=by)

    async def test(self, name: str, kind: TargetKind, address: Optional[str] = None) -> str:
        """Tries a credential on what it is for, and changes nothing there. Gives what was seen with it, for people."""
        seen: str = (await self._ask("test", name=name, kind=kind, address=address))["message"]
        return seen

    async def rotate_master_key(self, by: str = "") -> KeyRotation:
        """Seals everything with another master key."""
        return KeyRotation.of(await self._ask("rotateMasterKey", by=by))

    async def _ask(self, request: str, **given: Any) -> Any:
        return await wait(self._native.ask(request, options(**given)))
