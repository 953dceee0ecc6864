"""Objects of other teams: every address answers as if they did not exist, and nothing changes them."""

import re

import pytest
from django.contrib import admin

from core.models import Role
from tests.core.admin.walk.addresses import addresses, lists
from tests.core.admin.walk.browsing import Answer

pytestmark = [pytest.mark.django_db, pytest.mark.once]

# "everything" holds every permission there is, in one team.
TEAM_PEOPLE = ["owner", "everything", "student"]
MISSING = 987_654_321


def told(answer: Answer, key: int) -> tuple:
    """All that somebody can tell from an answer, apart from the key that they sent."""
    said = re.sub(rf"(?<!\d){key}(?!\d)", "KEY", " ".join(answer.said))
    return (
        answer.status,
        said,
        *(text.replace(f"/{key}/", "/KEY/") for text in (answer.location, answer.body)),
    )


@pytest.mark.parametrize("who", TEAM_PEOPLE)
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_foreign_object_answers_like_a_missing_one(world, window, who, method):
    part = world.parts["foreign"][0].pk
    for model, screen in world.screens().items():
        key = world.foreign[model].pk
        foreign, missing = addresses(screen, key, part), addresses(screen, MISSING, part)
        for one, nothing in zip(foreign, missing, strict=True):
            answer = window(who).ask(method, one.path, {"_form_submitted": "on", "post": "yes"})
            other = window(who).ask(method, nothing.path, {"_form_submitted": "on", "post": "yes"})

            assert answer.status in {302, 403, 404}, one
            assert told(answer, key) == told(other, MISSING), one
            assert not answer.wrote, one


@pytest.mark.parametrize("who", TEAM_PEOPLE)
def test_rows_of_others_are_not_reached_by_way_of_an_own_object(world, window, who):
    """The second key of an address: a membership of Globex below the page of Acme."""
    for model, obj in world.own.items():
        screen = world.screens()[model]
        for row in world.parts["foreign"]:
            for one in addresses(screen, obj.pk, row.pk):
                if one.view == "do_row" and row.pk not in {own.pk for own in world.parts["own"]}:
                    answer = window(who).ask("post", one.path, {})
                    assert answer.status in {302, 403, 404}, one
                    assert not answer.wrote, one


@pytest.mark.parametrize("who", TEAM_PEOPLE)
def test_actions_on_selected_rows_leave_those_of_others_alone(world, window, who):
    for model, screen in world.screens().items():
        page = next(one.path for one in lists(screen) if one.view == "changelist")
        names = {getattr(name, "__name__", name) for name in screen.actions or ()} | {"delete_selected"}
        for name in names:
            sent = {"action": name, "_selected_action": [str(world.foreign[model].pk)], "select_across": "1"}
            answer = window(who).ask("post", page, sent | {"confirmed": "1", "post": "yes"})
            assert not answer.wrote, (page, name)


@pytest.mark.parametrize("who", TEAM_PEOPLE)
def test_what_is_about_the_whole_site_is_changed_by_no_team_role(world, window, who):
    """Addresses about no object, and those without a screen: nothing of the site's own is written."""
    sitewide = {
        screen.opts.db_table for model, screen in world.screens().items() if model not in world.own
    } | {Role._meta.db_table, "django_q_ormq", "integrations_webhooksubscription"}
    paths = [one.path for screen in world.screens().values() for one in lists(screen)]
    paths += [
        f"/admin/tools/{card}/" for card in ("sync-products", "sync-now", "recalculate-seats", "import-users")
    ]
    paths += ["/admin/connection/test/", "/admin/history/", "/admin/tools/"]
    for path in paths:
        answer = window(who).ask("post", path, {"_form_submitted": "on"})
        assert not answer.wrote & sitewide, path


@pytest.mark.slow
@pytest.mark.parametrize("who", ["owner", "manager", "everything"])
def test_names_of_seats_stand_on_no_page_of_a_team(world, window, who):
    """By list, search, filter, order and detail: `Internal` is a word of seats' names only."""
    for model, screen in world.screens().items():
        page = next(one.path for one in lists(screen) if one.view == "changelist")
        asked = ["", "?q=ntern", "?o=1", "?seat__name=ntern", "?last_seat__name__startswith=In"]
        asked += ["?_popup=1", "?_to_field=name", "?all=", "?e=1", "?p=9"]
        own = world.own.get(model)
        paths = [page + query for query in asked]
        paths += [f"{page}{own.pk}/change/?_to_field=name&_popup=1"] if own else []
        paths += [one.path for one in addresses(screen, own.pk) if "/do/" not in one.path] if own else []
        paths += [f"{page}{own.pk}/change/?tab={tab.slug}" for tab in screen.tabs] if own else []
        paths += [one.path for one in lists(screen) if one.view.startswith("export")]
        for path in paths:
            answer = window(who).ask("get", path)
            assert answer.status in {200, 302, 400, 403, 404}, path
            assert "Internal" not in answer.body, path
    for path in ("", "core/", "integrations/", "jsi18n/", "password_change/", "search/?s=seat", "history/"):
        assert "Internal" not in window(who).ask("get", f"/admin/{path}").body, path


def test_the_registry_has_what_the_walk_walks(world):
    assert set(world.screens()) <= set(admin.site._registry)
    assert sum(len(addresses(screen, 1)) for screen in world.screens().values()) > 100
