"""An executor in the whole form of the contract, as plain as it can be: steps are threads' subprocesses, all is in memory."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from windlass import Executor, ExecutorError, RunScope, StepEnd, StepExit, StepKey, StepSpec, sync


@dataclass
class Step:
    """A step that was started, or stopped before it was."""

    process: subprocess.Popen[bytes] | None
    log: bytearray = field(default_factory=bytearray)
    over: threading.Event = field(default_factory=threading.Event)
    end: StepEnd = StepEnd(code=0)


class PlainExecutor(Executor):
    """Runs `sh` in a folder for each run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.steps: dict[StepKey, Step] = {}
        self.calls: list[str] = []
        self.lock = threading.Lock()

    def workspace(self, run: str) -> Path:
        return self.folder / run

    def prepare(self, scope: RunScope) -> None:
        self.calls.append("prepare")
        folder = self.workspace(scope.run)
        if scope.existing and not folder.is_dir():
            raise ExecutorError("workspaceLost", "workspaceLost", f"there is no folder {folder}")
        folder.mkdir(parents=True, exist_ok=True)

    def start(self, step: StepSpec) -> None:
        with self.lock:
            if step.key in self.steps:
                return
            env = {"PATH": os.environ["PATH"], **step.env}
            process = subprocess.Popen(
                ["sh", "-ec", step.script or "true"],
                cwd=self.workspace(step.key.run),
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
            self.steps[step.key] = Step(process)
        threading.Thread(target=self._follow, args=(self.steps[step.key],), daemon=True).start()

    def _follow(self, step: Step) -> None:
        assert step.process is not None
        assert step.process.stdout is not None
        with step.process.stdout as output:
            for line in output:
                step.log += line
        code = step.process.wait()
        step.end = StepEnd(signal=-code) if code < 0 else StepEnd(code=code)
        step.over.set()

    def _step(self, key: StepKey) -> Step:
        step = self.steps.get(key)
        if step is None:
            raise ExecutorError("lost", "lost", "this process did not start it")
        if step.process is None:
            raise ExecutorError("neverStarted", "neverStarted", "it was stopped before")
        return step

    async def wait(self, step: StepKey) -> StepExit:
        import asyncio  # noqa: PLC0415

        found = self._step(step)
        await asyncio.to_thread(found.over.wait)
        return StepExit(found.end, len(found.log))

    def logs(self, step: StepKey, start: int) -> Iterator[tuple[int, bytes]]:
        found = self._step(step)
        while True:
            over = found.over.wait(0.02)
            piece = bytes(found.log[start:])
            if piece:
                yield start, piece
                start += len(piece)
            elif over:
                return

    def stop(self, step: StepKey, grace_ms: int) -> None:
        with self.lock:
            found = self.steps.setdefault(step, Step(None))
        if found.process is not None:
            found.process.terminate()
            if not found.over.wait(grace_ms / 1000):
                found.process.kill()
                found.over.wait()

    def read(self, run: str, path: str) -> Iterator[bytes]:
        target = self.workspace(run) / path
        if not target.exists():
            raise ExecutorError("notFound", "notFound", f"there is no {path}")
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            tar.add(target, arcname=target.name)
        yield archive.getvalue()

    def write(self, run: str, path: str, tar: sync.TarPieces) -> None:  # type: ignore[override]
        archive = io.BytesIO(b"".join(tar))
        with tarfile.open(fileobj=archive) as opened:
            opened.extractall(self.workspace(run) / path, filter="data")

    def forget(self, step: StepKey) -> None:
        self.calls.append("forget")

    def release(self, run: str) -> None:
        self.calls.append("release")
        shutil.rmtree(self.workspace(run), ignore_errors=True)

    def sweep(self, keep: Sequence[str]) -> Sequence[str]:
        self.calls.append("sweep")
        return []
