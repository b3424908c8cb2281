"""The typed classes have exactly the fields that the JSON Schema of definitions has, and those of events and summaries."""

from __future__ import annotations

import dataclasses
import json
import typing
from typing import Any

import pytest
import windlass
from conftest import FIXTURES
from windlass import _native, sync
from windlass._document.node import Node, camel
from windlass._events import _KINDS, OtherEvent, _event

SCHEMA: dict[str, Any] = json.loads(_native.schema())
PARTS = {name: part for name, part in SCHEMA["$defs"].items() if "properties" in part}
OPTIONS = {camel(name) for name in windlass.TaskOptions.__annotations__}
ACTIONS = set(PARTS["Task"]["properties"]) - OPTIONS - {"name"}


def words(kind: Any) -> list[str]:
    return [word for _, word, _ in kind._keys()]


def test_a_pipeline_has_the_fields_of_the_schema() -> None:
    assert sorted(words(windlass.Pipeline)) == sorted(SCHEMA["properties"])


@pytest.mark.parametrize("name", sorted(PARTS))
def test_every_part_has_the_fields_of_the_schema(name: str) -> None:
    kind = getattr(windlass, name)
    assert issubclass(kind, Node)
    wanted = set(PARTS[name]["properties"])
    found = set(words(kind))
    if name == "Task":
        # One field has what the document says under the key of the action.
        found = found - {"action"} | ACTIONS
    assert found == wanted


def test_the_actions_are_those_of_the_schema() -> None:
    named = {kind.__name__ for kind in typing.get_args(windlass._document.Action)}
    assert named == {word[0].upper() + word[1:] for word in ACTIONS}


def test_a_task_can_be_told_all_that_it_has() -> None:
    fields = {item.name for item in dataclasses.fields(windlass.Task)} - {"name", "action"}
    assert set(windlass.TaskOptions.__annotations__) == fields


@pytest.mark.parametrize("name", ["BuildImage", "Checkout", "DeployManifests", "DeployChart", "RunJob", "SyncFiles"])
def test_short_forms_take_all_that_an_action_has(name: str) -> None:
    maker = {"BuildImage": "build_image", "DeployManifests": "deploy_manifests", "DeployChart": "deploy_chart"}
    maker |= {"RunJob": "run_job", "SyncFiles": "sync_files", "Checkout": "checkout"}
    taken = set(typing.get_type_hints(getattr(windlass.Task, maker[name]), localns={"Unpack": list}))
    fields = {item.name for item in dataclasses.fields(getattr(windlass, name))}
    renamed = {"image": "image_name", "timeout": "connect_timeout"}
    assert {renamed.get(field, field) for field in fields} <= taken


def kept(file: str) -> Any:
    return json.loads((FIXTURES / file).read_text())


@pytest.mark.parametrize("document", kept("events.json"), ids=lambda document: document["type"])
def test_every_event_has_a_class_with_all_that_it_says(document: dict[str, Any]) -> None:
    event = _event(typing.cast("Any", None), document)
    assert not isinstance(event, OtherEvent)
    assert event.type == document["type"]
    own = {item.name for item in dataclasses.fields(event)} - {"_fact"}
    renamed = {"exitCode": "exit_code", "durationMs": "duration_ms", "from": "from_run", "text": "data", "type": "run"}
    assert {renamed.get(word, word) for word in document} == own
    for item in dataclasses.fields(event):
        assert item.name == "_fact" or getattr(event, item.name) is not None


def test_no_class_of_an_event_is_for_nothing() -> None:
    assert {document["type"] for document in kept("events.json")} == set(_KINDS)


def whole(record: Any, document: dict[str, Any]) -> None:
    """Looks whether a record has everything that its JSON has, all the way down."""
    names = {item.name.rstrip("_").replace("_", "").lower() for item in dataclasses.fields(record)}
    assert {word.lower() for word in document} == names, type(record).__name__
    for item in dataclasses.fields(record):
        value = getattr(record, item.name)
        assert value not in (None, (), {}, ""), f"{type(record).__name__}.{item.name} lost what it was given"
        for inner in value if isinstance(value, tuple) else [value]:
            word = next(word for word in document if word.lower() == item.name.rstrip("_").replace("_", "").lower())
            below = document[word][0] if isinstance(value, tuple) else document[word]
            if dataclasses.is_dataclass(inner) and isinstance(below, dict) and not isinstance(inner, windlass.Commit):
                whole(inner, below)


def test_summaries_have_all_that_the_core_says() -> None:
    document = kept("summary.json")
    summary = windlass.RunSummary.of(document)
    whole(summary, document)
    assert summary.commit == windlass.Commit(sha="a" * 40)
    assert [test.name for _, test in summary.failed_tests] == ["test_home"]


def test_steps_have_all_that_the_core_says() -> None:
    document = kept("step.json")
    step = windlass.StepSpec.of(document)
    known = {item.name for item in dataclasses.fields(step)} - {"script", "shell", "program", "services"} | {"command"}
    assert set(document) == known
    assert (step.script, step.shell, step.image, step.key.attempt) == ("make test", "bash -e", "python:3.12", 2)
    assert step.container is not None
    assert step.container.to_dict() == document["container"]["options"]
    assert [service.name for service in step.services] == ["db"]
    assert step.services[0].health == windlass.HealthCheck("pg_isready")


@pytest.mark.parametrize("name", sorted(kept("names.json")))
def test_classes_have_the_same_names_as_in_typescript(name: str) -> None:
    names = kept("names.json")[name]
    for package in (windlass, sync):
        kind = getattr(package, name)
        found = {word for word in vars(kind) if not word.startswith("_")}
        # What the constructor sets: fields that stand beside methods, such as the nouns of an engine.
        found |= {word for word in kind.__init__.__code__.co_names if word in ATTRIBUTES.get(name, ())}
        assert sorted(camel(word) for word in found) == sorted(names["both"] + names.get("python", []))


ATTRIBUTES = {
    "Engine": ("recovered", "pipelines", "credentials", "clusters", "sources", "registries"),
    "Run": ("id", "number", "pipeline"),
}
