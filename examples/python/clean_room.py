"""An executor of one's own: each step runs with nothing but what its task says, and `sh`.

python clean_room.py
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import tempfile
from pathlib import Path

from windlass import Pipeline, SimpleExecutor, Stage, StepContext, StepEnd, StepSpec, Task, sync


async def hand_on(process: asyncio.subprocess.Process, context: StepContext) -> None:
    """Hands the output of a process on to its end."""
    assert process.stdout is not None
    while piece := await process.stdout.read(65536):
        context.log(piece)


class CleanRoom(SimpleExecutor):
    """Runs steps with `sh` on this machine, in an environment that holds only what the task says."""

    async def run(self, step: StepSpec, context: StepContext) -> StepEnd:
        """Runs the step, and hands its output on as it comes. When the step shall end, this is cancelled."""
        with tempfile.TemporaryDirectory() as folder:
            output, script = Path(folder, "output"), Path(folder, "script")
            output.touch()
            script.write_text(step.script or "")
            argv = ["sh", "-e", str(script)] if step.script is not None else list(step.program or ())
            env = {"PATH": os.defpath, "WORKSPACE": context.workspace, "WINDLASS_OUTPUT": str(output), **step.env}
            process = await asyncio.create_subprocess_exec(
                *argv,
                cwd=context.workspace,
                env=env,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                await hand_on(process, context)
            except asyncio.CancelledError:
                # In a group of its own, so that what the step started ends as well.
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGTERM)
                await hand_on(process, context)
            code = await process.wait()
            context.set_output(output.read_bytes() if output.exists() else b"")
            return StepEnd(signal=-code) if code < 0 else StepEnd(code=code)


def main() -> int:
    count = 'echo "COUNT=$(env | wc -l)" >> "$WINDLASS_OUTPUT"'
    pipeline = Pipeline(
        "clean",
        executor="clean-room",
        stages=[
            Stage(
                "Look",
                tasks=[
                    Task.script("look", "env | sort; echo 'made here' > file"),
                    Task.script("count", count, outputs=["COUNT"]),
                    Task.script("tell", 'cat file; echo "$SEEN variables"', env={"SEEN": "${count.COUNT}"}),
                ],
            )
        ],
    )
    executors = {"clean-room": CleanRoom()}
    with (
        tempfile.TemporaryDirectory() as data_dir,
        sync.Engine.open(data_dir=data_dir, executors=executors) as engine,
    ):
        run = engine.start(pipeline)
        outcome = run.wait()
        for task in ("look", "tell"):
            print(run.logs(task), end="")
        return 0 if outcome.succeeded else 1


if __name__ == "__main__":
    sys.exit(main())
