"""What an engine offers beside runs: artifacts, reports, reading, control, credentials, clusters, sources, registries, plans."""

from __future__ import annotations

import asyncio
import io
import os
import subprocess
import sys
import tarfile
from datetime import timedelta
from pathlib import Path
from typing import Union

import pytest
import windlass
from windlass import (
    Artifact,
    Commit,
    ContainerPolicy,
    Credential,
    DockerExecutor,
    Editor,
    KeyFile,
    KubeconfigFile,
    LocalExecutor,
    Pipeline,
    RegistryServer,
    Reports,
    SecretVariable,
    SimpleExecutor,
    Stage,
    StepContext,
    StepSpec,
    Task,
    Token,
    sync,
)

REPORT = (
    '<testsuite name="web"><testcase classname="test_web" name="test_home"><failure message="404">no page</failure></testcase>'
    '<testcase classname="test_web" name="test_login"/></testsuite>'
)


def one(*tasks: Task, parameters: tuple[windlass.Parameter, ...] = ()) -> Pipeline:
    return Pipeline("web", parameters=list(parameters) or None, stages=[Stage("Build", tasks=list(tasks))])


BUILDS = one(
    Task.script(
        "build",
        f"echo built && mkdir dist && echo one > dist/one.txt && printf '%s' '{REPORT}' > report.xml",
        artifacts=[Artifact("dist", ["dist/**"])],
        reports=Reports(junit=["report.xml"]),
    )
)


def test_artifacts_and_reports_of_a_run(data_dir: Path, tmp_path: Path) -> None:
    with sync.Engine.open(data_dir=data_dir) as engine:
        run = engine.start(BUILDS)
        summary = run.wait()
        task = summary.tasks[0]
        assert task.tests is not None
        assert (task.tests.tests, task.tests.failed) == (2, 1)
        assert [stored.name for stored in task.artifacts] == ["dist"]

        (artifact,) = run.artifacts()
        assert (artifact.name, artifact.task, artifact.run, artifact.files) == ("dist", "build", run.id, 1)
        archive = b"".join(run.artifact("dist"))
        assert len(archive) == artifact.size
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            assert "dist/one.txt" in [name.removeprefix("./") for name in tar.getnames()]
        run.unpack_artifact("dist", tmp_path / "out")
        assert (tmp_path / "out" / "dist" / "one.txt").read_text() == "one\n"

        report = run.test_report("build")
        assert report is not None
        assert (report.tests, report.failed, report.failures[0].name, report.failures[0].class_) == (
            2,
            1,
            "test_home",
            "test_web",
        )
        assert run.test_report("other") is None
        with pytest.raises(windlass.NotFoundError, match='the run has no artifact "dits"; it has "dist"') as caught:
            run.unpack_artifact("dits", tmp_path / "out")
        assert caught.value.code == "noSuchArtifact"


def test_reading_beside_the_engine(data_dir: Path, tmp_path: Path) -> None:
    async def main() -> None:
        async with await windlass.Engine.open(data_dir=data_dir) as engine:
            run = await engine.start(BUILDS, actor="ana")
            await run.wait()
            reader = windlass.Reader.open(data_dir)
            assert await reader.find("latest") == run.id
            assert [listing.actor for listing in await reader.runs(pipeline="web")] == ["ana"]
            assert (await reader.listing("web#1")).id == run.id
            assert await reader.summary(run.id) == await run.summary()
            assert [event.type async for event in reader.run_events("latest")][-1] == "runFinished"
            positions = [event.position async for event in reader.events()]
            # Some are kept for the engine itself and never shown.
            assert positions[-1] <= await reader.newest() == await engine.newest()
            assert [artifact.name for artifact in await reader.artifacts("latest")] == ["dist"]
            await reader.unpack_artifact("latest", "dist", tmp_path / "out", task="build")
            assert (tmp_path / "out" / "dist").is_dir()
            assert len(b"".join([piece async for piece in reader.artifact("latest", "dist")])) > 0
            report = await reader.test_report("latest", "build")
            assert report is not None
            assert report.failed == 1
            assert await reader.log("latest", "build") == await run.log("build")
            assert await reader.tail("latest", "build", 1) == await run.tail("build", 1)
            assert await reader.download("latest").text() == await run.download().text()
            (found,) = await reader.search_run("latest", "built", ignore_case=True)
            assert [found] == await run.search("BUILT", ignore_case=True)
            assert list((await reader.search("built", pipeline="web")).matches) == [found]
            assert await reader.search_run("latest", "built", after=found.cursor) == []
            await engine.pipelines.create(BUILDS, "ana")
            assert [entry.type for entry in await reader.audit(by="ana")] == ["pipelineCreated", "runRequested"]
            with pytest.raises(windlass.InvalidError) as caught:
                await reader.search_run("latest", "(", regex=True)
            assert caught.value.code == "badQuery"
            assert (await reader.credentials(), await reader.clusters()) == ((), ())
        with pytest.raises(windlass.NotFoundError):
            windlass.Reader.open(tmp_path / "nowhere")

    asyncio.run(main())


