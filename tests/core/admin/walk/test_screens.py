"""Screens and dialogs open exactly as the tables of permissions say."""

import pytest
from django.contrib import admin

from core.models import Membership, User
from core.permissions.codes import PERMISSIONS
from tests.core.admin.walk.addresses import addresses, lists
from tests.core.admin.walk.tables import DOES, OPENS, OPENS_EVERYWHERE

pytestmark = [pytest.mark.django_db, pytest.mark.once, pytest.mark.slow]

# Who may change an account is a rule of its own: core.permissions.scope, and its tests in ../users.
ACCOUNT = {"user:edit", "user:reset-password", "user:send-sign-in-link", "user:create-thinkific-account"}

PEOPLE = ["superuser", "administrator", "helper", "owner", "manager", "everything", "student", "nobody"]
ALONE = [*(f"only {code}" for code in OPENS), "only the rest"]
DOING = [*(f"sees and {code}" for code in DOES), "sees and the rest"]


def may_open(world, who: str) -> set[str]:
    tables = [OPENS, OPENS_EVERYWHERE] if who in world.everywhere else [OPENS]
    return {name for table in tables for code in world.codes[who] for name in table.get(code, ())}


def test_the_tables_name_permissions_and_screens_that_there_are(world):
    screens = {model._meta.model_name for model in world.screens()}
    named = set().union(*OPENS.values(), *OPENS_EVERYWHERE.values())

    assert {*OPENS, *OPENS_EVERYWHERE, *DOES} <= set(PERMISSIONS)
    assert named == screens
    assert len(admin.site._registry) == len(world.screens())


@pytest.mark.parametrize("who", [*PEOPLE, *ALONE])
def test_lists_open_as_the_table_says(world, window, who):
    opened = set()
    for model, screen in world.screens().items():
        page = next(one for one in lists(screen) if one.view == "changelist")
        answer = window(who).ask("get", page.path, drawn=False)
        # Settings are one row: their list leads to it.
        if answer.status == 200 or (answer.status == 302 and answer.location.startswith(page.path)):
            opened.add(model._meta.model_name)
        else:
            assert answer.status == 403, page

    assert opened == may_open(world, who)


@pytest.mark.parametrize("who", [*PEOPLE, *ALONE])
def test_details_open_where_the_list_does_and_the_row_is_visible(world, window, who):
    """And are answered alike otherwise; whose row it is, the screen's own queryset says."""
    person = User.objects.get(pk=world.people[who].pk)
    for model, screen in world.screens().items():
        is_open = model._meta.model_name in may_open(world, who)
        for obj in filter(None, (world.own.get(model), world.foreign[model])):
            path = next(one.path for one in addresses(screen, obj.pk) if one.view == "change")
            rows = screen.limit(model._default_manager.filter(pk=obj.pk), person)
            expected = (200 if rows.exists() else 302) if is_open else None
            status = window(who).ask("get", path, drawn=False).status

            assert status == expected or (expected is None and status in {302, 403}), path


@pytest.mark.parametrize("who", DOING)
def test_dialogs_and_buttons_open_as_the_table_says(world, window, who):
    opened = set()
    for model, obj in world.own.items():
        screen = world.screens()[model]
        rows = {row.pk for row in world.parts["own"]}
        for one in {a for part in rows for a in [*lists(screen), *addresses(screen, obj.pk, part)]}:
            what = f"{model._meta.model_name}:{one.dialog or one.view}"
            asks = one.dialog or one.view in [*screen.actions_list, *screen.actions_detail]
            # add_user and add_team only lead to the dialog, which is asked itself.
            if not asks or what in opened or one.view in {"add_user", "add_team"}:
                continue
            if window(who).ask("get", one.path, drawn=False).status == 200:
                opened.add(what)
    expected = set().union(*(DOES.get(code, set()) for code in world.codes[who]))

    assert opened - ACCOUNT == expected


def test_who_is_switched_off_or_not_signed_in_gets_to_sign_in(world, window):
    person = world.people["everything"]
    off, anonymous = window("everything"), window("anonymous")
    User.objects.filter(pk=person.pk).update(is_active=False)
    for model, screen in world.screens().items():
        for one in [*lists(screen), *addresses(screen, world.foreign[model].pk)]:
            for who in (off, anonymous):
                for method in ("get", "post"):
                    answer = who.ask(method, one.path)
                    assert answer.status == 302, one
                    assert answer.location.startswith("/admin/login/"), one
                    assert not answer.wrote, one
    User.objects.filter(pk=person.pk).update(is_active=True)


def test_the_owner_of_a_role_is_one_person(world):
    """The walk's people have one membership each: what they may do comes from one role."""
    for name, person in world.people.items():
        assert Membership.objects.filter(user=person).count() <= 1, name
