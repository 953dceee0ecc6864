"""Mara manages Acme and sees nothing of Globex on any screen. Ana, a student, gets no screen at all."""

import re

import pytest
from django.contrib import admin
from django.contrib.messages import get_messages
from django.urls import reverse

from core.models import (
    GroupAssignment,
    GroupMembership,
    Membership,
    OutboxEntry,
    SeatAssignment,
    User,
)
from tests.factories import (
    CertificateFactory,
    EnrollmentFactory,
    MembershipFactory,
    ProductFactory,
    QuizFactory,
    QuizResultFactory,
    SeatFactory,
    TagFactory,
    ThinkificGroupFactory,
)

SCOPED = [
    "user",
    "team",
    "thinkificgroup",
    "product",
    "seat",
    "enrollment",
    "quizresult",
    "certificate",
    "tag",
]
# What Otto's side holds. None of these words may stand on a page of Mara's.
SECRET = re.compile(r"\b(otto|globex|gwen|secret)\b", re.IGNORECASE)


@pytest.fixture
def office(mara, signed_in):
    return signed_in(mara)


def one_of_each_kind(word, *, person, team, course, seat):
    """What somebody of a team has to do with a course, and who they are; by the name of the model."""
    group = ThinkificGroupFactory(name=f"{word} group")
    GroupAssignment.objects.create(group=group, team=team)
    GroupMembership.objects.create(group=group, user=person)
    tag = TagFactory(name=f"{word.lower()}-tag")
    person.tags.add(tag)
    quiz = QuizFactory(product=course, name=f"{word} quiz")
    return {
        "user": person,
        "team": team,
        "product": course,
        "seat": seat,
        "thinkificgroup": group,
        "tag": tag,
        "enrollment": EnrollmentFactory(user=person, product=course),
        "quizresult": QuizResultFactory(user=person, quiz=quiz),
        "certificate": CertificateFactory(user=person, product=course, credential_id=f"{word.lower()}-1"),
    }


@pytest.fixture
def hidden(otto, globex):
    """One object of each kind at Globex, in a course that only Globex has a seat on."""
    course = ProductFactory(name="Secret course")
    seat = SeatFactory(name="Secret seat", product=course, teams=[globex])
    return one_of_each_kind("Secret", person=otto, team=globex, course=course, seat=seat)


@pytest.fixture
def shown(ana, acme, accounting, acme_seat):
    """The same at Acme."""
    return one_of_each_kind("Shown", person=ana, team=acme, course=accounting, seat=acme_seat)


def url(name: str, page: str, *args) -> str:
    return reverse(f"admin:core_{name}_{page}", args=args)


@pytest.mark.parametrize("name", SCOPED)
def test_a_list_shows_the_viewers_teams_and_no_other(office, hidden, shown, name):
    response = office.get(url(name, "changelist"))

    listed = {row.pk for row in response.context["cl"].result_list}
    assert shown[name].pk in listed
    assert hidden[name].pk not in listed
    assert not SECRET.search(response.content.decode())


@pytest.mark.parametrize("name", SCOPED)
@pytest.mark.parametrize("view", ["change", "history", "delete"])
def test_a_guessed_id_answers_like_a_missing_one(office, hidden, shown, name, view):
    def answer(key):
        response = office.get(url(name, view, key))
        said = [str(message).replace(str(key), "ID") for message in get_messages(response.wsgi_request)]
        return response.status_code, response.headers.get("Location"), said[-1:]

    assert answer(hidden[name].pk) == answer(987_654_321)


@pytest.mark.parametrize("name", SCOPED)
def test_a_guessed_tab_answers_like_a_missing_one(office, hidden, shown, name):
    for tab in admin.site._registry[type(hidden[name])].tabs:
        response = office.get(url(name, "change", hidden[name].pk), {"tab": tab.slug})

        assert response.status_code == 302


@pytest.mark.parametrize("name", SCOPED)
def test_every_page_of_an_own_object_keeps_other_teams_out(office, hidden, shown, otto, acme, name, globex):
    """Otto joins Acme too, Ana joins Globex, and the seat is shared: what is shown is still Acme's part."""
    MembershipFactory(team=globex, user=shown["user"])
    SeatAssignment.objects.create(team=globex, seat=shown["seat"], product=shown["product"])
    GroupAssignment.objects.create(group=shown["thinkificgroup"], team=globex)
    GroupMembership.objects.create(group=shown["thinkificgroup"], user=otto)
    EnrollmentFactory(user=shown["user"], product=hidden["product"])
    for tab in ["", *(tab.slug for tab in admin.site._registry[type(shown[name])].tabs)]:
        response = office.get(url(name, "change", shown[name].pk), {"tab": tab})

        assert response.status_code == 200
        found = SECRET.search(response.content.decode())
        assert not found, f"{name}, tab {tab!r}: {found}"


