"""Help: the guide for managers, from the file that docs/ has."""

import re

import pytest

from project.pages import help_pages
from project.unfold.sidebar import navigation

HELP = "/admin/help/"


def entries(user, rf) -> list[str]:
    request = rf.get("/admin/")
    request.user = user
    return [item["link"] for section in navigation(request) for item in section["items"]]


@pytest.mark.parametrize("who", ["mara", "owen", "alma", "root"])
def test_who_manages_teams_finds_the_guide(who, request, rf, acme, signed_in):
    person = request.getfixturevalue(who)
    assert HELP in entries(person, rf)

    page = signed_in(person).get(HELP).content.decode()

    assert '<h2 id="add-people">Add people</h2>' in page and 'href="#add-people"' in page
    assert "<td>members of your teams" in page  # tables are tables
    assert page.count("<h1") == 1


def test_a_student_has_no_guide(ana, rf, signed_in):
    assert HELP not in entries(ana, rf)
    assert signed_in(ana).get(HELP).status_code == 404


def test_who_is_not_signed_in_is_asked_to(client, db):
    assert client.get(HELP).url.startswith("/admin/login/")


def test_every_section_is_linked_and_html_is_text(monkeypatch, tmp_path, settings):
    headings, text = help_pages._rendered()
    assert len(headings) == len(re.findall("<h2", text)) > 5

    (tmp_path / "docs").mkdir()
    (tmp_path / help_pages.GUIDE).write_text("# Guide\n\n## A <b>\n\n<script>x</script> [x](javascript:x)\n")
    settings.BASE_DIR = tmp_path
    _, text = help_pages._rendered.__wrapped__()
    assert "<script>" not in text and "href=" not in text
