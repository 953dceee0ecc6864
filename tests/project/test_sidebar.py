import pytest

from core.models import User
from project.unfold.sidebar import navigation
from tests.factories import RoleFactory, UserFactory


def titles_for(user: User, rf) -> list[str]:
    request = rf.get("/admin/")
    request.user = user
    return [item["title"] for section in navigation(request) for item in section["items"]]


def test_an_administrator_sees_every_section(rf, alma):
    request = rf.get("/admin/")
    request.user = alma

    sections = [section["title"] for section in navigation(request)]

    assert sections == ["", "Admin", "Learning", "Sync", "Audit", "Guide"]


def test_the_sections_hold_what_the_design_says(rf, root):
    assert titles_for(root, rf)[:11] == [
        "Overview",
        "Users",
        "Teams",
        "Organizations",
        "Roles",
        "Groups",
        "Products",
        "Seats",
        "API",
        "Tools",
        "Settings",
    ]
    assert {"Runs", "Waiting changes", "Conflicts", "Webhooks received", "Schedules"} <= set(
        titles_for(root, rf)
    )


def test_a_manager_sees_overview_teams_and_learning(rf, mara):
    shown = titles_for(mara, rf)

    assert shown[:4] == ["Overview", "Teams", "Users", "Seats"]
    assert set(shown[4:]) <= {"Enrollments", "Quiz results", "Certificates", "Tags", "Exports", "Help"}
    assert "Enrollments" in shown


def test_a_student_sees_my_learning_and_nothing_else(rf, ana):
    assert titles_for(ana, rf) == ["My learning"]


def test_a_global_role_opens_only_what_it_grants(rf, db):
    helper = UserFactory(global_role=RoleFactory(is_global=True, permissions=["users.view"]))

    assert titles_for(helper, rf) == ["Overview", "Users"]


@pytest.mark.parametrize("person", ["root", "mara", "ana"])
def test_no_entry_of_the_sidebar_is_dead(person, request, rf, signed_in):
    user = request.getfixturevalue(person)
    page = rf.get("/admin/")
    page.user = user
    browser = signed_in(user)

    for section in navigation(page):
        for item in section["items"]:
            assert browser.get(item["link"], follow=True).status_code == 200, item["title"]


def test_nobody_who_has_not_signed_in_gets_a_sidebar(client, db):
    page = client.get("/admin/login/")

    assert page.status_code == 200
    assert b"nav-sidebar-apps" not in page.content
