"""For the tests of those who embed Windlass: scripted steps, virtual time, the contract of executors.

A fixture ``pipeline_test`` and a fixture ``windlass_engine`` come with the package for pytest.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._conformance import conformance_cases, executor_conformance
from ._outcome import StepCall, TestArtifact, TestOutcome
from ._script import Script
from ._scripted import ScriptedExecutor

if TYPE_CHECKING:
    from .._aio.pipeline_test import PipelineTest as AsyncPipelineTest
    from .._aio.virtual_clock import VirtualClock as AsyncVirtualClock
    from .._sync.pipeline_test import PipelineTest
    from .._sync.virtual_clock import VirtualClock

__all__ = [
    "AsyncPipelineTest",
    "AsyncVirtualClock",
    "PipelineTest",
    "Script",
    "ScriptedExecutor",
    "StepCall",
    "TestArtifact",
    "TestOutcome",
    "VirtualClock",
    "conformance_cases",
    "executor_conformance",
]

_LATER = {
    "PipelineTest": ("_sync.pipeline_test", "PipelineTest"),
    "AsyncPipelineTest": ("_aio.pipeline_test", "PipelineTest"),
    "VirtualClock": ("_sync.virtual_clock", "VirtualClock"),
    "AsyncVirtualClock": ("_aio.virtual_clock", "VirtualClock"),
}


def __getattr__(name: str) -> Any:
    # They need what stands above, so that they are found when they are asked for.
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, word = _LATER[name]
    return getattr(import_module(f"windlass.{module}"), word)
