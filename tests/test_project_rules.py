"""Habits of this project that a tool can check; docs/architecture.md says why."""

import ast
import re
from collections import Counter
from pathlib import Path

import pytest
from django.core.management import ManagementUtility

pytestmark = pytest.mark.once
ROOT = Path(__file__).parent.parent
SOURCES = [
    path
    for app in ("core", "integrations", "api", "project")
    for path in sorted((ROOT / app).rglob("*.py"))
    if "migrations" not in path.parts
]
COMMANDS = [
    "check_health",
    "export",
    "load_demo",
    "recalculate_seats",
    "sync",
    "sync_schedules",
    "thinkific_sandbox",
    "worker",
]


def test_no_file_is_longer_than_300_lines():
    assert {str(path): n for path in SOURCES if (n := len(path.read_text().splitlines())) > 300} == {}


def test_no_sentence_loses_its_capitals():
    """`capitalize()` makes all other letters small: "joined Team C" becomes "Joined team c". Use capfirst."""
    assert [str(path) for path in SOURCES if ".capitalize()" in path.read_text()] == []


def test_no_function_is_longer_than_50_lines():
    too_long = {
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}": node.end_lineno - node.lineno + 1
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno - node.lineno >= 50
    }
    assert too_long == {}


def test_no_folder_holds_more_than_16_modules():
    held = Counter(path.parent.relative_to(ROOT) for path in SOURCES if path.stem != "__init__")

    assert {str(folder): count for folder, count in held.items() if count > 16} == {}


def test_modules_are_named_after_their_subject():
    assert [path for path in SOURCES if path.stem in {"utils", "helpers", "common", "misc"}] == []


def test_signals_are_received_only_from_packages_that_offer_nothing_else():
    receiving = [path.relative_to(ROOT) for path in SOURCES if "dispatch import receiver" in path.read_text()]
    # Impersonation and history; what django-q2 says of its processes and schedules.
    allowed = {
        Path(f)
        for f in (
            "core/audit.py",
            "integrations/heartbeat.py",
            "integrations/schedule_problems.py",
            "integrations/task_time.py",
        )
    }
    assert set(receiving) <= allowed


def test_every_question_of_a_screen_is_a_dialog():
    """docs/architecture.md, "Add a dialog": a screen neither draws a form that is sent by POST, nor
    answers one."""
    kit = ROOT / "core/admin/kit/dialogs"
    # Steps with a file and its cells, which no dialog takes; Cancel and Undo of an import are dialogs.
    steps = (ROOT / "core/admin/imports", ROOT / "core/templates/dashboard/imports")
    screens = [
        path
        for path in SOURCES
        if "admin" in path.relative_to(ROOT).parts and {kit, *steps}.isdisjoint(path.parents)
    ]
    answering = {
        str(path.relative_to(ROOT))
        for path in screens
        if re.search(
            r"request\.POST|require_POST|[!=]= \"POST\"|\bdialog=\{|except Refusal", path.read_text()
        )
    }
    drawing = {
        str(path.relative_to(ROOT))
        for app in ("core", "integrations")
        for path in (ROOT / app / "templates").rglob("*.html")
        if 'method="post"' in path.read_text() and path.parent not in steps
    }

    # These hand the answer to a dialog of theirs, or ask no question: which columns, look at Thinkific, test.
    assert answering == {
        "core/admin/kit/exports/screens.py",
        "core/admin/kit/exports/views.py",
        "core/admin/kit/lists/chosen_columns.py",
        "core/admin/migration/screen.py",  # takes a file
        "core/admin/tools/screen.py",
        "core/admin/tools/sync_everything.py",
        "integrations/admin/connection.py",
        "integrations/admin/drift_repair.py",
        "integrations/admin/identity_dialogs.py",
        "integrations/admin/runs.py",
        "integrations/admin/subscriptions.py",
    }
    assert drawing == {
        "core/templates/admin/dashboard/dialog.html",
        "core/templates/admin/dashboard/list_head.html",
        "core/templates/admin/dashboard/page_dialog.html",
        "core/templates/admin/dashboard/tab_table.html",  # which of its rows, for the dialogs of chosen rows
        "core/templates/admin/dashboard/form_tab.html",
        "core/templates/admin/dashboard/tabs.html",
        "core/templates/dashboard/tools_migration.html",  # a file, which no dialog takes
        "core/templates/dashboard/direction.html",  # the cell that is the form of SetDirection
        "integrations/templates/dashboard/drift_repair.html",
        "integrations/templates/dashboard/subscriptions.html",
    }


@pytest.mark.parametrize("document", [".env.example", "README.md"])
def test_every_variable_that_the_settings_read_is_documented(document):
    read = set(re.findall(r'\benv(?:\.\w+)?\(\s*"([A-Z_]+)"', (ROOT / "project/settings.py").read_text()))
    documented = set(re.findall(r"\b[A-Z][A-Z_]+\b", (ROOT / document).read_text()))

    assert len(read) > 20
    assert read - documented <= {"READ_DOT_ENV", "ENV_FILE"}  # they choose the file itself


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_explains_itself(name, capsys):
    with pytest.raises(SystemExit) as ended:
        ManagementUtility(["manage.py", name, "--help"]).execute()

    assert ended.value.code == 0
    assert "usage:" in capsys.readouterr().out


# What writes moments for machines: the requests to Thinkific, and its stand-in.
WRITE_FOR_MACHINES = {
    "api/answers.py",
    "integrations/thinkific/client/transport.py",
    "integrations/thinkific/sandbox/site/clock.py",
}
LOCAL = {"localtime", "date_format", "time_format", "strftime", "template_localtime"}


def writes_moments(source: str) -> list[str]:
    """Where a module makes text of a moment by itself: by a function, or in an f-string."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            # `localdate()` is today; of a stored moment it is a day to be written.
            if name in LOCAL or (name == "localdate" and node.args):
                found.append(f"{node.lineno} {name}")
        elif isinstance(node, ast.FormattedValue) and node.format_spec is not None:
            spec = "".join(str(part.value) for part in ast.walk(node.format_spec) if hasattr(part, "value"))
            if re.search("%[a-zA-Z]", spec):
                found.append(f"{node.lineno} {spec}")
    return found


def test_moments_are_written_for_people_in_one_place():
    """core/moments.py knows the time zone; a stored moment is in UTC, where it may be another day."""
    alone = {ROOT / "core/moments.py", *(ROOT / name for name in WRITE_FOR_MACHINES)}
    assert {
        str(path.relative_to(ROOT)): found
        for path in SOURCES
        if path not in alone and (found := writes_moments(path.read_text()))
    } == {}


def test_templates_write_moments_by_our_filters():
    """`day` and `exact` of core/templatetags/moments.py; and how long ago, which no time zone changes."""
    by_themselves = re.compile(r"\|\s*(?:date|time)\b|\{\{\s*[\w.]*(?:_at|_date|_event)\s*\}\}|\{%\s*now\b")
    templates = [
        path
        for app in ("core", "integrations", "project")
        for path in (ROOT / app).rglob("templates/**/*.*")
        if path.suffix in {".html", ".txt"}
    ]
    found = {str(path): lines for path in templates if (lines := by_themselves.findall(path.read_text()))}
    assert len(templates) > 30
    assert found == {}


@pytest.mark.parametrize(
    "source",
    [
        'f"ends on {end:%d %b %Y}"',
        'end.strftime("%d")',
        'date_format(end, "j M Y")',
        "timezone.localtime(end)",
        "timezone.localdate(end)",
    ],
)
def test_the_rule_about_moments_finds_what_it_is_for(source):
    assert writes_moments(source)
