"""An executor in the whole form of the contract, as plain as it can be: steps are processes of this one, and all is in memory."""

from __future__ import annotations

import asyncio
import io
import os
import shutil
import signal
import subprocess
import tarfile
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from windlass import Executor, ExecutorError, RunScope, StepEnd, StepExit, StepKey, StepSecrets, StepSpec, sync

LONGEST_OUTPUT = 1 << 20


@dataclass
class Step:
    """A step that was started, or stopped before it was."""

    process: subprocess.Popen[bytes] | None
    folder: Path | None = None
    log: bytearray = field(default_factory=bytearray)
    length: int = 0
    over: threading.Event = field(default_factory=threading.Event)
    end: StepEnd = field(default_factory=lambda: StepEnd(code=0))
    output: bytes = b""


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
        if scope.source is not None and not folder.exists():
            shutil.copytree(scope.source, folder, symlinks=True)
        folder.mkdir(parents=True, exist_ok=True)

    def start(self, step: StepSpec, secrets: StepSecrets) -> None:
        with self.lock:
            if step.key in self.steps:
                return
            if not self.workspace(step.key.run).is_dir():
                raise ExecutorError("workspaceLost", "workspaceLost", "the run has no workspace")
            own = Path(tempfile.mkdtemp(prefix="plain-"))
            self.steps[step.key] = Step(self._process(step, secrets, own), own)
        threading.Thread(target=self._follow, args=(self.steps[step.key],), daemon=True).start()

    def _process(self, step: StepSpec, secrets: StepSecrets, own: Path) -> subprocess.Popen[bytes]:
        workspace = self.workspace(step.key.run) if step.workspace == "shared" else own / "workspace"
        workspace.mkdir(parents=True, exist_ok=True)
        script, files = own / "script", {}
        script.write_text(step.script or "")
        for name, content in secrets.files.items():
            files[name] = str(own / name)
            with open(os.open(files[name], os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
                file.write(content)
        env = {"PATH": os.environ["PATH"], "HOME": str(workspace), **step.env, **secrets.env, **files}
        env |= {"WORKSPACE": str(workspace), "WINDLASS_OUTPUT": str(own / "output")}
        argv = [*(step.shell or "sh -e").split(), str(script)] if step.program is None else list(step.program)
        return subprocess.Popen(
            argv,
            cwd=workspace,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def _follow(self, step: Step) -> None:
        assert step.process is not None
        assert step.process.stdout is not None
        assert step.folder is not None
        reading = threading.Thread(target=self._read, args=(step,), daemon=True)
        reading.start()
        code = step.process.wait()
        # What it left in the background holds its output, and ends with it.
        with suppress(ProcessLookupError):
            os.killpg(step.process.pid, signal.SIGKILL)
        reading.join()
        step.end = StepEnd(signal=-code) if code < 0 else StepEnd(code=code)
        with suppress(FileNotFoundError):
            step.output = (step.folder / "output").read_bytes()[:LONGEST_OUTPUT]
        shutil.rmtree(step.folder, ignore_errors=True)
        step.over.set()

    def _read(self, step: Step) -> None:
        assert step.process is not None
        assert step.process.stdout is not None
        with step.process.stdout as output:
            while piece := os.read(output.fileno(), 65536):
                step.log += piece
                step.length += len(piece)

    def _step(self, key: StepKey) -> Step:
        step = self.steps.get(key)
        if step is None:
            raise ExecutorError("lost", "lost", "this process did not start it")
        if step.process is None:
            raise ExecutorError("neverStarted", "neverStarted", "it was stopped before")
        return step

    async def wait(self, step: StepKey) -> StepExit:
        found = self._step(step)
        while not found.over.is_set():  # noqa: ASYNC110 (the event is one of threads)
            await asyncio.sleep(0.01)
        return StepExit(found.end, found.length, found.output)

    def logs(self, step: StepKey, start: int) -> Iterator[tuple[int, bytes]]:
        found = self.steps.get(step)
        if found is None or found.process is None:
            return
        while True:
            over = found.over.wait(0.02)
            piece = bytes(found.log[start : start + 65536])
            if piece:
                yield start, piece
                start += len(piece)
            elif over:
                return

    def stop(self, step: StepKey, grace_ms: int) -> None:
        with self.lock:
            found = self.steps.setdefault(step, Step(None))
        if found.process is None or found.over.is_set():
            return
        with suppress(ProcessLookupError):
            os.killpg(found.process.pid, signal.SIGTERM)
        if not found.over.wait(grace_ms / 1000):
            with suppress(ProcessLookupError):
                os.killpg(found.process.pid, signal.SIGKILL)
            found.over.wait()

    def _inside(self, run: str, path: str) -> Path:
        if "\0" in path:
            raise ExecutorError("badStep", "badPath", "no file has such a name")
        workspace = self.workspace(run).resolve()
        target = (workspace / path).resolve()
        if not target.is_relative_to(workspace):
            raise ExecutorError("badStep", "outsideWorkspace", f"{path} leads out of the workspace")
        return target

    def read(self, run: str, path: str) -> Iterator[bytes]:
        target = self._inside(run, path)
        if not target.exists():
            raise ExecutorError("notFound", "notFound", f"there is no {path}")
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            for one in target.iterdir() if path == "." else [target]:
                tar.add(one, arcname=one.name)
        yield archive.getvalue()

    def write(self, run: str, path: str, tar: sync.TarPieces) -> None:  # type: ignore[override]
        archive = io.BytesIO(b"".join(tar))
        folder = self._inside(run, path)
        folder.mkdir(parents=True, exist_ok=True)
        with tarfile.open(fileobj=archive) as opened:
            try:
                opened.extractall(folder, filter="data")
            except tarfile.FilterError as error:
                raise ExecutorError("badStep", "badArchive", str(error)) from error

    def forget(self, step: StepKey) -> None:
        self.calls.append("forget")
        if step in self.steps:
            self.steps[step].log.clear()

    def release(self, run: str) -> None:
        self.calls.append("release")
        for key in [key for key in self.steps if key.run == run]:
            self.stop(key, 0)
            del self.steps[key]
        shutil.rmtree(self.workspace(run), ignore_errors=True)

    def sweep(self, keep: Sequence[str]) -> Sequence[str]:
        self.calls.append("sweep")
        there = [path.name for path in self.folder.iterdir()] if self.folder.is_dir() else []
        gone = [run for run in there if run not in keep]
        for run in gone:
            self.release(run)
        return gone
