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


def secret_files(folder: Path, context: StepContext) -> dict[str, str]:
    """Writes the step's secret files, which only it can read, and gives their variables. They go with the folder."""
    paths = {name: folder / f"secret-{name}" for name in context.secrets.files}
    for name, content in context.secrets.files.items():
        with open(os.open(paths[name], os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
    return {name: str(path) for name, path in paths.items()}


class CleanRoom(SimpleExecutor):
    """Runs steps with `sh` on this machine, in an environment that holds only what the task says."""

    async def run(self, step: StepSpec, context: StepContext) -> StepEnd:
        """Runs the step, and hands its output on as it comes. When the step shall end, this is cancelled."""
        with tempfile.TemporaryDirectory() as folder:
            output, script = Path(folder, "output"), Path(folder, "script")
            output.touch()
            script.write_text(step.script or "")
            argv = ["sh", "-e", str(script)] if step.script is not None else list(step.program or ())
            own = {"PATH": os.defpath, "WORKSPACE": context.workspace, "WINDLASS_OUTPUT": str(output)}
            env = {**own, **step.env, **context.secrets.env, **secret_files(Path(folder), context)}
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
