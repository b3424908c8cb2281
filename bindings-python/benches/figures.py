"""Figures of the Python package, each beside its floor in the same process. ``scripts/figures`` calls it with the installed wheel:

python bindings-python/benches/figures.py [import] [loop] [events] [--quick]
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import windlass
from windlass import Pipeline, Stage, Task
from windlass.testing import AsyncVirtualClock, ScriptedExecutor

QUICK = "--quick" in sys.argv
LINES = 1000 if QUICK else 1_000_000


def row(*cells: str) -> None:
    print(f"| {' | '.join(cells)} |", flush=True)


def median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


def import_time() -> None:
    """Medians of processes: the import, and that of asyncio alone."""

    def took(statement: str) -> float:
        program = f"import time; t = time.perf_counter(); {statement}; print(time.perf_counter() - t)"
        command = [sys.executable, "-c", program]
        runs = range(3 if QUICK else 21)
        return median([float(subprocess.run(command, capture_output=True, text=True, check=True).stdout) for _ in runs]) * 1000

    floor, found = took("import asyncio"), took("import windlass")
    row("import windlass, Python", f"{floor:.1f} ms (import asyncio)", f"{found:.1f} ms")
    native = Path(windlass._native.__file__ or "")
    row("compiled core, Python", "", f"{native.stat().st_size / 1e6:.1f} MB")


async def lateness(work: Callable[[], Awaitable[None]]) -> str:
    """How late a timer of 10 ms is until the work is done: median, 99th percentile, worst."""
    loop = asyncio.get_running_loop()
    late: list[float] = []
    working = asyncio.ensure_future(work())
    while not working.done():
        due = loop.time() + 0.010
        await asyncio.sleep(0.010)
        late.append((loop.time() - due) * 1000)
    await working
    late.sort()
    p50, p99, worst = late[len(late) // 2], late[int(len(late) * 0.99)], late[-1]
    return f"{p50:.1f} ms, {p99:.1f} ms, {worst:.1f} ms"


async def loop() -> None:
    """A timer of 10 ms beside a run that prints 1,000,000 lines, which the program follows to its end."""

    async def rest() -> None:
        await asyncio.sleep(0.2 if QUICK else 2)

    idle = await lateness(rest)
    size = 0
    with tempfile.TemporaryDirectory() as folder:
        async with await windlass.Engine.open(data_dir=folder, control=False) as engine:

            async def follow() -> None:
                nonlocal size
                script = f'yes "$(printf "%0100d" 0)" | head -n {LINES}'
                run = await engine.start(Pipeline("p", stages=[Stage("S", tasks=[Task.script("t", script)])]))
                async for event in run.events():
                    if isinstance(event, windlass.Log):
                        size += len(event.data)
                await run.wait()

            start = time.perf_counter()
            busy = await lateness(follow)
            took = (time.perf_counter() - start) * 1000
    row(
        "lateness of a 10 ms timer: median, p99, worst, Python",
        f"{idle} (idle)",
        f"{busy} ({LINES} lines, {size} bytes of events in {took:.0f} ms)",
    )


def memory() -> float:
    """What this process has in memory, in MiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


async def events() -> None:
    """The 100,000 events of one run streamed, and the memory after each of ten such streams."""
    tasks, instances = (2, 2) if QUICK else (100, 250)
    clock = AsyncVirtualClock()
    matrix = {"A": [str(number) for number in range(instances)]}
    pipeline = Pipeline(
        "events",
        stages=[Stage("S", order="parallel", tasks=[Task.script(f"t{at}", "true", matrix=matrix) for at in range(tasks)])],
    )
    with tempfile.TemporaryDirectory() as folder:
        executors = {"scripted": ScriptedExecutor(clock, {})}
        engine = await windlass.Engine.open(data_dir=folder, executors=executors, clock=clock, max_tasks=1000, control=False)
        async with engine:
            run = await engine.start(pipeline)
            await run.wait()
            lines = [event.to_json() async for event in run.events()]

            def parse() -> float:
                start = time.perf_counter()
                for line in lines:
                    json.loads(line)
                return (time.perf_counter() - start) * 1000

            floor = median([parse() for _ in range(5)])
            times, held = [], []
            for _ in range(2 if QUICK else 10):
                start, count = time.perf_counter(), 0
                async for _event in run.events():
                    count += 1
                times.append((time.perf_counter() - start) * 1000)
                assert count == len(lines)
                gc.collect()
                held.append(f"{memory():.0f}")
    found = median(times)
    row(
        f"{len(lines)} events streamed, Python",
        f"{floor:.0f} ms (json.loads of their lines)",
        f"{found:.0f} ms, {len(lines) / found * 1000:.0f} events a second",
    )
    row("memory after each of ten such streams, Python", "", f"{', '.join(held)} MiB")


def main() -> None:
    named = [name for name in sys.argv[1:] if not name.startswith("--")] or ["import", "loop", "events"]
    if "import" in named:
        import_time()
    if "loop" in named:
        asyncio.run(loop())
    if "events" in named:
        asyncio.run(events())


if __name__ == "__main__":
    main()
