"""The document: a pipeline with all that is in it, as typed classes that write exactly its JSON."""

from __future__ import annotations

from .actions import (
    Action,
    Approve,
    BuildImage,
    Checkout,
    Custom,
    DeployChart,
    DeployManifests,
    PublishChart,
    RunJob,
    Script,
    SyncFiles,
    Transfer,
)
from .container import ContainerOptions, HealthCheck, Service, VolumeMount
from .node import Duration
from .parts import (
    Artifact,
    Cache,
    Concurrency,
    EventTrigger,
    Monthly,
    Parameter,
    Quantities,
    Reports,
    Resources,
    Retry,
    Schedule,
    ScheduleTrigger,
    SecretVariable,
    Trigger,
    Weekly,
)
from .pipeline import Pipeline, Stage
from .task import Task, TaskOptions

__all__ = [
    "Action",
    "Approve",
    "Artifact",
    "BuildImage",
    "Cache",
    "Checkout",
    "Concurrency",
    "ContainerOptions",
    "Custom",
    "DeployChart",
    "DeployManifests",
    "Duration",
    "EventTrigger",
    "HealthCheck",
    "Monthly",
    "Parameter",
    "Pipeline",
    "PublishChart",
    "Quantities",
    "Reports",
    "Resources",
    "Retry",
    "RunJob",
    "Schedule",
    "ScheduleTrigger",
    "Script",
    "SecretVariable",
    "Service",
    "Stage",
    "SyncFiles",
    "Task",
    "TaskOptions",
    "Transfer",
    "Trigger",
    "VolumeMount",
    "Weekly",
]
