"""Who may import whom (docs/architecture.md), read from the source without running it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.once
ROOT = Path(__file__).parent.parent
APPS = {"core", "integrations", "api", "project"}
MAY_IMPORT = {"core": {"core"}, "integrations": {"integrations", "core"}, "api": {"api", "core"}}

# Inside core nothing imports from its right. What stands together on a place may import each other.
PLACES_IN_CORE = [
    {
        "permissions",
        "errors",
        "folding",
        "moments",
        "templatetags",
        "databases",
        "models",
        "migrations",
        "written",
    },
    {"services"},
    {"imports", "tasks", "audit"},
    {"admin"},
    {"management", "apps"},
]
PLACE = {name: place for place, names in enumerate(PLACES_IN_CORE) for name in names}


def imported_modules(path: Path) -> Iterator[tuple[str, ...]]:
    """Every module that a file imports, at its top or in a function, as a path: ("core", "models")."""
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (tuple(alias.name.split(".")) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            module = (*above, *(node.module or "").split("."))
            yield from ((*filter(None, module), alias.name) for alias in node.names)


def imported_apps(path: Path) -> set[str]:
    return {module[0] for module in imported_modules(path)} & (APPS | {"tests", "benchmarks"})


@pytest.mark.parametrize("app", MAY_IMPORT)
def test_an_app_imports_only_what_it_may(app):
    for path in (ROOT / app).rglob("*.py"):
        assert imported_apps(path) <= MAY_IMPORT[app], path


def test_the_product_imports_no_tests():
    for app in APPS:
        for path in (ROOT / app).rglob("*.py"):
            assert not imported_apps(path) & {"tests", "benchmarks"}, path


def test_every_part_of_core_has_a_place():
    parts = {path.relative_to(ROOT / "core").parts[0] for path in (ROOT / "core").rglob("*.py")}
    parts = {part.removesuffix(".py") for part in parts} - {"__init__"}

    assert parts <= set(PLACE), f"say in PLACES_IN_CORE what may import {parts - set(PLACE)}"


def test_inside_core_nothing_imports_from_its_right():
    for path in (ROOT / "core").rglob("*.py"):
        own = path.relative_to(ROOT / "core").parts[0].removesuffix(".py")
        if own not in PLACE:
            continue
        for module in imported_modules(path):
            if module[0] == "core" and len(module) > 1 and module[1] in PLACE:
                assert PLACE[module[1]] <= PLACE[own], f"{path} imports {'.'.join(module)}"


@pytest.mark.parametrize(
    ("source", "modules"),
    [
        ("import core.models", {("core", "models")}),
        ("from core.models import User", {("core", "models", "User")}),
        ("from core import services", {("core", "services")}),
        ("from . import seats", {("core", "services", "seats")}),
        ("from ..admin import base", {("core", "admin", "base")}),
        ("def f():\n    from integrations import models", {("integrations", "models")}),
    ],
)
def test_the_rule_sees_every_way_to_import(tmp_path, monkeypatch, source, modules):
    monkeypatch.setattr("tests.test_import_rule.ROOT", tmp_path)
    path = tmp_path / "core" / "services" / "module.py"
    path.parent.mkdir(parents=True)
    path.write_text(source)

    assert set(imported_modules(path)) == modules
