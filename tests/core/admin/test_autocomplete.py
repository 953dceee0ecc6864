"""The search behind the pickers answers for the pickers that there are, to whom their forms are open."""

import pytest
from django.apps import apps
from django.contrib import admin
from django.urls import reverse

from core.admin.autocomplete import picked_by, pickers
from core.admin.tools.dialogs import CARDS
from core.models import User
from core.permissions.codes import PERMISSIONS
from tests.factories import (
    GroupAssignmentFactory,
    MembershipFactory,
    OrganizationFactory,
    ProductFactory,
    QuizFactory,
    RoleFactory,
    SeatFactory,
    TagFactory,
    TeamFactory,
    UserFactory,
)

pytestmark = pytest.mark.once

ADDRESS = "/admin/autocomplete/"


def asked(browser, app, model, field, **more):
    return browser.get(ADDRESS, {"app_label": app, "model_name": model, "field_name": field, **more})


def test_it_is_ours():
    assert reverse("admin:autocomplete") == ADDRESS
    assert len(pickers()) > 10


def test_no_other_field_of_the_database_answers(root, signed_in, rows):
    """Foreign keys, plain columns, reverse relations, histories, other packages: nothing but the pickers."""
    browser = signed_in(root)
    open_to_root = set()
    for model in apps.get_models(include_auto_created=True):
        for field in model._meta.get_fields():
            key = (model._meta.app_label, model._meta.model_name, field.name)
            response = asked(browser, *key)
            assert response.status_code in {200, 404}, key
            if response.status_code == 200:
                open_to_root.add(key)

    assert open_to_root == set(pickers())


@pytest.mark.parametrize(
    ("model", "field"),
    [
        ("enrollment", "last_seat"),
        ("seatassignment", "seat"),
        ("seat", "source_template"),
        ("historicalseat", "history_user"),
        ("historicalenrollment", "last_seat"),
        ("team", "memberships"),
        ("user", "password"),
    ],
)
def test_names_of_seats_reach_no_manager(mara, signed_in, acme_seat, model, field):
    response = asked(signed_in(mara), "core", model, field)

    assert response.status_code in {403, 404}
    assert acme_seat.name not in response.content.decode()


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"app_label": "core"},
        {"app_label": "core", "model_name": "membership"},
        {"app_label": "nothing", "model_name": "membership", "field_name": "team"},
        {"app_label": "core", "model_name": "nothing", "field_name": "team"},
        {"app_label": "core", "model_name": "membership", "field_name": "nothing"},
        {"app_label": "core", "model_name": "membership", "field_name": "team__owner"},
        {"app_label": "core\x00", "model_name": "membership\x00", "field_name": "team\x00"},
        {"app_label": "c" * 5000, "model_name": "m" * 5000, "field_name": "t" * 5000},
        {"app_label": ["core", "x"], "model_name": "membership", "field_name": "team"},
    ],
)
@pytest.mark.parametrize("who", ["root", "mara", "ana"])
def test_rubbish_finds_nothing(request, signed_in, who, sent):
    assert signed_in(request.getfixturevalue(who)).get(ADDRESS, sent).status_code in {403, 404}


def test_rubbish_in_the_search_breaks_nothing(mara, signed_in):
    browser = signed_in(mara)
    for number in ("0", "-1", "x", "9" * 30, "9" * 5000, "1\x00", "last", "1.5", "²"):
        for term in ("", "\x00", "%", "a" * 5000, "\U0001f600 acme"):
            response = asked(browser, "core", "membership", "team", page=number, term=term)

            assert response.status_code in {200, 404}, (number, term)


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_it_is_asked_by_get(root, signed_in, method):
    response = getattr(signed_in(root), method)(
        f"{ADDRESS}?app_label=core&model_name=membership&field_name=team"
    )

    assert response.status_code == 405


def test_who_has_not_signed_in_is_sent_to_sign_in(client, db):
    assert asked(client, "core", "membership", "team").status_code == 302


# --- who may use which picker -----------------------------------------------------------------------------

# Besides the right to see what is picked. A list's filter is open to who opens the list.
WITH_ONE_CODE = {
    # permission: the pickers of a team role that sees all of the team's things and may do this one
    "users.create": {"membership.team"},
    "teams.assign": {"membership.team", "membership.user"},
    "groups.assign": {"groupassignment.team", "groupmembership.group", "groupmembership.user"},
    "enrollments.create": {"enrollment.product"},
    "teams.edit": {"team.owner"},
    "tools.import": set(),
    "settings.edit": set(),
    "teams.create": set(),
}
SEES = ["users.view", "teams.view", "products.view", "groups.view", "seats.view", "enrollments.view"]
FILTERS_OF_THOSE = {
    "membership.team",
    "usertag.tag",
    "groupassignment.team",
    "seat.product",
    "seatassignment.team",
    "enrollment.product",
}


