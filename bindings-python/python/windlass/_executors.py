"""The executors that come with Windlass, and where images are built."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike, fspath
from typing import Any, ClassVar, Optional, Union

from ._document.node import Duration, camel, plain


@dataclass(frozen=True)
class _Options:
    kind: ClassVar[str] = ""

    def to_dict(self) -> dict[str, Any]:
        """The values of its JSON: only what was said."""
        return {camel(name): _written(value, camel(name)) for name, value in vars(self).items() if value is not None}

    @property
    def about(self) -> str:
        """Its JSON, for the core."""
        return json.dumps(self.to_dict())


def _written(value: Any, path: str) -> Any:
    if isinstance(value, PathLike):
        return fspath(value)
    if isinstance(value, (list, tuple)):
        return [_written(item, path) for item in value]
    if isinstance(value, Mapping):
        return {name: _written(item, path) for name, item in value.items()}
    return value.to_dict() if isinstance(value, _Options) else plain(value, path)


Path = Union[str, "PathLike[str]"]


@dataclass(frozen=True)
class KnownExecutor(_Options):
    """An executor that comes with Windlass."""


@dataclass(frozen=True)
class LocalExecutor(KnownExecutor):
    """Runs steps as processes of this machine."""

    kind: ClassVar[str] = "local"
    pass_env: Optional[Sequence[str]] = None
    """Variables of this process that steps get beside ``PATH`` and ``HOME``. Never secrets."""


@dataclass(frozen=True)
class ContainerPolicy(_Options):
    """What definitions may ask of containers. What is not allowed is refused before anything starts."""

    hardened: Optional[bool] = None
    """No capabilities at all, and a user that is not root."""
    privileged: Optional[bool] = None
    """Lets tasks and services be privileged: as good as root on the host."""
    docker_in_docker: Optional[bool] = None
    """Lets ``services`` be privileged, which a Docker engine in a container needs."""
    host_network: Optional[bool] = None
    """Lets containers use the host's network as it is."""
    host_paths: Optional[Sequence[Path]] = None
    """Paths of the host that may be mounted, with what is below them."""
    devices: Optional[Sequence[str]] = None
    """Devices of the host, such as ``/dev/kvm``."""
    capabilities: Optional[Sequence[str]] = None
    """Capabilities, such as ``SYS_PTRACE``."""
    networks: Optional[Sequence[str]] = None
    """Networks of the engine."""
    volumes: Optional[Sequence[str]] = None
    """Volumes of the engine."""
    pids: Optional[int] = None
    """How many processes a container may have; 4096 when unset."""
    memory_bytes: Optional[int] = None
    """How many bytes of memory a container may take whose task sets no limit; 8 GiB when unset."""


@dataclass(frozen=True)
class RegistryLogin(_Options):
    """A user at a registry."""

    user: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class DockerExecutor(KnownExecutor):
    """Runs steps in containers of a Docker engine. Nothing is asked of it before the first run."""

    kind: ClassVar[str] = "docker"
    endpoint: Optional[str] = None
    """``unix:///path/of/a/socket``, ``npipe:////./pipe/NAME`` or ``tcp://HOST:PORT``. What the environment says (``DOCKER_HOST``) when unset."""
    certificates: Optional[Path] = None
    """The folder with ``ca.pem``, ``cert.pem`` and ``key.pem``, for TLS."""
    helper: Optional[str] = None
    """An image with a static busybox, or the absolute path of one."""
    policy: Optional[ContainerPolicy] = None
    """What definitions may ask of containers."""
    logins: Optional[Mapping[str, RegistryLogin]] = None
    """Who one is at registries, by their host and port."""