FILTERS = [
    ("user", "team", "team"),
    ("user", "tag", "tag"),
    ("enrollment", "product", "product"),
    ("enrollment", "team", "team"),
    ("seat", "team", "team"),
    ("seat", "product", "product"),
    ("thinkificgroup", "team", "team"),
    ("quizresult", "team", "team"),
    ("certificate", "product", "product"),
]


@pytest.mark.parametrize(("name", "parameter", "target"), FILTERS)
def test_a_filter_by_what_is_hidden_finds_nothing_and_names_nothing(
    office, hidden, shown, name, parameter, target
):
    # Ana is in Globex as well: filtering by it would tell.
    MembershipFactory(team=hidden["team"], user=shown["user"])

    response = office.get(url(name, "changelist"), {parameter: hidden[target].pk})

    assert list(response.context["cl"].result_list) == []
    assert not SECRET.search(re.sub(r'value="\d+"', "", response.content.decode()))


@pytest.mark.parametrize(("name", "parameter", "target"), FILTERS)
def test_a_filter_by_what_is_visible_works(office, shown, name, parameter, target):
    response = office.get(url(name, "changelist"), {parameter: shown[target].pk})

    assert shown[name] in response.context["cl"].result_list


@pytest.mark.parametrize("name", SCOPED)
def test_a_search_finds_nothing_of_another_team(office, hidden, shown, name):
    for word in ["otto", "globex", "secret", str(hidden["product"].productable_id)]:
        response = office.get(url(name, "changelist"), {"q": word})

        assert list(response.context["cl"].result_list) == []


@pytest.mark.parametrize(
    "lookup", ["password__startswith", "memberships__team", "email", "global_role__name", "owner__password"]
)
@pytest.mark.parametrize("name", ["user", "team"])
def test_columns_that_no_filter_offers_cannot_be_asked_for(office, name, lookup):
    assert office.get(url(name, "changelist"), {lookup: "x"}).status_code == 400


@pytest.mark.parametrize(
    ("model", "field"),
    [("membership", "team"), ("enrollment", "product"), ("usertag", "tag"), ("quizresult", "quiz")],
)
def test_autocomplete_offers_what_is_visible(office, hidden, shown, model, field):
    response = office.get(
        reverse("admin:autocomplete"), {"app_label": "core", "model_name": model, "field_name": field}
    )

    assert response.status_code == 200
    assert response.json()["results"]
    assert not SECRET.search(response.content.decode())


def test_the_name_of_a_seat_is_internal(office, shown):
    shown["seat"].name = "Internal name"
    shown["seat"].save()

    for page in [url("seat", "changelist"), url("seat", "change", shown["seat"].pk)]:
        assert "Internal name" not in office.get(page).content.decode()


def test_choices_of_a_foreign_key_are_the_visible_ones(mara, hidden, shown, rf):
    request = rf.get("/")
    request.user = mara
    teams = admin.site._registry[User]

    field = teams.formfield_for_foreignkey(Membership._meta.get_field("team"), request)

    assert set(field.queryset) == {shown["team"]}


# --- exports and actions ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["enrollment", "quizresult", "certificate"])
def test_an_export_holds_the_viewers_rows_only(office, hidden, shown, name):
    text = b"".join(office.get(url(name, "export_file"))).decode()

    assert "ana@acme.example" in text
    assert not SECRET.search(text)


def test_an_action_on_a_guessed_id_answers_like_a_missing_one(alma, signed_in, shown, hidden):
    # Alma may run the tools; limited to what she sees, a missing product is the only case there is.
    response = signed_in(alma).post(url("product", "sync_product", 987_654_321), {"_form_submitted": "on"})

    assert response.status_code == 404


# --- students and roles -------------------------------------------------------------------------------


def core_models():
    return [model for model in admin.site._registry if model._meta.app_label in {"core", "integrations"}]


