"""What engines count and measure."""

from __future__ import annotations

import re
from pathlib import Path

from windlass import Metrics, Pipeline, Stage, Task, sync


def test_metrics_are_there_as_text(data_dir: Path) -> None:
    metrics = Metrics()
    with sync.Engine.open(data_dir=data_dir) as engine:
        engine.start(Pipeline("metered", stages=[Stage("S", tasks=[Task.script("t", "true")])])).wait()
        engine.shutdown("drain")
    text = metrics.text()
    assert sorted(sync.Metrics().text().splitlines()) == sorted(text.splitlines()), "there is one for the whole process"
    assert "# TYPE windlass_task_results counter\n" in text
    of_it = [line for line in text.splitlines() if 'cicd_pipeline_name="metered"' in line]
    assert any(re.fullmatch(r'windlass_task_results\{.*windlass_task_state="succeeded".*\} 1', line) for line in of_it), of_it
    done = r'cicd_pipeline_run_duration_count\{.*cicd_pipeline_result="success".*\} 1'
    assert any(re.fullmatch(done, line) for line in of_it), of_it
