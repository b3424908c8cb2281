"""The programs that build the documents of `tests/fixtures/documents`."""

from __future__ import annotations

from windlass import (
    Artifact,
    Cache,
    Concurrency,
    ContainerOptions,
    EventTrigger,
    HealthCheck,
    Monthly,
    Parameter,
    Pipeline,
    Quantities,
    Reports,
    Resources,
    Retry,
    Schedule,
    ScheduleTrigger,
    SecretVariable,
    Service,
    Stage,
    Task,
    Transfer,
    VolumeMount,
    Weekly,
)


def hello() -> Pipeline:
    return Pipeline(
        "hello",
        stages=[
            Stage(
                "Test",
                order="parallel",
                tasks=[
                    Task.script("unit", "pytest", image="python:3.12"),
                    Task.script("lint", "ruff check"),
                ],
            )
        ],
    )


def defaults() -> Pipeline:
    return Pipeline(
        "defaults",
        concurrency=Concurrency("one"),
        stages=[
            Stage(
                "Only",
                tasks=[
                    Task.script("plain", "true", retry=Retry(2, on=["timeout", "failure", "infrastructure"]), timeout="1h 30m")
                ],
            ),
            Stage("Empty"),
        ],
    )


def everything() -> Pipeline:
    return Pipeline(
        "everything",
        description="Every field that a definition has",
        parameters=[
            Parameter("REGISTRY", value="127.0.0.1:5000"),
            Parameter("TARGET", dynamic=True, default="dev", choices=["dev", "prod"], description="Where it goes"),
        ],
        timeout="1h",
        concurrency=Concurrency("web-${TARGET}", limit=2, on_conflict="cancelOlder"),
        executor="local",
        triggers=[
            ScheduleTrigger(Schedule(every_minutes=30)),
            ScheduleTrigger(Schedule(every_hours=2, minute=28, time_zone="Europe/Berlin")),
            ScheduleTrigger(Schedule(daily="04:30")),
            ScheduleTrigger(Schedule(weekly=Weekly("friday", "18:00"))),
            ScheduleTrigger(Schedule(monthly=Monthly(31, "00:00"))),
            ScheduleTrigger(Schedule(cron="*/10 8-18 * * 1-5")),
            EventTrigger("push", branches=["main", "release/*"], paths=["src/**"]),
            EventTrigger("merge"),
            EventTrigger("tag"),
        ],
        env={"LEVEL": "info ${TARGET}"},
        keep_workspace="2h",
        stages=[_source(), _build(), _deploy()],
        finally_=[Task.script("report", 'echo "$WINDLASS_STATUS"', workspace="none")],
        finally_timeout="2m",
    )


def _source() -> Stage:
    checkout = Task.checkout(
        "checkout",
        "https://example.com/team/web.git",
        ref="main",
        credential="team-git",
        path="web",
        depth=1,
        submodules=True,
        ca_certificate="-----BEGIN CERTIFICATE-----",
        verify_certificate=False,
    )
    return Stage("Source", tasks=[checkout])


def _build() -> Stage:
    unit = Task.script(
        "unit",
        'pytest --junitxml=report.xml\necho "VERSION=1" >> "$WINDLASS_OUTPUT"\n',
        image="python:3.12",
        shell="bash -eo pipefail",
        env={"PYTHONDONTWRITEBYTECODE": "1"},
        outputs=["VERSION"],
        matrix={"PY": ["3.11", "3.12"], "OS": ["linux"]},
        when="params.TARGET != ''",
        needs=["checkout"],
        allow_failure=True,
        retry=Retry(3, on=["infrastructure", "lost"], backoff="10s", from_="checkout"),
        timeout="10m",
        grace="5s",
        executor="local",
        caches=[Cache("pip-${hash:requirements.txt}", [".cache/pip"], fallback_keys=["pip-"])],
        artifacts=[Artifact("dist", ["dist/**"], keep="7days", when="always")],
        reports=Reports(junit=["report.xml"], annotations=["lint.json"]),
        resources=Resources(requests=Quantities("500m", "256Mi"), limits=Quantities(memory="1Gi")),
        secrets=[SecretVariable("TOKEN", "team-token"), SecretVariable("KEY_FILE", "team-ssh", "privateKey", "file")],
        container=_container(),
        services=[_database()],
        isolation="task",
    )
    image = Task.build_image(
        "image",
        "${REGISTRY}/demo/web",
        context=".",
        dockerfile="Dockerfile",
        tags=["alpha-${BUILD_NUMBER}", "latest"],
        args={"PYTHON": "3.12"},
        labels={"team": "web"},
        target="release",
        credential="team-registry",
        pull_credentials=["base-registry"],
        push=False,
        no_cache=True,
        insecure=True,
    )
    return Stage("Build", order="parallel", when="TARGET == 'prod'", fail_fast=False, tasks=[unit, image])


def _container() -> ContainerOptions:
    return ContainerOptions(
        user="1000:1000",
        platform="linux/arm64",
        pull="always",
        credential="base-registry",
        working_folder="web",
        entrypoint=["tini", "--"],
        hosts={"db.example.com": "10.0.0.7"},
        network="ci",
        networks=["tools"],
        volumes=[VolumeMount("cargo", "/cargo", read_only=True)],
        devices=["/dev/kvm"],
        capabilities=["SYS_PTRACE"],
        privileged=True,
    )


def _database() -> Service:
    return Service(
        "db",
        "postgres:${PG:-17}",
        credential="base-registry",
        command=["postgres", "-F"],
        env={"POSTGRES_PASSWORD": "${TARGET}"},
        health=HealthCheck("pg_isready", interval="2s", timeout="1m"),
        privileged=True,
    )


def _deploy() -> Stage:
    return Stage(
        "Deploy",
        tasks=[
            Task.build_image("publish", "${REGISTRY}/demo/tool", archive="dist/tool.tar"),
            Task.approve("sign-off", "Ship ${BUILD_NUMBER}?", approvers=["ana", "ben"]),
            Task.deploy_manifests(
                "rollout",
                ["deploy/*.yaml"],
                cluster="prod",
                namespace="web",
                create_namespace=True,
                pull_credential="team-registry",
                wait="5m",
                substitute=False,
                rollback=True,
                prune=True,
                dry_run=True,
            ),
            Task.publish_chart(
                "chart",
                "chart",
                "oci://example.com/charts",
                chart="web",
                version="1.2.3",
                credential="team-registry",
            ),
            Task.deploy_chart(
                "release",
                "web",
                "web",
                repository="oci://example.com/charts",
                version="1.2.3",
                cluster="prod",
                namespace="web",
                values={"replicas": 2, "image": {"tag": "alpha-${BUILD_NUMBER}"}},
                values_files=["values.yaml"],
                credential="team-registry",
                wait="5m",
            ),
            Task.sync_files(
                "copy",
                "host.example.com",
                "team-ssh",
                port=2222,
                transfers=[Transfer(["dist/**"], exclude=["**/*.map"], strip_prefix="dist", to="/srv/web", clean=True)],
                commands=["systemctl restart web"],
                connect_timeout="30s",
            ),
            Task.run_job("migrate", path="deploy/migrate.yaml", cluster="prod", namespace="web"),
            Task.run_job("seed", manifest={"apiVersion": "batch/v1", "kind": "Job"}),
            Task.custom("notify", "notify", {"room": "ops", "tries": 3}),
        ],
    )


BUILT = {"hello": hello, "defaults": defaults, "everything": everything}
