# Made by scripts/python-sync from the file of the same name in `_aio`. Do not change it here.
"""The credentials that an engine keeps."""

from __future__ import annotations

from .. import _native
from .._credentials import Credential, SavedCredential, StoredCredential, credential_of
from .._options import text
from ._wait import wait


class Credentials:
    """The credentials that an engine keeps. Values go in and are used; nothing lists them, and nothing has them in clear."""

    def __init__(self, native: _native.Credentials) -> None:
        self._native = native

    def set(self, name: str, credential: Credential, by: str = "") -> SavedCredential:
        """Keeps a credential under this name from now on, whether there was one or not."""
        return SavedCredential.of(wait(self._native.set(name, text(credential.to_dict()), by)))

    def list(self) -> tuple[StoredCredential, ...]:
        """The credentials, by name: all but their values."""
        return tuple(StoredCredential.of(credential) for credential in wait(self._native.list()))

    def open(self, name: str) -> Credential:
        """The values of a credential, for the embedder's own use."""
        return credential_of(wait(self._native.open(name)))

    def remove(self, name: str, by: str = "") -> None:
        """Removes a credential. Tasks that have it already keep it to their end."""
        wait(self._native.remove(name, by))
