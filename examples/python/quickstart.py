"""The quickstart: a pipeline, a run of it, and what happens.

python quickstart.py
"""

from __future__ import annotations

import asyncio
import sys
import tempfile

import windlass
from windlass import Parameter, Pipeline, Stage, Task

HELLO = Pipeline(
    "hello",
    parameters=[Parameter("GREETING", dynamic=True, default="hello")],
    stages=[
        Stage(
            "Test",
            order="parallel",
            tasks=[
                Task.script("unit", 'echo "$GREETING from a $SIZE test"', matrix={"SIZE": ["small", "large"]}),
                Task.script("lint", "true"),
            ],
        )
    ],
    finally_=[Task.script("report", 'echo "the run $WINDLASS_STATUS"')],
)


async def main() -> int:
    with tempfile.TemporaryDirectory() as data_dir:
        async with await windlass.Engine.open(data_dir=data_dir) as engine:
            run = await engine.start(HELLO, parameters={"GREETING": "hi"})
            async for event in run.events():
                print(event)
            outcome = await run.wait()
            print(await run.logs("report"), end="")
            return 0 if outcome.succeeded else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
