"""Every address of every screen, read and sent by each kind of person: nothing of another team is seen, and
nothing of it is changed, also with its keys in every field and with fields that no form shows.

The addresses, dialogs, tabs, pickers and fields are read from the registry: a new screen is in it by itself.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from django import forms
from django.apps import apps
from django.db.models import ForeignKey, Model

from core.models import (
    GroupAssignment,
    GroupMembership,
    Invitation,
    Membership,
    Role,
    SeatAssignment,
    User,
)
from core.permissions.backend import rights_of
from core.permissions.codes import PERMISSIONS
from tests.core.admin.walk.addresses import addresses, lists
from tests.core.admin.walk.browsing import Browser, undone
from tests.core.admin.walk.world import World
from tests.factories import builtin_role

# Each test is many hundred requests.
pytestmark = [pytest.mark.django_db, pytest.mark.once, pytest.mark.slow, pytest.mark.timeout(600)]

ACTING = "impersonated student"
TEAM_PEOPLE = ["owner", "manager", "other manager", "student", ACTING]
# What names each side: people, teams, courses, groups, tags, notes, seats.
NAMES = {
    "Globex": [
        "Globex",
        "Otto",
        "otto@",
        "Gwen",
        "gwen@",
        "Secret ",
        "secret group",
        "secret-tag",
        "secret note",
    ],
    "Acme": [
        "Acme",
        "ana@acme",
        "Owen",
        "owen@",
        "Shown ",
        "shown group",
        "shown-tag",
        "shown note",
        "Internal",
    ],
}


def open_browser(world: World, who: str) -> Browser:
    if who != ACTING:
        return Browser(world.people.get(who))
    browser, student = Browser(world.people["administrator"]), world.people["student"]
    begun = browser.send("post", f"/admin/core/user/{student.pk}/do/impersonate/", {"reason": "A question"})
    assert begun.location == "/admin/"
    assert "Leave Impersonation" in browser.send("get", "/admin/").body
    return browser


@pytest.fixture
def person(world, db):
    """`person("owner")` returns the browser, and the objects and rows of both sides as this person sees
    them."""

    def of(who: str) -> tuple[Browser, dict, dict, list[Model], list[Model]]:
        own, hidden = world.own, world.foreign
        mine, others = world.parts["own"], world.parts["foreign"]
        if who == "other manager":
            own, hidden = {m: world.foreign[m] for m in own}, {**hidden, **own}
            mine, others = others, mine
        return open_browser(world, who), own, hidden, mine, others

    return of


def every_address(world: World, own: dict, hidden: dict, mine: list, others: list) -> list[str]:
    found: dict[str, None] = {}
    for model, screen in world.screens().items():
        asked = [(own[model], part) for part in [*mine, *others]] if model in own else []
        asked += [(hidden[model], part) for part in others]
        for one in lists(screen):
            found[one.path] = None
        for obj, part in asked:
            for one in addresses(screen, obj.pk, part.pk):
                found[one.path] = None
                if one.view == "change":
                    page = one.path.removesuffix("change/")
                    found |= dict.fromkeys(f"{one.path}?tab={tab.slug}" for tab in screen.tabs)
                    found |= dict.fromkeys(
                        f"{page}tab/{tab.slug}/export/{file}" for tab in screen.tabs for file in ("", "file/")
                    )
    return list(found)


def every_search(world: World, own: dict, mine: list, word: str) -> Iterator[str]:
    """Searches of lists, of pickers in dialogs, of Django's own pickers, and for anything."""
    yield f"/admin/search/?s={word}"
    for model, screen in world.screens().items():
        page = next(one.path for one in lists(screen) if one.view == "changelist")
        yield f"{page}?q={word}"
        if model not in own:
            continue
        for part in mine:
            for one in [*lists(screen), *addresses(screen, own[model].pk, part.pk)]:
                dialog = next((d for d in screen.dialogs if d.slug == one.dialog), None)
                for name, field in dialog.base_fields.items() if dialog else ():
                    if isinstance(field, forms.ModelChoiceField):
                        yield f"{one.path}?pick={name}&term={word}"
    for model in apps.get_app_config("core").get_models():
        for field in model._meta.fields:
            if isinstance(field, ForeignKey):
                asked = f"app_label=core&model_name={model._meta.model_name}&field_name={field.name}"
                yield f"/admin/autocomplete/?{asked}&term={word}"


