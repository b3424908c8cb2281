"""What the types refuse. Each line that ends in `# wrong` has a mistake, and no other line has."""

import windlass
from windlass import Parameter, Pipeline, Retry, Stage, Task, sync

Pipeline("p", stages=["Test"])  # wrong
Pipeline(name=5)  # wrong
Stage("S", order="side by side")  # wrong
Task.script("unit")  # wrong
Task.script("unit", "make", tiemout="5m")  # wrong
Task.script("unit", "make", retry=3)  # wrong
Task.script("unit", "make", timeout=5)  # wrong
Retry(3, on=["sometimes"])  # wrong
Parameter("A", choices=[1])  # wrong
Task.checkout("get", "https://example.com/x.git", depth="all")  # wrong
windlass.KubernetesExecutor()  # wrong
windlass.KubernetesExecutor("prod", tolerations=[("key", "ci")])  # wrong
windlass.DockerExecutor(policy=windlass.ContainerPolicy(hardend=True))  # wrong
windlass.Told("a step", "a line")  # wrong


async def wrong(engine: windlass.Engine) -> None:
    await engine.start("hello")  # wrong
    await engine.start(Pipeline("p"), parameters={"A": 1})  # wrong
    await engine.start(Pipeline("p"), paramters={"A": "1"})  # wrong
    run = await engine.start(Pipeline("p"))
    for event in run.events():  # wrong
        print(event)
    async for event in run.events():
        if isinstance(event, windlass.Log):
            print(event.text, event.offset + 1)
            print(event.exit_code)  # wrong
    summary = await run.wait()
    number: str = summary.number  # wrong
    print(number, summary.status == "succeeded")
    await run.retry("again")  # wrong
    await engine.runs(status=["done"])  # wrong
    await engine.shutdown("now")  # wrong


def also_wrong(engine: sync.Engine) -> None:
    run = engine.start(Pipeline("p"))
    count: int = run.logs("t")  # wrong
    print(count)
