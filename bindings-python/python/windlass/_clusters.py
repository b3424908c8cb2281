"""Kubernetes clusters: how they are reached, what they say, what is deployed to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Literal, Optional, Union

from ._document.node import camel
from ._moment import moment
from ._record import Record, each, read
from ._records import Cause


@dataclass(frozen=True)
class _Kind:
    kind: ClassVar[str] = ""

    def to_dict(self) -> dict[str, Any]:
        """The values of its JSON."""
        values: dict[str, Any] = {"kind": self.kind}
        for name, value in vars(self).items():
            if value is not None:
                values[camel(name)] = value.to_dict() if isinstance(value, _Kind) else value
        return values


@dataclass(frozen=True)
class SystemTrust(_Kind):
    """The API server proves itself by a certificate that the machine trusts."""

    kind: ClassVar[str] = "system"


@dataclass(frozen=True)
class AuthorityTrust(_Kind):
    """The API server proves itself by a certificate of this authority."""

    kind: ClassVar[str] = "authority"
    certificates: str
    """Its certificates in PEM."""


@dataclass(frozen=True)
class Unverified(_Kind):
    """The API server proves nothing. Whoever stands between can read and change everything."""

    kind: ClassVar[str] = "unverified"


@dataclass(frozen=True)
class InCluster(_Kind):
    """From a pod of the cluster itself, by its service account."""

    kind: ClassVar[str] = "inCluster"


@dataclass(frozen=True)
class KubeconfigFile(_Kind):
    """By a kubeconfig on this machine, read anew for each connection."""

    kind: ClassVar[str] = "kubeconfigFile"
    path: str
    context: Optional[str] = None
    """The context in it; its current one when unset."""


@dataclass(frozen=True)
class KubeconfigCredential(_Kind):
    """By a credential of the kind ``kubeconfig``."""

    kind: ClassVar[str] = "kubeconfig"
    credential: str
    context: Optional[str] = None
    """The context in it, before the one that the credential names."""


@dataclass(frozen=True)
class ApiServer(_Kind):
    """By the address of the API server and a credential: a token or a client certificate."""

    kind: ClassVar[str] = "server"
    server: str
    """Its address, such as ``https://10.0.0.1:6443``."""
    credential: str
    trust: Optional[Union[SystemTrust, AuthorityTrust, Unverified]] = None
    """How the server proves who it is. The machine's certificates when unset."""


ClusterAccess = Union[InCluster, KubeconfigFile, KubeconfigCredential, ApiServer]
"""How the API server of a cluster is reached. Secrets are in the credential that it names."""


@dataclass(frozen=True)
class StoredCluster(Record):
    """A cluster that the engine keeps."""

    name: str
    namespace: str
    """Where Windlass makes its pods, and where objects go that name no namespace."""
    added_by: str
    access: Mapping[str, Any] = field(default_factory=dict)
    """How it is reached, as JSON has it."""
    added: Optional[datetime] = read(lambda added: moment(added["wall"]))


@dataclass(frozen=True)
class ClusterHealth(Record):
    """What a cluster says about itself."""

    server: str
    version: str
    failing: tuple[str, ...] = each(str)
    """The checks that fail; empty when it is well."""


@dataclass(frozen=True)
class ClusterStatus(StoredCluster):
    """A cluster with its answer, or with why it gave none."""

    server: Optional[str] = None
    """The address of its API server, also when that does not answer."""
    health: Optional[ClusterHealth] = read(ClusterHealth.of)
    cause: Optional[Cause] = read(Cause.of)


@dataclass(frozen=True)
class Right(Record):
    """Something that Windlass does with objects of a kind."""

    group: str
    resource: str
    purpose: str
    verbs: tuple[str, ...] = each(str)


@dataclass(frozen=True)
class RightCheck(Record):
    """A right with what is missing of it."""

    right: Right = field(metadata={"of": Right.of})
    missing: tuple[str, ...] = each(str)
    """The verbs that are not allowed."""


@dataclass(frozen=True)
class DeployedObject(Record):
    """What became of an object."""

    object: str
    """What it is called, such as ``Deployment web/shop``."""
    outcome: Literal["created", "changed", "unchanged", "replaced", "deleted"]


@dataclass(frozen=True)
class FieldChange(Record):
    """One field that would be another one. Values of secrets are ``***``."""

    path: str
    before: Any = None
    after: Any = None


@dataclass(frozen=True)
class ObjectPreview(Record):
    """What would become of an object."""

    object: str
    action: Literal["create", "change", "keep", "delete"]
    changes: tuple[FieldChange, ...] = each(FieldChange.of)


@dataclass(frozen=True)
class RolloutState(Record):
    """How far a rollout is."""

    state: Literal["done", "going", "failed"]
    message: Optional[str] = None
    """How far, or why not; ``None`` when it is done."""


@dataclass(frozen=True)
class Revision(Record):
    """A revision that a workload had."""

    number: int
    current: bool
    """Whether it is the one that is wanted now."""
    images: tuple[str, ...] = each(str)
    made: Optional[datetime] = read(moment)
    cause: Optional[str] = None
    """Why, by the annotation ``kubernetes.io/change-cause``."""
