"""Who may import whom (docs/architecture.md), read from the source without running it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.once
ROOT = Path(__file__).parent.parent
APPS = {"core", "integrations", "api", "project"}
MAY_IMPORT = {"core": {"core"}, "integrations": {"integrations", "core"}, "api": {"api", "core"}}

# Inside these apps nothing imports from below. What stands together on a place may import each other.
PLACES: dict[str, list[set[str]]] = {
    "core": [
        {
            "moments",
            "formats",
            "once",
            "folding",
            "email_display",
            "email_kinds",
            "wording",
            "pills",
            "errors",
            "processes",
            "acting",
            "databases",
            "templatetags",
        },
        {"database_outage", "models/fields"},
        {"models", "permissions", "migrations"},
        {"services/site", "services/spreadsheets", "services/directions", "services/storage"},
        {"services/leases", "services/long_work"},
        {"services/history", "services/identity", "services/logins", "services/permissions"},
        {"services/teams/personal"},
        {"services/site/email_editing"},
        {"services/outbox"},  # marking what Thinkific must be told; how a push ends stands further down
        {"services/webhooks"},  # told of changes by all services below
        {"services/tags", "services/notes"},
        {"services/seats"},
        {"services/groups"},
        {"services/memberships", "services/roles"},
        {"services/invitations"},
        {"services/existing_accounts"},
        {"services/mirror"},
        {
            "services/outbox/outcomes",
            "services/outbox/claims",
            "services/automatic_memberships",
            "services/people",
        },
        {"services/in_bulk"},
        {"services/enrollments", "services/accounts", "services/teams"},
        {"services/api", "services/opening"},
        {"services/payments"},
        {"imports", "exports", "tasks", "audit"},
        {"migration"},
        {"admin/kit"},
        {"admin/groups"},
        {"admin/tools"},
        {"admin/migration"},
        {"admin/autocomplete"},
        {
            "admin/api",
            "admin/history",
            "admin/exports",
            "admin/impersonations",
            "admin/imports",
            "admin/certificates",
            "admin/openings",
            "admin/payments",
            "admin/organizations",
            "admin/quiz_results",
            "admin/roles",
            "admin/seats",
            "admin/settings",
            "admin/short_links",
            "admin/tags",
            "admin/waiting_changes",
            "admin/webhooks",
        },
        {"admin/emails"},
        {"admin/products", "admin/enrollments"},
        {"admin/users"},
        {"admin/teams"},
        {"management", "apps"},
    ],
    # Rooms of integrations/thinkific stand between the modules and folders of integrations.
    "integrations": [
        {"models", "migrations"},
        {
            "stopping",
            "effects",
            "progress",
            "heartbeat",
            "task_time",
            "schedule_problems",
            "event_wake_ups",
        },
        {"schedules"},
        {"thinkific/client"},
        {"thinkific/sandbox"},
        {"thinkific/budget"},
        {"thinkific/cleaning"},
        {"thinkific/mapping"},
        {"thinkific/connection_state"},
        {"thinkific/identities", "thinkific/identity_facts"},
        {"thinkific/conflicts"},
        {"thinkific/runs"},
        {"thinkific/pull"},
        {"thinkific/push"},
        {"thinkific/enrollment_sync"},
        {"thinkific/reconcile"},
        {"thinkific/webhooks"},
        {"thinkific/connection"},
        {"thinkific/kinds"},
        {"thinkific/tasks", "thinkific/urls"},
        {"freshness"},
        {"health"},
        {"foreground"},
        {"queue"},
        {"admin"},
        {"management"},
        {"apps"},
    ],
    "project": [
        {"environment", "axes", "installed", "cache", "serving"},
        {"middleware"},
        {"logs"},
        {"unfold"},
        {"settings"},
        {"overview", "pages"},
        {"site", "admin_urls"},
        {"apps", "urls", "asgi", "wsgi", "development"},
        {"run"},
    ],
}


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


def part_of(module: tuple[str, ...]) -> str:
    """What has a place and holds this module, the smallest: ("core", "services", "mirror", "people") belongs
    to "services/mirror". Its own folder and name where nothing has one."""
    own = [name.removesuffix(".py") for name in module[1:]]
    named = set().union(*PLACES[module[0]])
    for length in (3, 2, 1):
        if (part := "/".join(own[:length])) in named:
            return part
    return "/".join(own[:2])


def parts(app: str) -> Iterator[tuple[Path, str]]:
    for path in (ROOT / app).rglob("*.py"):
        part = part_of(path.relative_to(ROOT).parts)
        if not part.endswith("__init__"):
            yield path, part


def arrows_back(app: str) -> Iterator[str]:
    place = {part: number for number, names in enumerate(PLACES[app]) for part in names}
    for path, own in parts(app):
        for module in imported_modules(path):
            if module[0] == app and len(module) > 1 and place.get(part_of(module), -1) > place.get(own, 99):
                yield f"{path.relative_to(ROOT)} imports {'.'.join(module)}"


@pytest.mark.parametrize("app", PLACES)
def test_every_part_of_an_app_has_a_place(app):
    without = {part for _, part in parts(app)} - set().union(*PLACES[app])

    assert not without, f"say in PLACES what may import {without}"


@pytest.mark.parametrize("app", PLACES)
def test_inside_an_app_nothing_imports_from_below(app):
    assert list(arrows_back(app)) == []


def test_an_arrow_back_between_rooms_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr("tests.test_import_rule.ROOT", tmp_path)
    path = tmp_path / "integrations" / "thinkific" / "client" / "rest.py"
    path.parent.mkdir(parents=True)
    path.write_text("def f():\n    from integrations.thinkific.pull import people\n")

    assert list(arrows_back("integrations")) == [
        "integrations/thinkific/client/rest.py imports integrations.thinkific.pull.people"
    ]


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
