"""A pipeline's own unit test: no step is really started, and twenty hours pass in a moment."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from windlass.testing import PipelineTest, Script

RELEASE = str(Path(__file__).parent / "release.yaml")
BUILT = Script.succeeds().after(timedelta(minutes=10)).output("ARCHIVE", "release-2.tar")

Make = Callable[[str], PipelineTest]


def test_what_was_built_is_rolled_out_after_a_yes(pipeline_test: Make) -> None:
    test = pipeline_test(RELEASE).parameter("VERSION", "2").task("build", BUILT)
    outcome = test.approve("sign-off", "ben", "looks good", after=timedelta(hours=20)).run()
    outcome.assert_succeeded().assert_order("build", "sign-off", "rollout")
    outcome.assert_task("rollout", env={"ARCHIVE": "release-2.tar"})
    assert outcome.took == timedelta(hours=20, minutes=10)


def test_nothing_is_rolled_out_after_a_no(pipeline_test: Make) -> None:
    outcome = pipeline_test(RELEASE).task("build", BUILT).reject("sign-off", "ben", "not on a Friday").run()
    outcome.assert_failed().assert_skipped("rollout")


def test_nobody_is_asked_about_a_build_that_failed(pipeline_test: Make) -> None:
    outcome = pipeline_test(RELEASE).task("build", Script.fails(1).log("error: no such file")).run()
    outcome.assert_failed().assert_task("build", failed_with="exitCode").assert_skipped("sign-off")
