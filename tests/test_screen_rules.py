"""Screens are declared by what core/admin/kit/ makes; docs/screens.md shows how."""

import ast
import re
from pathlib import Path

import pytest

from core.pills import MEANINGS, VOCABULARY, key

pytestmark = pytest.mark.once
ROOT = Path(__file__).parent.parent
SCREENS = [
    path
    for app in ("core", "integrations")
    for path in sorted((ROOT / app / "admin").rglob("*.py"))
    if path != ROOT / "core/admin/kit/lists/filters.py"
]
TEMPLATES = [
    path
    for app in ("core", "integrations", "project")
    for path in sorted((ROOT / app).rglob("templates/**/*.html"))
]
BY_HAND = {"display", "ChoiceFilter", "RelatedFilter", "SimpleListFilter", "DropdownFilter"}
WORDS = {"yes", "no", "in_step"}


def written_by_hand(source: str) -> list[str]:
    """Where a screen has a column as a method or a filter as a class: `column()`, `choice_filter()`,
    `related_filter()` and `team_filter()` make them."""
    found = []
    for node in ast.walk(ast.parse(source)):
        names = []
        if isinstance(node, ast.FunctionDef):
            names = [name_of(decorator) for decorator in node.decorator_list]
        elif isinstance(node, ast.ClassDef):
            names = [name_of(base) for base in node.bases]
        found += [f"{node.lineno} {name}" for name in names if name in BY_HAND]
    return found


def colours_chosen(source: str) -> list[str]:
    """Where a screen says how a pill looks, or names a state that is not in the vocabulary."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):  # words that the kit makes pills of
            said = [word for one in node.keywords if one.arg in WORDS for word in texts_in(one.value)]
            found += [f"{node.lineno} {word}" for word in said if not knows(word)]
        if isinstance(node, ast.Call) and name_of(node) == "pill":
            first, *others = [*node.args, *(keyword.value for keyword in node.keywords)]
            found += [f"{node.lineno} {word}" for word in texts_in(first) if not knows(word)]
            found += [
                f"{node.lineno} {word}" for one in others for word in texts_in(one) if word in VOCABULARY
            ]
        elif isinstance(node, ast.Constant) and re.search(r"\bpill-\w", str(node.value)):
            found.append(f"{node.lineno} {node.value}")
    return found


def colours_in_template(source: str) -> list[str]:
    """The same in a template, where `{% pill %}` draws them."""
    words = re.findall(r'{% pill "([^"]*)"', source)
    drawn = re.findall(r'class="[^"]*\b(?:d-)?pill\b[^"]*"', source)
    return [*drawn, *(word for word in words if not knows(word))]


def knows(state: str) -> bool:
    return key(state) in MEANINGS


def name_of(node: ast.expr) -> str:
    node = node.func if isinstance(node, ast.Call) else node
    return str(getattr(node, "attr", getattr(node, "id", "")))


def texts_in(node: ast.expr) -> list[str]:
    return [
        one.value for one in ast.walk(node) if isinstance(one, ast.Constant) and isinstance(one.value, str)
    ]


def found_in(paths: list[Path], rule) -> dict[str, list[str]]:
    return {str(path.relative_to(ROOT)): found for path in paths if (found := rule(path.read_text()))}


def test_columns_and_filters_are_made_by_the_kit():
    assert len(SCREENS) > 50
    assert found_in(SCREENS, written_by_hand) == {}


def test_no_screen_chooses_the_colour_of_a_pill():
    assert found_in(SCREENS, colours_chosen) == {}


def test_templates_draw_pills_by_their_tag():
    assert len(TEMPLATES) > 30
    assert found_in(TEMPLATES, colours_in_template) == {}


@pytest.mark.parametrize(
    "source",
    [
        "class A:\n    @display(description='Name')\n    def name(self, row): ...",
        "class A:\n    @admin.display\n    def name(self, row): ...",
        "class StatusFilter(ChoiceFilter): ...",
        "class TeamFilter(admin.SimpleListFilter): ...",
    ],
)
def test_the_rule_about_columns_finds_what_it_is_for(source):
    assert written_by_hand(source)


@pytest.mark.parametrize(
    "source",
    [
        'pill("Open", "warning")',
        'cells.pill("Open", kind="danger")',
        'pill("A state of our own")',
        'column("Result", "passed", cells.yes_no, yes="Passed", no="Nearly passed")',
        'pill("Open" if row.at is None else "Nearly settled")',
        "format_html('<span class=\"pill pill-success\">{}</span>', row)",
    ],
)
def test_the_rule_about_pills_finds_what_it_is_for(source):
    assert colours_chosen(source)


@pytest.mark.parametrize(
    "source", ['<span class="d-pill d-good">Passed</span>', '<b class="pill">x</b>', '{% pill "Nearly" %}']
)
def test_the_rule_about_templates_finds_what_it_is_for(source):
    assert colours_in_template(source)