def test_control_of_an_engine_that_another_process_holds(data_dir: Path) -> None:
    holds = f"""
import sys
from windlass import Pipeline, Stage, Task, sync
with sync.Engine.open(data_dir={str(data_dir)!r}) as engine:
    run = engine.start(Pipeline("ask", stages=[Stage("S", tasks=[Task.approve("sign-off", "Ship?")])]))
    for event in run.events():
        if event.type == "approvalRequested":
            print("ready", flush=True)
        if event.type == "approvalDecided":
            print(event.by, event.decision, flush=True)
    sys.stdin.read()
"""
    child = subprocess.Popen([sys.executable, "-c", holds], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdin is not None
    with child, child.stdin:
        assert child.stdout.readline() == "ready\n"
        control = sync.Control.connect(data_dir)
        status = control.status()
        assert (status.pid, status.running, status.version) == (child.pid, 1, windlass.__version__)
        assert str(control.approve("latest", "sign-off", "ana", "looks good")) == "ask#1"
        assert child.stdout.readline() == "ana approved\n"
        assert control.set_credential("chat", Token("t0ken-t0ken"), "ana").created
        assert control.rotate_master_key("ana").credentials == 1
        with pytest.raises(windlass.WindlassError) as refused:
            control.add_cluster("prod", KubeconfigFile(str(data_dir / "nothing")), by="ana")
        assert refused.value.code == "badKubeconfig"
        with pytest.raises(windlass.NotFoundError) as refused:
            control.remove_cluster("prod", force=True)
        assert refused.value.code == "noSuchCluster"
        again = control.retry("ask#1", "asItWas", "ana")
        assert again.number == 2
        assert control.cancel(again.id, "ana", "not today").number == 2
        with pytest.raises(windlass.NotFoundError):
            control.cancel("ask#7")
        with pytest.raises(windlass.InvalidError) as caught:
            control.retry("latest", "fromStart")  # type: ignore[arg-type]
        assert caught.value.problems[0].path == "mode"
    with pytest.raises(windlass.NotFoundError) as nobody:
        sync.Control.connect(data_dir)
    assert nobody.value.code == "noEngine"


def test_credentials_are_tried_and_sealed_anew(data_dir: Path, tmp_path: Path) -> None:
    def door(name: str, credential: Credential, address: str) -> str:
        if address == "wrong":
            raise ValueError("the door is closed")
        assert isinstance(credential, Token)
        return f"{name} opens {address}"

    async def asynchronous(name: str, credential: Credential, address: str) -> str:
        await asyncio.sleep(0)
        return door(name, credential, address)

    key = KeyFile(tmp_path / "key")
    for test in (door, asynchronous):
        with sync.Engine.open(data_dir=data_dir, master_key=key, credential_tests={"ssh": test}) as engine:
            engine.credentials.set("team", Token("s3cret-t0ken"), "ana")
            assert engine.credentials.test("team", "ssh", "host:22") == "team opens host:22"
            with pytest.raises(windlass.InvalidError, match="the door is closed"):
                engine.credentials.test("team", "ssh", "wrong")
            before = engine.credentials.list()[0].key
            rotation = engine.credentials.rotate_master_key("ana")
            assert rotation.credentials == 1
            assert engine.credentials.list()[0].key == rotation.key != before
            assert engine.credentials.open("team") == Token("s3cret-t0ken")
    assert (tmp_path / "key").exists()
    assert not (data_dir / "master.key").exists()
    with pytest.raises(windlass.InvalidError) as caught:
        sync.Engine.open(data_dir=tmp_path / "other", credential_tests={"door": door})  # type: ignore[dict-item]
    assert caught.value.problems[0].path == "credentialTests"


def test_a_run_has_secrets_of_its_own(data_dir: Path) -> None:
    secret = SecretVariable("HOOK", "chat")
    with sync.Engine.open(data_dir=data_dir) as engine:
        pipeline = one(Task.script("tell", 'test "$HOOK" = s3cret-t0ken && echo "$HOOK"', secrets=[secret]))
        run = engine.start(pipeline, secrets={"chat": Token("s3cret-t0ken")}, fork=True)
        assert run.wait().succeeded
        assert "s3cret" not in run.logs("tell")


def test_what_a_run_would_do() -> None:
    text = """
name: p
parameters: [{name: TARGET, dynamic: true}]
concurrency: {group: "p-${TARGET}"}
stages:
  - {name: Test, order: parallel, tasks: [{name: unit, script: make, matrix: {PY: ["3.11", "3.12"]}, retry: {attempts: 2}}]}
  - {name: Ship, tasks: [{name: ask, approve: {}}]}
finally: [{name: tell, script: echo}]
"""
    pipeline = Pipeline.from_yaml(text)
    plan = windlass.plan(pipeline, parameters={"TARGET": "dev"}, commit=Commit(branch="main"))
    assert plan.concurrency is not None
    assert (plan.pipeline, plan.concurrency.group, plan.parameters) == ("p", "p-dev", {"TARGET": "dev"})
    assert [task.task for task in plan.stages[0].tasks] == ["unit[PY=3.11]", "unit[PY=3.12]"]
    assert (plan.stages[0].tasks[0].retry.attempts, plan.stages[1].tasks[0].after_stage) == (2, "Test")
    assert [task.name for task in plan.finally_] == ["tell"]
    with pytest.raises(windlass.InvalidError, match="TARGET"):
        windlass.plan(pipeline)


def test_an_editing_session() -> None:
    editor = Editor(Pipeline("web", stages=[Stage("Test", tasks=[Task.script("unit", "make test")])]))
    copied = editor.copy_task("unit")
    assert (copied.subject, copied.can_undo, copied.is_changed) == ({"task": "unit-2"}, True, True)
    edited = editor.edit_task("unit-2", Task.script("lint", "make lint", needs=["unti"]))
    assert [problem.path for problem in edited.problems] == ["stages[0].tasks[1].needs[0]"]
    assert editor.problems == edited.problems
    assert editor.undo().problems == ()
    assert editor.redo().definition == edited.definition
    editor.add_stage(Stage("Ship", order="parallel"), at={"after": "Test"})
    editor.add_task(Task.script("tell", "echo"))
    editor.move_stage("Ship", 0)
    assert [stage.name for stage in editor.definition.stages] == ["Ship", "Test"]
    assert not editor.reset().is_changed
    with pytest.raises(windlass.WindlassError, match="unti"):
        editor.delete_task("unti")


def test_executors_that_come_with_windlass(data_dir: Path, tmp_path: Path) -> None:
    os.environ["WINDLASS_TEST_PASSED"] = "it is here"
    docker = DockerExecutor(endpoint=f"unix://{tmp_path}/none", policy=ContainerPolicy(hardened=True, host_paths=[tmp_path]))
    executors: dict[str, Union[LocalExecutor, DockerExecutor, SimpleExecutor]] = {
        "here": LocalExecutor(pass_env=["WINDLASS_TEST_PASSED"]),
        "there": docker,
        "own": Silent(),
    }
    with sync.Engine.open(data_dir=data_dir, executors=executors) as engine:
        run = engine.start(one(Task.script("t", 'echo "$WINDLASS_TEST_PASSED"')))
        assert (run.wait().executor, run.logs("t")) == ("here", "it is here\n")
        capabilities = engine.capabilities("there")
        assert capabilities is not None
        assert capabilities.images
        lost = engine.start(one(Task.script("t", "true", image="busybox")), executor="there").wait()
        cause = lost.cause or lost.tasks[0].cause
        assert cause is not None, lost
        assert cause.code == "dockerUnreachable"
        assert engine.start(one(Task.script("t", "true")), executor="own").wait().succeeded
    wrong = DockerExecutor(endpoint="localhost:2375")
    with pytest.raises(windlass.InvalidError) as caught:
        sync.Engine.open(data_dir=data_dir, executors={"there": wrong})
    assert caught.value.problems[0].path == "endpoint"


class Silent(SimpleExecutor):
    def run(self, step: StepSpec, context: StepContext) -> int:
        return 0


def test_repositories_are_asked(data_dir: Path, tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    git = ["git", "-C", str(repository), "-c", "user.name=Ana", "-c", "user.email=ana@example.com"]
    subprocess.run(["git", "init", "--quiet", "--initial-branch", "main", repository], check=True)
    subprocess.run([*git, "commit", "--quiet", "--allow-empty", "--message", "Begin"], check=True)
    subprocess.run([*git, "tag", "v1"], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    with sync.Engine.open(data_dir=data_dir) as engine:
        refs = engine.sources.refs(str(repository))
        assert (refs.default, refs.branches, refs.tags) == ("main", {"main": head}, {"v1": head})
        engine.sources.test(str(repository))
        engine.sources.forget(str(repository))
        with pytest.raises(windlass.WindlassError) as caught:
            engine.sources.test(str(tmp_path / "nowhere"))
        assert caught.value.operation == "source"


def test_registries_that_cannot_be_reached(data_dir: Path) -> None:
    with sync.Engine.open(data_dir=data_dir) as engine:
        server = RegistryServer("127.0.0.1:9", insecure=True)
        with pytest.raises(windlass.WindlassError) as caught:
            engine.registries.test(server)
        assert caught.value.kind == "unavailable"
        with pytest.raises(windlass.WindlassError):
            engine.registries.tags(server, "team/web")


def test_an_engine_drains(data_dir: Path, tmp_path: Path) -> None:
    script = f'while [ ! -e "{tmp_path}/open" ]; do sleep 0.05; done'
    with sync.Engine.open(data_dir=data_dir) as engine:
        run = engine.start(one(Task.script("wait", script)))
        for event in run.events():
            if event.type == "attemptStarted":
                break
        assert engine.drain(timedelta(milliseconds=1)).left_running == (run.id,)
        (tmp_path / "open").touch()
        assert engine.drain().left_running == ()


def kubeconfig() -> Path:
    own = Path(os.environ.get("WINDLASS_TEST_CLUSTER", Path.home() / ".cache" / "windlass-test-cluster"))
    path = Path(os.environ.get("KUBECONFIG") or own / "run" / "admin.kubeconfig")
    assert path.exists(), "this test needs a Kubernetes cluster: run tests/cluster/up (Linux, as root), or set KUBECONFIG"
    return path


MANIFEST = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: ${REPLICAS}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {terminationGracePeriodSeconds: 0, containers: [{name: web, image: "127.0.0.1:15000/library/busybox:1", command: [sleep, "600"]}]}
"""


def test_deployment_to_a_cluster(data_dir: Path) -> None:
    async def main() -> None:
        async with await windlass.Engine.open(data_dir=data_dir) as engine:
            clusters = engine.clusters
            await clusters.add("lang", KubeconfigFile(str(kubeconfig())), namespace="windlass-python", by="ana")
            (status,) = await clusters.list()
            assert status.health is not None
            assert status.health.version.startswith("v1.")
            assert (status.added_by, status.namespace) == ("ana", "windlass-python")
            rights = await clusters.rights("lang")
            assert all(check.missing == () for check in rights)
            assert await clusters.missing_role("lang") is None
            assert "kind: Role" in await clusters.role("team", "ci")
            previews = await clusters.preview("lang", "web", MANIFEST, variables={"REPLICAS": "0"})
            assert [(preview.object, preview.action) for preview in previews] == [("Deployment windlass-python/web", "create")]
            done = await clusters.deploy("lang", "web", MANIFEST, variables={"REPLICAS": "0"})
            assert [one.outcome for one in done] == ["created"]
            web = clusters.workload("lang", "deployment/web")
            assert (await web.status()).state == "done"
            await web.wait(limit="1m")
            assert [revision.current for revision in await web.history()] == [True]
            await web.pause()
            assert (await web.status()).state == "going"
            await web.resume()
            await web.delete()
            with pytest.raises(windlass.NotFoundError) as caught:
                await web.status()
            assert caught.value.code == "notInCluster"
            with pytest.raises(windlass.InvalidError) as wrong:
                await clusters.workload("lang", "pod/web").status()
            assert wrong.value.problems[0].path == "workload"
            await clusters.remove("lang", by="ana")
            assert await clusters.stored() == ()

    asyncio.run(main())