@pytest.fixture
def rows(acme, acme_seat, accounting, ana):
    """Something to be found by each picker."""
    ana.tags.add(TagFactory())
    QuizFactory(product=accounting)
    acme.organization = OrganizationFactory()
    acme.save()
    GroupAssignmentFactory(team=acme)


def open_to(browser) -> set[str]:
    answers = {key: asked(browser, *key).status_code for key in pickers()}
    assert set(answers.values()) <= {200, 403}
    return {f"{model}.{field}" for (_, model, field), status in answers.items() if status == 200}


@pytest.mark.parametrize("code", WITH_ONE_CODE)
def test_a_picker_asks_what_its_form_asks(signed_in, acme, rows, code):
    role = RoleFactory(permissions=[*SEES, "tags.assign", code])
    person = MembershipFactory(team=acme, role=role, user=UserFactory()).user

    assert open_to(signed_in(person)) == FILTERS_OF_THOSE | WITH_ONE_CODE[code]


def test_a_list_that_is_closed_opens_no_picker(signed_in, acme, rows):
    """Somebody who sees teams only, and may do nothing, picks teams nowhere."""
    looker = MembershipFactory(team=acme, role=RoleFactory(permissions=["teams.view"])).user

    assert open_to(signed_in(looker)) == set()


@pytest.mark.parametrize("who", ["ana", "nobody"])
def test_people_without_rights_pick_nothing(request, signed_in, rows, who):
    person = UserFactory() if who == "nobody" else request.getfixturevalue(who)

    assert open_to(signed_in(person)) == set()


def test_administrators_use_them_all(alma, signed_in, rows):
    assert open_to(signed_in(alma)) == {f"{model}.{field}" for _, model, field in pickers()}


def test_what_is_found_is_what_may_be_seen(mara, signed_in, rows, globex_seat, otto, globex):
    """Of every picker that is open to Mara, with Globex beside her."""
    globex_seat.product = ProductFactory(name="Secret course")
    SeatFactory(name="Secret seat", product=globex_seat.product, teams=[globex])
    otto.tags.add(TagFactory(name="secret-tag"))
    browser = signed_in(mara)
    for key in pickers():
        said = asked(browser, *key).content.decode().lower()
        assert not [word for word in ("secret", "otto", "globex", "gwen") if word in said], key


def test_every_dialog_with_a_picker_can_be_asked_without_an_object(alma, ana, rows):
    """`may` with None: the search knows no object."""
    dialogs = [
        dialog
        for screen in admin.site._registry.values()
        for dialog in getattr(screen, "dialogs", ())
        if list(picked_by(dialog))
    ]
    assert len(dialogs) > 8
    for dialog in dialogs:
        assert dialog.may(User.objects.get(pk=alma.pk), None) is True, dialog.slug
        assert dialog.may(User.objects.get(pk=ana.pk), None) is False, dialog.slug
    assert any(list(picked_by(card)) for card in CARDS.values())
    assert "groups.assign" in PERMISSIONS


def test_nothing_has_a_page_outside(root, signed_in):
    for path in ("r/1/1/", "r/x/1/", "r/1/x/", f"r/{'9' * 30}/1/"):
        assert signed_in(root).get(f"/admin/{path}").status_code == 404


def test_two_of_one_name_can_be_told_apart(root, signed_in):
    """By a second line: an address, a number, whose it is."""
    UserFactory(first_name="Ana", last_name="Ito", email="ana.tokyo@people.example")
    UserFactory(first_name="Ana", last_name="Ito", email="ana.osaka@people.example")
    ProductFactory(name="Fire Drill", productable_id=501)
    ProductFactory(name="Fire Drill", productable_id=502)
    TeamFactory(name="Night shift", organization=OrganizationFactory(name="Umbrella"))
    browser = signed_in(root)

    def offered(model, field, term):
        return [row["text"] for row in asked(browser, "core", model, field, term=term).json()["results"]]

    assert sorted(offered("membership", "user", "Ito")) == [
        "Ana Ito\nana.osaka@people.example",
        "Ana Ito\nana.tokyo@people.example",
    ]
    assert offered("enrollment", "product", "Fire Drill") == [
        "Fire Drill\nCourse 501",
        "Fire Drill\nCourse 502",
    ]
    assert offered("membership", "team", "Night") == ["Night shift\nUmbrella"]