@dataclass(frozen=True)
class KubernetesExecutor(KnownExecutor):
    """Runs steps in pods of a cluster that the engine keeps (``engine.clusters``). Nothing is asked of it before the first run."""

    kind: ClassVar[str] = "kubernetes"
    cluster: str
    """The name of the cluster. It may be added after the opening."""
    policy: Optional[ContainerPolicy] = None
    """What definitions may ask of containers."""
    helper: Optional[str] = None
    """An image with a static ``/bin/busybox``. What ``WINDLASS_HELPER`` names, or ``busybox``, when unset."""
    pull_secrets: Optional[Sequence[str]] = None
    """Secrets of the namespace by which images are pulled, of the type ``kubernetes.io/dockerconfigjson``."""
    node_selector: Optional[Mapping[str, str]] = None
    """Only nodes with these labels."""
    service_account: Optional[str] = None
    """The service account of the pods. Its token is not given to them."""
    tolerations: Optional[Sequence[Mapping[str, Any]]] = None
    """Tolerations, as a pod has them."""
    affinity: Optional[Mapping[str, Any]] = None
    """What the pods want of nodes and of other pods, as a pod has it."""
    template: Optional[Mapping[str, Any]] = None
    """A pod, as its JSON has it, that is laid over every pod: objects are merged, lists are appended to. No policy looks at it."""


@dataclass(frozen=True)
class ImageBuilder(_Options):
    """Where ``buildImage`` builds images."""

    endpoint: Optional[str] = None
    """``unix:///path/of/a/socket``, ``npipe:////./pipe/NAME`` or ``tcp://HOST:PORT``. What the environment says (``DOCKER_HOST``) when unset."""
    certificates: Optional[Path] = None
    """The folder with ``ca.pem``, ``cert.pem`` and ``key.pem``, for TLS."""
    registry_certificates: Optional[Sequence[Path]] = None
    """Folders with the certificates of registries' authorities, as Docker's ``certs.d``."""
    patience: Optional[Duration] = None
    """How long a push may go without a sign of life before it is tried again. Two minutes when unset."""


@dataclass(frozen=True)
class S3(_Options):
    """A bucket of S3, or of a service that speaks its language."""

    bucket: str
    access_key: str
    secret_key: str = field(repr=False)
    region: Optional[str] = None
    """``us-east-1`` when unset."""
    endpoint: Optional[str] = None
    """The address of a service other than AWS."""
    session_token: Optional[str] = field(default=None, repr=False)
    prefix: Optional[str] = None
    """Below which names everything is kept. Every engine needs a prefix or a bucket of its own."""
    authorities: Optional[str] = None
    """Certificates in PEM of authorities that are trusted beside those of the machine."""
    patience: Optional[Duration] = None
    """How long a request is sent again while the service does not answer. Three minutes when unset."""


@dataclass(frozen=True)
class ArchiveLimits(_Options):
    """How much an archive may hold."""

    entries: Optional[int] = None
    """Files, folders and links. 500,000 when unset."""
    bytes: Optional[int] = None
    """The sizes of all files together. 8 GiB when unset."""
    ratio: Optional[int] = None
    """How many bytes may come out of one byte of the archive. 200 when unset."""


@dataclass(frozen=True)
class Keeping(_Options):
    """How much of caches and artifacts is kept, and how much one of them may hold."""

    cache_bytes: Optional[int] = None
    """All caches together, in bytes as they are stored. 10 GiB when unset."""
    keep_artifacts: Optional[Duration] = None
    """How long artifacts are kept that do not say it themselves; as long as their run when unset."""
    default_branches: Optional[Sequence[str]] = None
    """The branches whose caches runs of all other branches may read as well. ``main`` and ``master`` when unset."""
    cache: Optional[ArchiveLimits] = None
    """What one cache may hold."""
    artifact: Optional[ArchiveLimits] = None
    """What one artifact may hold."""


@dataclass(frozen=True)
class KeyFile:
    """A file that only its owner can read, with the master key in base64. It is made when it is not there."""

    path: Path

    def to_dict(self) -> dict[str, Any]:
        """The values of its JSON."""
        return {"file": fspath(self.path)}


@dataclass(frozen=True)
class KeyVariable:
    """An environment variable of this process with the master key in base64."""

    name: str

    def to_dict(self) -> dict[str, Any]:
        """The values of its JSON."""
        return {"environment": self.name}


def blobs(place: Union[Path, S3, None]) -> Optional[dict[str, Any]]:
    """Where caches and artifacts are kept, as JSON has it."""
    if place is None:
        return None
    return {"s3": place.to_dict()} if isinstance(place, S3) else {"folder": fspath(place)}