def hostile(world: World, hidden: dict) -> dict[str, Any]:
    """Every field of every dialog, with the other team's keys in those for objects; and fields of models that
    no form shows."""
    sent: dict[str, Any] = dict.fromkeys(PERMISSIONS, "allow")
    owner = builtin_role("owner").pk
    keys = {model: obj.pk for model, obj in hidden.items()} | {Role: owner}
    for screen in world.screens().values():
        for dialog in [*screen.dialogs, *screen.selected_dialogs]:
            for name, field in dialog.base_fields.items():
                if isinstance(field, forms.ModelChoiceField):
                    sent[name] = keys.get(field.queryset.model, owner)
                else:
                    sent.setdefault(name, "on" if isinstance(field, forms.BooleanField) else "7")
    columns = {field.name: field for model in keys for field in model._meta.fields}
    for name, column in columns.items():
        related = column.related_model if isinstance(column, ForeignKey) else None
        sent.setdefault(name, keys.get(related, 1) if related else "1")
    return sent | {
        "global_role": builtin_role("administrator").pk,
        "email": "mallory@evil.example",
        "is_superuser": "on",
        "is_staff": "on",
        "post": "yes",
        "_form_submitted": "on",
        "select_across": "0",
    }


def rows_of(hidden: dict, others: list[Model]) -> list[Any]:
    """Returns all that is stored about the other side, and who has which rights in the whole site."""
    team, someone = (
        next(o for m, o in hidden.items() if m._meta.model_name == name) for name in ("team", "user")
    )
    found: list[Any] = [
        list(type(row)._base_manager.filter(pk=row.pk).values()) for row in [*hidden.values(), *others]
    ]
    for model in (Membership, SeatAssignment, GroupAssignment, Invitation):
        found.append(list(model._base_manager.filter(team=team).order_by("pk").values()))
    found.append(list(GroupMembership._base_manager.filter(user=someone).order_by("pk").values()))
    found.append(list(someone.tags.order_by("pk").values_list("pk")))
    found.append(list(Role.objects.order_by("pk").values()))
    rights = User.objects.exclude(is_superuser=False, is_staff=False, global_role=None)
    found.append(list(rights.order_by("pk").values_list("pk", "is_superuser", "is_staff", "global_role")))
    return found


@pytest.mark.parametrize("who", [*TEAM_PEOPLE, "administrator", "anonymous"])
def test_reading_shows_nothing_of_another_team(world, person, who):
    browser, own, hidden, mine, others = person(who)
    names = NAMES["Acme" if who == "other manager" else "Globex"] if who in TEAM_PEOPLE else []
    read = 0
    for path in every_address(world, own, hidden, mine, others):
        answer = browser.ask("get", path)
        assert answer.status in {200, 302, 403, 404, 405}, path
        assert who != "anonymous" or (answer.status, answer.location[:13]) == (302, "/admin/login/"), path
        for name in names:
            assert name not in answer.body and name not in "".join(answer.said), (path, name)
        read += answer.status == 200
    assert read > (60 if who in {"administrator", "owner", "manager", "other manager"} else -1)


@pytest.mark.parametrize("who", TEAM_PEOPLE)
def test_searching_finds_nothing_of_another_team(world, person, who):
    browser, own, _, mine, _ = person(who)
    names, found = NAMES["Acme" if who == "other manager" else "Globex"], 0
    for path in every_search(world, own, mine, "e"):  # the letter is in every name of either side
        answer = browser.ask("get", path)
        assert answer.status in {200, 302, 403, 404}, path
        for name in names:
            assert name not in answer.body, (path, name)
        found += answer.status == 200
    assert found > (20 if who in {"owner", "manager", "other manager"} else -1)


@pytest.mark.parametrize("who", [*TEAM_PEOPLE, "anonymous"])
def test_sending_changes_nothing_of_another_team(world, person, who):
    browser, own, hidden, mine, others = person(who)
    sent = hostile(world, hidden)
    before, keys = rows_of(hidden, others), [str(obj.pk) for obj in hidden.values()]
    actor = world.people["student" if who == ACTING else who] if who != "anonymous" else None
    had = rights_of(User.objects.get(pk=actor.pk)) if actor else set()
    paths = [path for path in every_address(world, own, hidden, mine, others) if "tab=" not in path]
    for path in paths:
        with undone():
            answer = browser.send("post", path, sent, drawn=False)
            assert answer.status in {200, 302, 400, 403, 404, 405}, path
            if answer.wrote:
                assert actor is not None, path
                assert rows_of(hidden, others) == before, path
                assert rights_of(User.objects.get(pk=actor.pk)) <= had, path
    for model, screen in world.screens().items():
        page = next(one.path for one in lists(screen) if one.view == "changelist")
        for name in {
            getattr(name, "action", getattr(name, "__name__", name)) for name in screen.actions or ()
        }:
            chosen = {"action": name, "_selected_action": [*keys, str(hidden[model].pk)], "started": "1"}
            with undone():
                if browser.send("post", page, sent | chosen, drawn=False).wrote:
                    assert rows_of(hidden, others) == before, (page, name)
