"""Threads, forks, children, signals."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import windlass
from windlass import Pipeline, Stage, Task, sync

HELLO = Pipeline("hello", stages=[Stage("Test", tasks=[Task.script("unit", "echo fine")])])


def in_a_child(data_dir: str) -> str:
    with sync.Engine.open(data_dir=data_dir) as engine:
        run = engine.start(HELLO)
        run.wait()
        return run.logs("unit")


def test_a_spawned_child_has_an_engine_of_its_own(data_dir: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(in_a_child, (str(data_dir),)) == "fine\n"


def answer_of_fork(work: object) -> tuple[int, str]:
    """What a forked child says, and its exit status. A child that hangs is ended."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        try:
            text = work()  # type: ignore[operator]
        except BaseException as error:
            text = f"{type(error).__name__}: {getattr(error, 'code', error)}"
        os.write(write, str(text).encode())
        os._exit(0)
    os.close(write)
    timer = threading.Timer(60, os.kill, (child, signal.SIGKILL))
    timer.start()
    with open(read) as file:
        text = file.read()
    _, status = os.waitpid(child, 0)
    timer.cancel()
    return status, text


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_neither_hangs_nor_shares_what_is_its_parents(data_dir: Path, tmp_path: Path) -> None:
    with sync.Engine.open(data_dir=data_dir) as engine:
        run = engine.start(HELLO)
        events = run.events()
        run.wait()

        assert answer_of_fork(engine.runs) == (0, "ConflictError: forkedHandle")
        assert answer_of_fork(run.wait) == (0, "ConflictError: forkedHandle")
        assert answer_of_fork(lambda: next(events)) == (0, "ConflictError: forkedHandle")
        # It can have an engine of its own, elsewhere.
        assert answer_of_fork(lambda: in_a_child(str(tmp_path / "child"))) == (0, "fine\n")

        # And its end took nothing from the parent.
        assert engine.start(HELLO).wait().succeeded
        assert sync.Control.connect(data_dir).status().pid == os.getpid()
    with sync.Engine.open(data_dir=data_dir) as again:
        assert len(again.runs()) == 2


def test_threads_share_an_engine(data_dir: Path) -> None:
    with sync.Engine.open(data_dir=data_dir) as engine:
        outcomes: list[bool] = []
        threads = [threading.Thread(target=lambda: outcomes.append(engine.start(HELLO).wait().succeeded)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert outcomes == [True] * 8


def test_other_threads_work_while_one_waits(data_dir: Path, tmp_path: Path) -> None:
    script = f'while [ ! -e "{tmp_path}/open" ]; do sleep 0.05; done'
    with sync.Engine.open(data_dir=data_dir) as engine:
        run = engine.start(Pipeline("gated", stages=[Stage("S", tasks=[Task.script("wait", script)])]))
        done = threading.Event()
        waiting = threading.Thread(target=lambda: (run.wait(), done.set()))
        waiting.start()
        # This thread goes on, and lets the other one go.
        assert not done.is_set()
        (tmp_path / "open").touch()
        waiting.join()
        assert done.is_set()


@pytest.mark.parametrize("how", ["sync", "asyncio"])
def test_ctrl_c_ends_a_wait_at_once_and_leaves_the_run(how: str, data_dir: Path) -> None:
    program = {
        "sync": "from windlass import sync\nwith sync.Engine.open(data_dir=DIR) as engine:\n"
        "    run = engine.start(PIPELINE)\n    print('started', flush=True)\n    run.wait()\n",
        "asyncio": "import asyncio\nasync def main():\n"
        "    async with await windlass.Engine.open(data_dir=DIR) as engine:\n"
        "        run = await engine.start(PIPELINE)\n        print('started', flush=True)\n        await run.wait()\n"
        "asyncio.run(main())\n",
    }[how]
    setup = (
        "import windlass\nfrom windlass import Pipeline, Stage, Task\n"
        f"DIR = {str(data_dir)!r}\n"
        "PIPELINE = Pipeline('long', stages=[Stage('S', tasks=[Task.script('sleep', 'sleep 600')])])\n"
    )
    child = subprocess.Popen([sys.executable, "-c", setup + program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "started\n"
    time.sleep(0.2)  # it is waiting by now, or will be: either way it is told
    child.send_signal(signal.SIGINT)
    _, complaint = child.communicate(timeout=60)
    assert "KeyboardInterrupt" in complaint
    with sync.Engine.open(data_dir=data_dir) as engine:
        run = engine.find("latest")
        assert run.status() == "running"
        run.cancel("test")
        assert run.wait().status == "cancelled"


def test_the_command_is_the_same_program(tmp_path: Path) -> None:
    (tmp_path / "hello.yaml").write_text("name: hello\nstages: [{name: S, tasks: [{name: t, script: echo hi; exit 1}]}]\n")
    script = Path(sys.executable).parent / "windlass"
    for command in ([str(script)], [sys.executable, "-m", "windlass"]):
        run = subprocess.run([*command, "run", "hello.yaml"], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (run.returncode, "hi" in run.stdout) == (1, True), run
        wrong = subprocess.run([*command, "run", "nothing.yaml"], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert wrong.returncode == 2
    version = subprocess.run([str(script), "--version"], capture_output=True, text=True, check=True)
    assert version.stdout == f"windlass {windlass.__version__}\n"
