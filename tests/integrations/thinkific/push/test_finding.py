"""What is there already is found, also where Thinkific spells it with other capitals."""

import pytest

from core.models import OutboxEntry, ThinkificGroup
from core.services import groups, people
from integrations.models import SyncRun
from integrations.thinkific.push import find_account

from .conftest import counts


@pytest.fixture
def spelled(site, thinkific):
    """A person whose address Thinkific stores with capitals, and finds only with these."""
    thinkific.set_options(emails="exact")
    fields = {"email": "Ada.Roe@New.Example", "first_name": "Ada", "last_name": "Roe"}
    return site.write("create_user", fields=fields)


@pytest.mark.parametrize("token", [True, False])
def test_an_account_whose_address_has_capitals_is_linked(
    push, pull, spelled, settings, thinkific, token, writes
):
    if not token:
        settings.THINKIFIC_ACCESS_TOKEN = ""
    user = people.create_user(email="ada.roe@new.example", first_name="Ada", last_name="Roe")

    assert push() == {"done": 1}

    user.refresh_from_db()
    assert user.thinkific_id == spelled.id
    assert writes() == ["POST /users"]  # refused; nothing differs, so nothing more is sent
    pull("users")
    assert counts(pull("users")) == {}


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("ana@xn--mller-kva.example", "ana@mu\u0308ller.example"),
        ("ana@xn--mller-kva.example", "ana@müller.example"),
        ("ian@new.example", "\u0131an@new.example"),
    ],
)
@pytest.mark.parametrize("token", [True, False])
def test_an_account_whose_address_is_written_differently_is_linked(
    push, site, thinkific, settings, monkeypatch, ours, theirs, token
):
    """Thinkific treats the two addresses as the same, but its filter compares them exactly."""
    thinkific.set_options(emails="exact")
    there = site.write("create_user", fields={"email": theirs, "first_name": "Ada", "last_name": "Roe"})
    site.user_id_by_email[ours] = there.id
    if token:
        monkeypatch.setattr(find_account, "SEARCH_UP_TO", -1)  # GraphQL has to find them
    else:
        settings.THINKIFIC_ACCESS_TOKEN = ""
    user = people.create_user(email=ours, first_name="Ada", last_name="Roe")

    push()

    user.refresh_from_db()
    assert user.thinkific_id == there.id


def test_on_a_large_site_a_pull_links_it(push, pull, spelled, settings, monkeypatch):
    settings.THINKIFIC_ACCESS_TOKEN = ""
    monkeypatch.setattr(find_account, "SEARCH_UP_TO", -1)
    user = people.create_user(email="ada.roe@new.example", first_name="Ada", last_name="Roe")

    assert push(1) == {"retried": 1}
    assert "A pull of people looks for them" in OutboxEntry.objects.get().error
    assert SyncRun.objects.get(kind="users").status == "queued"

    pull("users")
    assert push() == {"done": 1}
    user.refresh_from_db()
    assert user.thinkific_id == spelled.id


def test_whom_a_pull_does_not_find_either_a_person_must_look_for(
    push, pull, thinkific, settings, monkeypatch
):
    settings.THINKIFIC_ACCESS_TOKEN = ""
    monkeypatch.setattr(find_account, "SEARCH_UP_TO", -1)
    taken = {"errors": {"email": ["has already been taken"]}}
    thinkific.faults.add("422", method="POST", path="/users", told=taken)
    people.create_user(email="ada.roe@new.example", first_name="Ada", last_name="Roe")
    push(1)
    pull("users")

    assert push() == {"failed": 1}
    assert "lists nobody with it" in OutboxEntry.objects.get().error


def test_a_group_whose_name_has_other_capitals_is_linked(site, push, pull, thinkific):
    thinkific.set_options(group_names="any_case")
    site.write("create_group", name="ACME People")
    group = groups.create(name="Acme people")

    assert push() == {"done": 1}

    group.refresh_from_db()
    assert (group.thinkific_id, group.name) == (site.groups.listing[-1]["id"], "ACME People")
    pull("groups")
    assert ThinkificGroup.objects.filter(name__iexact="acme people").count() == 1


def test_a_pull_recognises_it_as_well(site, pull):
    group = groups.create(name="Acme people")
    site.write("create_group", name="ACME People")

    pull("groups")

    group.refresh_from_db()
    assert (group.thinkific_id, group.name) == (site.groups.listing[-1]["id"], "ACME People")


def test_of_two_names_that_differ_by_capitals_the_equal_one_is_taken(site, push):
    for name in ("ACME PEOPLE", "Acme people", "acme people"):
        site.write("create_group", name=name)
    group = groups.create(name="Acme people")

    push()

    group.refresh_from_db()
    assert group.thinkific_id == site.groups.listing[-2]["id"]
