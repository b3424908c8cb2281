"""Writes `docs/reference/python.md` from the signatures and the docstrings of the package. `scripts/reference` calls it.

Reads the sources as text, so that nothing has to be built or installed.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

PACKAGE = Path(__file__).parent / "python" / "windlass"
PAGE = Path(__file__).parents[1] / "docs" / "reference" / "python.md"
HEADER = """# Windlass for Python: the reference

Made by `scripts/reference` from the package; do not change it here. The guide is [Windlass for Python](../python.md).

Everything stands in `windlass`, for asyncio. `windlass.sync` has the same names for threads: calls wait instead of being awaited,
`for` instead of `async for`, `with` instead of `async with`. `windlass.testing` is at the end.
"""
CHAPTERS = {
    "Engines and runs": ("_aio.", "_plan", "_editor"),
    "Definitions": ("_document",),
    "Events": ("_events",),
    "What the engine says": ("_records", "_reports", "_options"),
    "Metrics": ("_metrics",),
    "Credentials": ("_credentials",),
    "Clusters, repositories, registries": ("_clusters", "_sources"),
    "Executors and actions": ("_executors", "_plugins"),
    "Errors": ("_errors",),
}


def module(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def exports(path: Path) -> dict[str, str]:
    """Names that a module has from others of the package, with the modules that have them."""
    found: dict[str, str] = {}
    for node in ast.walk(module(path)):
        if isinstance(node, ast.ImportFrom) and node.level and node.module:
            found |= {(name.asname or name.name): f"{'.' * (node.level - 1)}{node.module}" for name in node.names}
    return found


def source_of(name: str, where: str) -> ast.stmt | None:
    """Where a name is defined, through modules that only hand it on."""
    path = PACKAGE / (where.lstrip(".").replace(".", "/") + ".py")
    if not path.exists():
        path = PACKAGE / where.lstrip(".").replace(".", "/") / "__init__.py"
        if not path.exists():
            return None
        inner = exports(path).get(name)
        return source_of(name, f"{where}.{inner}") if inner else None
    for node in module(path).body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and node.name == name:
            return node
        if isinstance(node, ast.Assign) and any(isinstance(target, ast.Name) and target.id == name for target in node.targets):
            return node
    return None


def plain(text: str) -> str:
    """A docstring as Markdown."""
    text = re.sub(r":(?:class|meth|func|mod):`~?([^`]+)`", r"`\1`", text)
    text = re.sub(r"^:param (\w+): ", r"- `\1`: ", text, flags=re.MULTILINE)
    return text.replace("``", "`").strip()


def documented(body: list[ast.stmt], at: int) -> str:
    """The docstring behind a field."""
    follower = body[at + 1] if at + 1 < len(body) else None
    if isinstance(follower, ast.Expr) and isinstance(follower.value, ast.Constant) and isinstance(follower.value.value, str):
        return plain(follower.value.value).replace("\n", " ")
    return ""


def signature(function: ast.FunctionDef | ast.AsyncFunctionDef, prefix: str) -> str:
    arguments = ast.unparse(function.args)
    arguments = re.sub(r"^(self|cls)(, )?", "", arguments)
    answer = f" -> {ast.unparse(function.returns)}" if function.returns is not None else ""
    awaited = "await " if isinstance(function, ast.AsyncFunctionDef) else ""
    return f"{awaited}{prefix}{function.name}({arguments}){answer}"


def is_property(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any(isinstance(decorator, ast.Name) and decorator.id == "property" for decorator in function.decorator_list)


def fields_of(node: ast.ClassDef) -> list[tuple[str, str, str]]:
    """The fields: name, type, what they are."""
    found = []
    for at, item in enumerate(node.body):
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name) and not item.target.id.startswith("_"):
            kind = ast.unparse(item.annotation)
            if not kind.startswith("ClassVar"):
                found.append((item.target.id, kind, documented(node.body, at)))
        if isinstance(item, ast.FunctionDef) and item.name == "__init__":
            found += own_fields(item)
        if isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef)) and is_property(item):
            kind = ast.unparse(item.returns) if item.returns is not None else ""
            found.append((item.name, kind, plain(ast.get_docstring(item) or "")))
    return found


def own_fields(function: ast.FunctionDef) -> list[tuple[str, str, str]]:
    """The fields that a constructor sets, as far as they are documented."""
    found = []
    for at, item in enumerate(function.body):
        target = item.target if isinstance(item, ast.AnnAssign) else item.targets[0] if isinstance(item, ast.Assign) else None
        if isinstance(target, ast.Attribute) and not target.attr.startswith("_"):
            kind = ast.unparse(item.annotation) if isinstance(item, ast.AnnAssign) else ""
            if isinstance(item, ast.Assign) and isinstance(item.value, ast.Call):
                kind = ast.unparse(item.value.func)
            found.append((target.attr, kind, documented(function.body, at)))
    return found


def class_page(name: str, node: ast.ClassDef, methods: bool = True) -> list[str]:
    bases = ", ".join(ast.unparse(base) for base in node.bases if not ast.unparse(base).startswith(("_", "Node", "Record")))
    lines = [f"### {name}" + (f"({bases})" if bases else ""), "", plain(ast.get_docstring(node) or ""), ""]
    fields = fields_of(node)
    if fields:
        lines += ["| field | type | |", "| --- | --- | --- |"]
        lines += [f"| `{field}` | `{kind}` | {text} |".replace(" | ` |", " | |") for field, kind, text in fields]
        lines.append("")
    for item in node.body if methods else []:
        if not isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef)) or item.name.startswith("_") or is_property(item):
            continue
        if item.name in ("of", "to_dict", "from_dict") and name not in ("Pipeline", "Task"):
            continue
        prefix = f"{name}." if any("classmethod" in ast.unparse(one) for one in item.decorator_list) else "."
        lines += [f"**`{signature(item, prefix)}`**", "", plain(ast.get_docstring(item) or ""), ""]
    return lines


def entry(name: str, where: str) -> list[str]:
    node = source_of(name, where)
    if isinstance(node, ast.ClassDef):
        return class_page(name, node)
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return [f"### {name}", "", f"**`{signature(node, '')}`**", "", plain(ast.get_docstring(node) or ""), ""]
    if isinstance(node, ast.Assign):
        return [f"### {name}", "", f"`{name} = {ast.unparse(node.value)}`", ""]
    raise LookupError(f"{name} of {where} is nowhere to be found")


def page() -> str:
    names = {name: where for name, where in exports(PACKAGE / "__init__.py").items() if not name.startswith("_")}
    lines = [HEADER]
    for chapter, places in CHAPTERS.items():
        lines += [f"## {chapter}", ""]
        for name in sorted(names, key=str.lower):
            if names[name].startswith(places):
                lines += entry(name, names[name])
    chaptered = {name for name, where in names.items() if where.startswith(tuple(sum(CHAPTERS.values(), ())))}
    if chaptered != set(names):
        raise LookupError(f"no chapter has {', '.join(sorted(set(names) - chaptered))}")
    lines += ["## windlass.testing", ""]
    testing = {"PipelineTest": "_aio.pipeline_test", "VirtualClock": "_aio.virtual_clock", "Script": "testing._script"}
    testing |= {"ScriptedExecutor": "testing._scripted", "TestOutcome": "testing._outcome", "StepCall": "testing._outcome"}
    testing |= {"conformance_cases": "testing._conformance", "executor_conformance": "testing._conformance"}
    lines += [
        "`PipelineTest` and `VirtualClock` wait; `AsyncPipelineTest` and `AsyncVirtualClock` are awaited, as shown here.",
        "",
    ]
    for name, where in testing.items():
        lines += entry(name, where)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).rstrip() + "\n"


def main() -> int:
    made = page()
    if "--check" in sys.argv:
        if PAGE.exists() and PAGE.read_text() == made:
            return 0
        print(f"error: {PAGE} does not say what the package has: run scripts/reference", file=sys.stderr)
        return 1
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
