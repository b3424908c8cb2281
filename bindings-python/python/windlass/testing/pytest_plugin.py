"""Fixtures for pytest, there wherever the package is installed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Union

import pytest

if TYPE_CHECKING:
    from .. import Pipeline, sync
    from .._sync.pipeline_test import PipelineTest


@pytest.fixture
def windlass_data_dir(tmp_path: Path) -> Path:
    """A data directory of the test's own."""
    return tmp_path / "windlass"


@pytest.fixture
def windlass_engine(windlass_data_dir: Path) -> Iterator[sync.Engine]:
    """An engine on a data directory of the test's own, with the local executor. It is closed after the test."""
    from .. import sync  # noqa: PLC0415

    with sync.Engine.open(data_dir=windlass_data_dir, control=False) as engine:
        yield engine


@pytest.fixture
def pipeline_test() -> Callable[[Union[Pipeline, str]], PipelineTest]:
    """Makes a test of a pipeline, or of the definition in a file: ``pipeline_test("ci.yaml").task(…).run()``."""
    from .._document import Pipeline  # noqa: PLC0415
    from .._sync.pipeline_test import PipelineTest  # noqa: PLC0415

    def make(pipeline: Union[Pipeline, str]) -> PipelineTest:
        return PipelineTest(pipeline) if isinstance(pipeline, Pipeline) else PipelineTest.from_file(pipeline)

    return make