@pytest.mark.parametrize("model", core_models(), ids=lambda m: m._meta.model_name)
def test_a_student_opens_no_list(ana, signed_in, model):
    address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")

    assert signed_in(ana).get(address).status_code in {403, 404}


@pytest.mark.parametrize("model", core_models(), ids=lambda m: m._meta.model_name)
def test_a_student_opens_no_detail(ana, signed_in, shown, model):
    row = model._default_manager.first()
    if row is None:
        row = next((v for v in shown.values() if isinstance(v, model)), None)
    address = reverse(
        f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[row.pk if row else 1]
    )
    client = signed_in(ana)

    assert client.get(address).status_code in {302, 403, 404}
    assert client.post(address, {}).status_code in {302, 403, 404}


@pytest.mark.parametrize("name", ["enrollment", "quizresult", "certificate"])
def test_a_student_exports_nothing(ana, signed_in, shown, name):
    assert signed_in(ana).get(url(name, "export_file")).status_code == 403


ROLES = {
    # model: may open its list: superuser, administrator, owner, manager
    "user": (True, True, True, True),
    "team": (True, True, True, True),
    "organization": (True, True, False, False),
    "role": (True, True, False, False),
    "thinkificgroup": (True, True, True, True),
    "product": (True, True, True, True),
    "quiz": (True, True, True, True),
    "seat": (True, True, True, True),
    "enrollment": (True, True, True, True),
    "quizresult": (True, True, True, True),
    "certificate": (True, True, True, True),
    "tag": (True, True, True, True),
    "apitoken": (True, True, False, False),
    "webhookendpoint": (True, True, False, False),
    "webhookdelivery": (True, True, False, False),
    "stripeevent": (True, True, False, False),
    "impersonationsession": (True, True, False, False),
    "thinkificopening": (True, True, False, False),
    "importbatch": (True, True, True, False),
    "outboxentry": (True, True, False, False),
    "emailtext": (True, True, False, False),
    "exportfile": (True, True, True, True),
    "migration": (True, True, False, False),
}


@pytest.mark.parametrize("name", ROLES)
def test_who_opens_which_list(root, alma, owen, mara, signed_in, name):
    opened = tuple(
        signed_in(person).get(url(name, "changelist")).status_code == 200
        for person in (root, alma, owen, mara)
    )

    assert opened == ROLES[name]


def test_the_table_of_roles_misses_no_screen():
    listed = {model._meta.model_name for model in core_models() if model._meta.app_label == "core"}

    assert listed == set(ROLES) | {"sitesettings"}


@pytest.mark.parametrize("name", SCOPED)
def test_nobody_adds_or_deletes_what_is_mirrored(root, signed_in, shown, name):
    client = signed_in(root)
    assert client.get(url(name, "add")).status_code == 403
    assert client.post(url(name, "delete", shown[name].pk), {"post": "yes"}).status_code == 403
    assert client.post(url(name, "change", shown[name].pk), {}).status_code == 403


def test_settings_are_changed_by_administrators(alma, mara, signed_in):
    assert signed_in(mara).get(url("sitesettings", "change", 1)).status_code in {302, 403}
    assert signed_in(alma).get(url("sitesettings", "change", 1)).status_code == 200


@pytest.mark.parametrize("model", core_models(), ids=lambda m: m._meta.model_name)
def test_every_action_has_permissions_and_what_changes_something_asks_first(model, ana):
    screen = admin.site._registry[model]
    names = [*screen.actions_list, *screen.actions_row, *screen.actions_detail, *screen.actions_submit_line]
    for name in names:
        method = getattr(screen, name)

        if dialog := getattr(method, "opens", None):  # asks first, and itself who may answer
            assert not dialog.may(ana, None), name
        else:
            assert method.allowed_permissions, name
            assert name in {"export", "csv_upload", "group_matching"}, name  # they change nothing


def test_history_is_for_administrators(alma, mara, signed_in, shown, settings):
    page = url("user", "history", shown["user"].pk)

    assert signed_in(alma).get(page).status_code == 200
    assert signed_in(alma).get(reverse("admin:history")).status_code == 200
    assert signed_in(mara).get(page).status_code == 404
    assert signed_in(mara).get(reverse("admin:history")).status_code == 403


def test_a_waiting_change_of_another_team_is_not_shown(office, otto):
    OutboxEntry.objects.create(entity="user", object_id=otto.pk, person=otto, reason="otto")

    assert office.get(url("outboxentry", "changelist")).status_code == 403
