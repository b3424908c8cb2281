"""Figures of the Python package, each beside its floor. Run with the installed release wheel, on a quiet machine:

python bindings-python/benches/figures.py [import] [timer] [events]
"""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import windlass
from windlass import Pipeline, Stage, Task


def import_time() -> None:
    """Medians of twenty processes: the import, and that of asyncio alone."""

    def median(statement: str) -> float:
        program = f"import time; t = time.perf_counter(); {statement}; print(time.perf_counter() - t)"
        times = [
            float(subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout)
            for _ in range(20)
        ]
        return sorted(times)[10] * 1000

    print(f"import windlass        {median('import windlass'):8.1f} ms")
    print(f"import asyncio (floor) {median('import asyncio'):8.1f} ms")
    native = Path(windlass._native.__file__ or "")
    print(f"native module          {native.stat().st_size / 1e6:8.1f} MB")


async def lateness(seconds: float, over: asyncio.Event) -> list[float]:
    """How late a timer of 10 ms is, in milliseconds."""
    late = []
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while loop.time() < until and not over.is_set():
        due = loop.time() + 0.010
        await asyncio.sleep(0.010)
        late.append((loop.time() - due) * 1000)
    return late


def shown(name: str, late: list[float]) -> None:
    late.sort()
    p50, p99 = late[len(late) // 2], late[int(len(late) * 0.99)]
    print(f"{name:34} {len(late):6} ticks, late by {p50:6.2f} ms median, {p99:6.2f} ms p99, {late[-1]:6.2f} ms at most")


async def timer() -> None:
    """A timer of 10 ms beside a run that prints 1,000,000 lines, which the program follows to its end."""
    shown("idle (floor)", await lateness(2, asyncio.Event()))
    with tempfile.TemporaryDirectory() as folder:
        async with await windlass.Engine.open(data_dir=folder, control=False) as engine:
            script = "seq -f 'line %.0f of a long log, about a hundred bytes wide, as build tools print them all day and all night' 1 1000000"
            over = asyncio.Event()
            ticking = asyncio.ensure_future(lateness(600, over))
            start = time.perf_counter()
            run = await engine.start(Pipeline("p", stages=[Stage("S", tasks=[Task.script("t", script)])]))
            size = 0
            async for event in run.events():
                if isinstance(event, windlass.Log):
                    size += len(event.data)
            took = time.perf_counter() - start
            over.set()
            shown("following 1,000,000 lines", await ticking)
            print(f"{size / 1e6:.0f} MB followed in {took:.2f} s")


def memory() -> float:
    """What this process has in memory, in MiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


async def events() -> None:
    """100,000 events followed, ten times over: rate and memory. They are those of a few runs, followed again and again."""
    with tempfile.TemporaryDirectory() as folder:
        async with await windlass.Engine.open(data_dir=folder, control=False, max_tasks=8) as engine:
            tasks = [Task.script(f"t{at}", "true") for at in range(500)]
            run = await engine.start(Pipeline("p", stages=[Stage("S", order="parallel", tasks=tasks)]))
            await run.wait()
            for turn in range(10):
                start, count = time.perf_counter(), 0
                while count < 100_000:
                    async for _ in run.events():
                        count += 1
                gc.collect()
                took = time.perf_counter() - start
                print(f"turn {turn + 1:2}: {count / took:9.0f} events a second, {memory():6.1f} MiB", flush=True)


def main() -> None:
    wanted = sys.argv[1:] or ["import", "timer", "events"]
    if "import" in wanted:
        import_time()
    if "timer" in wanted:
        asyncio.run(timer())
    if "events" in wanted:
        asyncio.run(events())


if __name__ == "__main__":
    main()
