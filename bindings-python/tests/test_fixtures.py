"""The fixtures that Rust, Python and TypeScript share: Python says the same to the letter."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import windlass
from conftest import FIXTURES
from documents import BUILT
from windlass import Pipeline, _native, sync


def names(folder: str) -> list[str]:
    return sorted(path.stem for path in (FIXTURES / folder).glob("*.yaml"))


def kept(file: str) -> Any:
    return json.loads((FIXTURES / file).read_text())


def said(value: Any) -> str:
    """The text of a JSON, in which the order of keys counts."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def test_every_document_is_built_here() -> None:
    assert sorted(BUILT) == names("documents")


@pytest.mark.parametrize("name", names("documents"))
def test_documents_read_and_built_are_the_same_json(name: str) -> None:
    wanted = said(kept(f"documents/{name}.json"))
    yaml = (FIXTURES / "documents" / f"{name}.yaml").read_text()
    assert said(Pipeline.from_yaml(yaml).to_dict()) == wanted
    assert said(Pipeline.from_json(wanted).to_dict()) == wanted
    assert said(BUILT[name]().to_dict()) == wanted
    assert said(Pipeline.from_yaml(BUILT[name]().to_yaml()).to_dict()) == wanted


@pytest.mark.parametrize("name", names("mistakes"))
def test_mistakes_are_told_as_beside_them(name: str) -> None:
    text = (FIXTURES / "mistakes" / f"{name}.yaml").read_text()
    with pytest.raises(windlass.InvalidError) as caught:
        Pipeline.from_yaml(text, file=f"{name}.yaml")
    assert caught.value.code == "invalidPipeline"
    found = [
        {
            "file": problem.file,
            "position": problem.position and {"line": problem.position.line, "column": problem.position.column},
            "path": problem.path,
            "message": problem.message,
            "suggestion": problem.suggestion,
        }
        for problem in caught.value.problems
    ]
    assert found == kept(f"mistakes/{name}.json")


@pytest.mark.parametrize("entry", kept("options.json"), ids=lambda entry: f"{entry['operation']}-{entry['path']}")
def test_wrong_options_are_refused_with_their_place(entry: dict[str, Any], data_dir: Path) -> None:
    options = json.dumps(entry["options"])
    with sync.Engine.open(data_dir=data_dir) as engine:
        native = engine._native
        run = engine.start(Pipeline("a", stages=[]))
        calls = {
            "open": lambda: _native.open(options, {}, {}, [], {}, None).block(),
            "start": lambda: native.start('{"name": "a", "stages": []}', options).block(),
            "runs": lambda: native.runs(options).block(),
            "events": lambda: native.events(0, options),
            "search": lambda: native.search("{}", options).block(),
            "retry": lambda: run._native.retry(options, "").block(),
            "shutdown": lambda: native.shutdown(options).block(),
        }
        with pytest.raises(windlass.InvalidError) as caught:
            calls[entry["operation"]]()
    assert caught.value.code == "badOption"
    assert caught.value.problems[0].path == entry["path"]
    assert str(caught.value) == entry["message"]


@pytest.mark.parametrize("entry", kept("refusals.json"), ids=lambda entry: entry["name"])
def test_an_engine_refuses_with_these_words(entry: dict[str, Any], data_dir: Path) -> None:
    with sync.Engine.open(data_dir=data_dir) as engine, pytest.raises(windlass.WindlassError) as caught:
        engine.start(Pipeline.from_yaml(entry["document"]), **entry["start"])
    error, wanted = caught.value, entry["error"]
    assert (error.kind, error.code, error.operation, str(error), error.retryable) == (
        wanted["kind"],
        wanted["code"],
        wanted["operation"],
        wanted["message"],
        wanted["retryable"],
    )
    assert [problem.path for problem in error.problems] == [problem["path"] for problem in wanted["problems"] or []]


@pytest.mark.parametrize("entry", kept("errors.json"), ids=lambda entry: entry["kind"])
def test_every_kind_of_error_has_a_class(entry: dict[str, str]) -> None:
    kind = getattr(windlass, entry["class"])
    assert issubclass(kind, windlass.WindlassError)
    assert kind.kind == entry["kind"]
