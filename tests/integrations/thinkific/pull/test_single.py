"""Sync Now for one person or group; and runs that send waiting changes before they pull, or only send."""

import pytest

from core.errors import Refusal
from core.models import GroupMembership, Notice, OutboxEntry, User
from core.services import people
from integrations.thinkific.runs import lifecycle
from tests.factories import ProductFactory, ThinkificGroupFactory, UserFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def somebody(connected):
    """A person of the stand-in who has an old name here."""
    remote = connected.site.users.listing[3]
    return UserFactory(email=remote.email.lower(), first_name="Old", last_name="Name", thinkific_id=remote.id)


def test_one_person_is_read_again_and_nobody_else(pull, connected, asked, somebody):
    asked()

    run = pull("users", full=False, user_id=somebody.pk)

    somebody.refresh_from_db()
    remote = connected.site.users.listing[3]
    assert (run.status, run.updated) == ("succeeded", 1)
    assert somebody.first_name == remote.first_name
    assert sum(asked().values()) == 1
    assert User.objects.count() == 1


def test_reading_one_person_again_keeps_what_waits_to_be_sent(pull, somebody):
    people.update_user(somebody, first_name="Mine")

    pull("users", full=False, user_id=somebody.pk)

    assert User.objects.get(pk=somebody.pk).first_name == "Mine"


def test_a_person_who_is_gone_is_marked(pull, connected):
    gone = UserFactory(thinkific_id=987_654_321)

    run = pull("users", full=False, user_id=gone.pk)

    gone.refresh_from_db()
    assert gone.removed_at is not None
    assert run.removed == 1


def test_one_group_is_read_with_its_members_and_the_others_stay(pull, connected):
    pull("users")
    pull("groups")
    first, second = list(
        GroupMembership.objects.values_list("group", flat=True).distinct().order_by("group")[:2]
    )
    stranger = UserFactory(thinkific_id=987_654_321)
    for group in (first, second):
        GroupMembership.objects.create(group_id=group, user=stranger)

    run = pull("groups", full=False, group_id=first)

    assert run.status == "succeeded", run.errors
    assert GroupMembership.objects.filter(group=first, removed_at__isnull=True).exists()
    gone = dict(GroupMembership.objects.filter(user=stranger).values_list("group", "removed_at"))
    assert gone[first] is not None
    assert gone[second] is None


def test_a_group_that_is_gone_is_marked(pull, connected):
    gone = ThinkificGroupFactory(thinkific_id=987_654)

    pull("groups", full=False, group_id=gone.pk)

    gone.refresh_from_db()
    assert gone.removed_at is not None


def test_a_run_over_everything_serves_who_asks_for_one_but_not_the_reverse(connected, alma, somebody):
    everything, _ = lifecycle.open_run("users")
    assert lifecycle.request_run("users", started_by=alma, options={"user_id": somebody.pk}).attached
    lifecycle.cancel(everything)

    lifecycle.request_run("users", started_by=alma, options={"user_id": somebody.pk})
    with pytest.raises(Refusal, match="under way"):
        lifecycle.request_run("users", started_by=alma)


@pytest.mark.parametrize(("direction", "read"), [("dashboard_to_thinkific", False), ("both", True)])
def test_a_run_sends_what_waits_first_and_tells_how_much(pull, connected, alma, somebody, direction, read):
    people.update_user(somebody, first_name="Mine")
    ProductFactory()

    run = pull("enrollments", started_by=alma, direction=direction)

    assert run.status == "succeeded"
    assert connected.site.users.listing[3].first_name == "Mine"
    assert not OutboxEntry.objects.unsent().exists()
    assert (run.fetched > 0) == read
    assert "1 sent to Thinkific" in Notice.objects.get(user=alma).text


def test_what_could_not_be_sent_is_named_and_the_rest_is_read(pull, connected, alma):
    ghost = UserFactory(thinkific_id=987_654_321, first_name="Ghost")
    people.update_user(ghost, first_name="Gone")

    run = pull("enrollments", started_by=alma, direction="both")

    assert run.status == "partial"
    assert run.fetched > 0
    assert "1 could not be sent" in Notice.objects.get(user=alma).text
    assert run.errors[0]["object"] == "Waiting changes"
