"""Credentials: what opens doors. Values are never shown by ``repr``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Literal, Optional, Union

from ._document.node import camel
from ._moment import moment
from ._record import Record


@dataclass(frozen=True)
class _Credential:
    kind: ClassVar[str] = ""

    def to_dict(self) -> dict[str, Any]:
        """The values of its JSON, in clear."""
        values = {camel(name): value for name, value in vars(self).items() if value is not None}
        return {"kind": self.kind, **values}


@dataclass(frozen=True)
class UserPassword(_Credential):
    """A user with a password."""

    kind: ClassVar[str] = "userPassword"
    user: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class Token(_Credential):
    """A token, as code hosts give them out."""

    kind: ClassVar[str] = "token"
    token: str = field(repr=False)


@dataclass(frozen=True)
class SshKey(_Credential):
    """A private key for SSH."""

    kind: ClassVar[str] = "sshKey"
    private_key: str = field(repr=False)
    user: Optional[str] = None
    """The user at the other end; ``git`` when unset, as code hosts have it."""
    passphrase: Optional[str] = field(default=None, repr=False)
    known_hosts: Optional[str] = None
    """Lines of a ``known_hosts`` file: the hosts that are who they say they are."""


@dataclass(frozen=True)
class Kubeconfig(_Credential):
    """A kubeconfig, as text."""

    kind: ClassVar[str] = "kubeconfig"
    config: str = field(repr=False)
    context: Optional[str] = None
    """The context in it; its current one when unset."""


@dataclass(frozen=True)
class Pkcs12(_Credential):
    """A client certificate with its key in the form PKCS#12."""

    kind: ClassVar[str] = "pkcs12"
    archive: str = field(repr=False)
    """The archive, in base64."""
    password: str = field(repr=False)


@dataclass(frozen=True)
class Registry(_Credential):
    """A user at a registry of images."""

    kind: ClassVar[str] = "registry"
    server: str
    """The registry, such as ``registry.example.com:5000``."""
    user: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class Opaque(_Credential):
    """Any value, or several with names. A single one is called ``value``."""

    kind: ClassVar[str] = "opaque"
    values: Mapping[str, str] = field(repr=False)


Credential = Union[UserPassword, Token, SshKey, Kubeconfig, Pkcs12, Registry, Opaque]
"""Something that opens a door."""

_KINDS: dict[str, type[_Credential]] = {
    kind.kind: kind for kind in (UserPassword, Token, SshKey, Kubeconfig, Pkcs12, Registry, Opaque)
}


def credential_of(document: Mapping[str, Any]) -> Credential:
    """A credential from its JSON."""
    kind = _KINDS[document["kind"]]
    names = {camel(name): name for name in kind.__dataclass_fields__}
    credential: Any = kind(**{names[word]: value for word, value in document.items() if word != "kind"})
    return credential  # type: ignore[no-any-return]


@dataclass(frozen=True)
class StoredCredential:
    """A credential as listings show it: all but its values."""

    name: str
    kind: str
    changed: datetime
    changed_by: str
    key: str
    """The name of the master key that sealed it."""

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> StoredCredential:
        """From its JSON."""
        return cls(document["name"], document["kind"], moment(document["changed"]), document["changedBy"], document["key"])


@dataclass(frozen=True)
class SavedCredential:
    """What came of setting a credential."""

    created: bool
    """Whether there was none of the name before."""
    unmasked: tuple[str, ...]
    """Words about values that are too short to be masked in logs. Whoever set them should be told."""

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> SavedCredential:
        """From its JSON."""
        return cls(document["created"], tuple(document["unmasked"]))


@dataclass(frozen=True)
class KeyRotation(Record):
    """What came of a change of the master key."""

    key: str
    """The name of the key with which everything is sealed now."""
    credentials: int
    """How many credentials were sealed anew."""


TargetKind = Literal["git", "registry", "cluster", "ssh"]
"""What kind of target a credential is tried on."""

CredentialTest = Callable[[str, Credential, str], Union[str, Awaitable[str]]]
"""Tries a credential, given by its name and its values, on an address, and changes nothing there.

It returns what was seen, for people, and raises why it did not work. No message may hold a secret.
"""


class SecretProvider(ABC):
    """Where credentials come from that the engine does not keep: a vault, a cloud's secret manager, the portal itself."""

    name: str = "provider"
    """What it is called in messages."""

    @abstractmethod
    def credential(self, name: str) -> Union[Credential, Awaitable[Optional[Credential]], None]:
        """The credential of this name; ``None`` when there is none, and the next provider is asked. Errors never hold a secret."""
