"""Taking somebody out of a group, which only a mutation can: it is believed when it is seen."""

import pytest

from core.models import GroupMembership, Membership, OutboxEntry, SiteSettings, ThinkificGroup, User
from core.services import groups, memberships, outbox
from core.services.teams import leaving
from integrations.thinkific.push import groups as push_groups
from tests.factories import TeamFactory, builtin_role


@pytest.fixture
def team(_connected):
    return TeamFactory(name="Acme")


@pytest.fixture
def group(site, pull, push, team):
    """A group in Thinkific, assigned in both directions; the settings allow automatic removals."""
    site.write("create_group", name="Acme people")
    pull("users")
    pull("groups")
    settings = SiteSettings.load()
    settings.mirror_group_removals = True
    settings.save()
    group = ThinkificGroup.objects.get(name="Acme people")
    groups.assign(group=group, team=team)
    return group


@pytest.fixture
def bo(group, team, push):
    """A person who was in the team and the group, and is removed from both now."""
    user = User.objects.filter(thinkific_id__isnull=False, is_dashboard_user=False).first()
    memberships.add_member(team=TeamFactory(), user=user, role=builtin_role("student"))
    membership = memberships.add_member(team=team, user=user, role=builtin_role("student"))
    push()
    leaving.remove_members(team=membership.team, users=[membership.user])
    return user


def is_in(site, group, user):
    return user.thinkific_id in site.members[group.thinkific_id]


def failed():
    return OutboxEntry.objects.get(status="failed").error


def test_who_is_still_there_is_not_gone(site, push, pull, team, group, bo, thinkific):
    thinkific.set_options(mutations="do_nothing")

    assert push()["failed"] == 1

    assert failed() == (
        f"{bo} must leave Acme people in Thinkific. Thinkific said yes, but {bo} is still in the group. "
        "Do it by hand in Thinkific, then discard this change."
    )
    pull("groups")
    assert not Membership.objects.filter(team=team, user=bo).exists()

    # Given up, they are in the group as they always were, and not in the team that they were taken out of.
    outbox.discard(OutboxEntry.objects.filter(status="failed"))
    pull("groups")
    assert GroupMembership.objects.get(group=group, user=bo).removed_at is None
    assert not Membership.objects.filter(team=team, user=bo).exists()


def test_what_takes_a_while_is_looked_at_again(site, push, group, bo, thinkific, monkeypatch):
    monkeypatch.setattr(push_groups, "LATER", 60)
    thinkific.set_options(mutations="do_nothing")
    assert push(1) == {"retried": 1}
    site.write("remove_from_groups", user_ids=[bo.thinkific_id], group_ids=[group.thinkific_id])
    thinkific.reset_stats()

    assert push() == {"done": 1}

    assert [entry for entry in thinkific.stats.writes if "mutation" in entry["body"]] == []


def test_what_was_done_by_hand_is_done(site, push, group, bo, thinkific):
    thinkific.faults.add("graphql_error", code="GRAPHQL_VALIDATION_FAILED")
    assert push() == {"failed": 1}
    site.write("remove_from_groups", user_ids=[bo.thinkific_id], group_ids=[group.thinkific_id])
    thinkific.faults.clear()

    outbox.retry(OutboxEntry.objects.filter(status="failed"))

    assert push() == {"done": 1}


def test_in_a_large_group_one_person_is_asked_for(site, push, group, bo, thinkific, monkeypatch):
    monkeypatch.setattr(push_groups, "PAGE_SIZE", 0)

    assert push() == {"done": 1}

    assert not is_in(site, group, bo)


def test_who_was_deleted_there_is_in_no_group(site, push, group, bo, thinkific, monkeypatch):
    monkeypatch.setattr(push_groups, "PAGE_SIZE", 0)
    site.write("delete_user", user_id=bo.thinkific_id)
    OutboxEntry.objects.filter(status="pending").update(uncertain=True)

    assert push() == {"done": 1}


def test_somebody_unknown_by_one_id_is_asked_for_by_the_other(site, push, group, bo, thinkific):
    thinkific.set_options(mutation_users="gid")

    assert push() == {"done": 1}

    assert not is_in(site, group, bo)


@pytest.mark.parametrize("code", ["GRAPHQL_VALIDATION_FAILED", "SOMETHING_NEW"])
def test_a_refusal_says_what_to_do(site, push, group, bo, thinkific, code):
    thinkific.faults.add("graphql_error", code=code, path="graphql")

    assert push() == {"failed": 1}

    assert failed().startswith(f"{bo} must leave Acme people in Thinkific. Thinkific refuses it: “")
    assert failed().endswith("Do it by hand in Thinkific, then discard this change.")


def test_a_refusal_by_either_id_as_well(site, push, group, bo, thinkific):
    thinkific.set_options(mutation_users="gid")
    thinkific.faults.add("graphql_error", code="NOT_FOUND", path="graphql", after=1)

    assert push() == {"failed": 1}

    assert "User not found”. Do it by hand" in failed()


def test_nor_is_somebody_put_in_unseen(site, push, group, bo, thinkific):
    """Two groups have the same name, so people are also added by a mutation."""
    push()
    site.write("create_group", name="Other")
    ThinkificGroup.objects.create(name=group.name, thinkific_id=site.groups.listing[-1]["id"])
    thinkific.set_options(mutations="do_nothing")
    groups.add_member(group=group, user=bo)

    assert push()["failed"] == 1

    assert "Two groups in Thinkific are called “Acme people”." in failed()
    assert "is not in the group. Do it by hand" in failed()
