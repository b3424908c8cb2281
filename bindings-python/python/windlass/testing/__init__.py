"""For the tests of those who embed Windlass: scripted steps, virtual time, the contract of executors.

A fixture ``pipeline_test`` and a fixture ``windlass_engine`` come with the package for pytest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._conformance import conformance_cases, executor_conformance
from ._outcome import StepCall, TestOutcome
from ._script import Script

if TYPE_CHECKING:
    from .._aio.pipeline_test import PipelineTest as AsyncPipelineTest
    from .._sync.pipeline_test import PipelineTest

__all__ = [
    "AsyncPipelineTest",
    "PipelineTest",
    "Script",
    "StepCall",
    "TestOutcome",
    "conformance_cases",
    "executor_conformance",
]


def __getattr__(name: str) -> Any:
    # They need what stands above, so that they are found when they are asked for.
    if name == "PipelineTest":
        from .._sync.pipeline_test import PipelineTest  # noqa: PLC0415

        return PipelineTest
    if name == "AsyncPipelineTest":
        from .._aio.pipeline_test import PipelineTest as AsyncPipelineTest  # noqa: PLC0415

        return AsyncPipelineTest
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
