"""Conflicts: both values are shown, and the value of the other side can be taken once."""

import pytest
from django.urls import reverse

from core.errors import Refusal
from core.models import OutboxEntry, User
from integrations.models import SyncConflict
from integrations.thinkific import conflicts
from tests.dialogs import shown_by
from tests.factories import SyncConflictFactory, UserFactory

LIST = reverse("admin:integrations_syncconflict_changelist")


def do(slug: str, conflict: SyncConflict) -> str:
    return reverse("admin:integrations_syncconflict_do", args=[conflict.pk, slug])


@pytest.fixture
def conflict(ana):
    User.objects.filter(pk=ana.pk).update(thinkific_id=5)
    return SyncConflictFactory(
        entity="user",
        object_id=ana.pk,
        label="ana@acme.example",
        field="first_name",
        ours="Ana",
        theirs="Anita",
        resolution="kept_ours",
    )


def test_both_values_stand_in_the_list_with_the_button_for_the_other(alma, signed_in, conflict):
    page = signed_in(alma).get(LIST).content.decode()

    assert "Anita" in page
    assert do("take-theirs", conflict) in page
    assert do("take-ours", conflict) not in page


def test_thinkifics_value_can_be_taken_once(alma, ana, signed_in, conflict):
    client = signed_in(alma)
    assert "replaces" in client.get(do("take-theirs", conflict)).content.decode()
    assert User.objects.get(pk=ana.pk).first_name == "Ana"

    client.post(do("take-theirs", conflict))
    again = client.post(do("take-theirs", conflict), follow=True).content.decode()

    assert User.objects.get(pk=ana.pk).first_name == "Anita"
    assert SyncConflict.objects.get().settled_by == alma
    assert "has been settled already by Alma Admin: Thinkific&#x27;s value stayed" in again


def test_the_dashboards_value_can_be_taken_and_goes_to_thinkific(alma, ana, signed_in, conflict):
    User.objects.filter(pk=ana.pk).update(first_name="Anita")
    SyncConflict.objects.update(resolution="kept_theirs")

    page = signed_in(alma).post(do("take-ours", conflict), follow=True).content.decode()

    assert User.objects.get(pk=ana.pk).first_name == "Ana"
    assert OutboxEntry.objects.unsent().filter(entity="user", object_id=ana.pk).exists()
    assert "The change is sent to Thinkific in the background" in page


@pytest.fixture
def kept_theirs(conflict, ana):
    User.objects.filter(pk=ana.pk).update(first_name="Anita")
    SyncConflict.objects.update(resolution="kept_theirs")
    return conflict


@pytest.mark.parametrize(
    ("slug", "fixture", "was"), [("take-theirs", "conflict", "Ana"), ("take-ours", "kept_theirs", "Anita")]
)
def test_a_value_that_moved_since_the_page_was_shown_is_not_overwritten(
    request, alma, ana, signed_in, slug, fixture, was
):
    conflict = request.getfixturevalue(fixture)
    client = signed_in(alma)
    sent = shown_by(client, do(slug, conflict))
    User.objects.filter(pk=ana.pk).update(first_name="Anastasia")

    page = client.post(do(slug, conflict), sent)

    (error,) = page.context["form"].non_field_errors()
    assert f"“{was}”" in error and "“Anastasia”" in error
    assert User.objects.get(pk=ana.pk).first_name == "Anastasia"
    assert SyncConflict.objects.get().settled_at is None
    assert not OutboxEntry.objects.exists()
    # What is shown now can be decided.
    assert client.post(do(slug, conflict), shown_by(client, do(slug, conflict))).status_code == 302
    assert User.objects.get(pk=ana.pk).first_name in {"Ana", "Anita"}


@pytest.mark.parametrize(("slug", "fixture"), [("take-theirs", "conflict"), ("take-ours", "kept_theirs")])
def test_a_value_that_thinkific_changed_since_is_not_decided_unseen(
    request, alma, ana, signed_in, slug, fixture
):
    conflict = request.getfixturevalue(fixture)
    client = signed_in(alma)
    sent = shown_by(client, do(slug, conflict))
    before = User.objects.get(pk=ana.pk).first_name
    SyncConflictFactory(
        entity="user", object_id=ana.pk, label=conflict.label, field="first_name", ours="Ana", theirs="Annie"
    )

    page = client.post(do(slug, conflict), sent)

    (error,) = page.context["form"].non_field_errors()
    assert "“Anita”" in error and "“Annie”" in error
    assert User.objects.get(pk=ana.pk).first_name == before
    assert not SyncConflict.objects.exclude(settled_at=None).exists()


def test_the_question_names_the_value_that_would_be_replaced_now(alma, ana, signed_in, conflict):
    User.objects.filter(pk=ana.pk).update(first_name="Anastasia")

    question = signed_in(alma).get(do("take-theirs", conflict)).context["text"]

    assert question == (
        "“Anita” replaces “Anastasia” in the dashboard. The dashboard had “Ana” when the conflict was found."
    )


def test_the_second_of_two_is_told_who_has_settled_it(alma, ana, signed_in, conflict):
    other = UserFactory(first_name="Bea", last_name="Boss", is_superuser=True, is_staff=True)
    sent = shown_by(signed_in(alma), do("take-theirs", conflict))
    form = {"action": "settle_selected", "_selected_action": [conflict.pk]}
    signed_in(other).post(LIST, form)

    single = signed_in(alma).post(do("take-theirs", conflict), sent, follow=True).content.decode()
    marked = signed_in(alma).post(f"{LIST}?settled=no", form, follow=True).content.decode()

    for page in (single, marked):
        assert "has been settled already by Bea Boss: the dashboard&#x27;s value stayed" in page
    assert User.objects.get(pk=ana.pk).first_name == "Ana"
    assert SyncConflict.objects.get().settled_by == other


def test_two_at_the_very_same_moment_are_told_as_well(alma, conflict):
    first, second = SyncConflict.objects.get(), SyncConflict.objects.get()
    conflicts.take_theirs(first, by=alma)

    with pytest.raises(Refusal, match="settled already by Alma Admin"):
        conflicts.take_theirs(second, by=alma)


@pytest.mark.parametrize("who", ["mara", "ana"])
def test_teams_settle_nothing(request, signed_in, conflict, who):
    assert signed_in(request.getfixturevalue(who)).post(do("take-theirs", conflict)).status_code == 403
    assert SyncConflict.objects.get().settled_at is None


@pytest.mark.parametrize(
    ("field", "called"), [("last_name", "Last name"), ("email", "E-mail"), ("unknown_field", "Unknown field")]
)
def test_a_dialog_calls_the_field_as_people_do(signed_in, root, ana, field, called):
    conflict = SyncConflictFactory(label=ana.email, field=field, resolution="kept_ours", object_id=ana.pk)
    url = reverse("admin:integrations_syncconflict_do", args=[conflict.pk, "take-theirs"])

    page = signed_in(root).get(url).content.decode()

    assert f"· <bdi>Ana Ames: {called}</bdi>" in page
    assert field == "email" or field not in page
