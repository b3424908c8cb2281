"""What a task may say of its container and of those beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Optional

from .node import Duration, Node, part

__all__ = ["ContainerOptions", "HealthCheck", "Service", "VolumeMount"]


@dataclass
class VolumeMount(Node):
    """A volume, or a folder of the host, in a container."""

    source: str
    """The volume's name, or a path of the host, which begins with ``/``."""
    target: str
    """Where it is in the container."""
    read_only: Optional[bool] = None
    """Whether nothing can be written there."""


@dataclass
class ContainerOptions(Node):
    """What a step's container has beside its image. Rights over the host are refused unless the executor's policy allows them."""

    user: Optional[str] = None
    """Who runs the step: a name or number, with a group behind a colon. Unset: whom the image names."""
    platform: Optional[str] = None
    """The platform of the image, such as ``linux/arm64``. That of the engine when unset."""
    pull: Optional[Literal["missing", "always", "never"]] = None
    """When the image is fetched. ``missing`` when unset."""
    credential: Optional[str] = None
    """The credential with which the image is fetched, for a private one. Unset: whom the embedder or ``docker login`` names."""
    working_folder: Optional[str] = None
    """The folder in which the step begins: absolute, or below the workspace. The workspace when unset."""
    entrypoint: Optional[Sequence[str]] = None
    """A program with arguments that gets the step as further arguments. An image's own entrypoint is not run."""
    hosts: Optional[Mapping[str, str]] = None
    """Names of hosts with their addresses."""
    network: Optional[str] = None
    """The network of the engine that the container joins instead of the usual one. ``none`` is no network."""
    networks: Optional[Sequence[str]] = None
    """Further networks of the engine that the container joins."""
    volumes: Optional[Sequence[VolumeMount]] = part(VolumeMount)
    """Further volumes, and folders of the host."""
    devices: Optional[Sequence[str]] = None
    """Devices of the host, such as ``/dev/kvm``."""
    capabilities: Optional[Sequence[str]] = None
    """Capabilities beside the usual ones, such as ``SYS_PTRACE``."""
    privileged: Optional[bool] = None
    """Every right over the host."""


@dataclass
class HealthCheck(Node):
    """How one sees that a service is ready."""

    command: str
    """A shell command that succeeds, in the service's container, once it is ready."""
    interval: Optional[Duration] = None
    """The pause between two looks. One second when unset."""
    timeout: Optional[Duration] = None
    """How long it is waited for. Two minutes when unset."""


@dataclass
class Service(Node):
    """A container beside a step: ready before the step starts, and gone with it. The step reaches it at its name and ``localhost``."""

    name: str
    """The host name by which the step reaches it."""
    image: str
    """Its image."""
    credential: Optional[str] = None
    """The credential with which the image is fetched, for a private one."""
    command: Optional[Sequence[str]] = None
    """What it runs instead of the image's own command."""
    env: Optional[Mapping[str, str]] = None
    """Its environment."""
    health: Optional[HealthCheck] = part(HealthCheck)
    """How one sees that it is ready. Unset: as the image says, else at once."""
    privileged: Optional[bool] = None
    """Every right over the host, which a Docker engine in a container needs."""
