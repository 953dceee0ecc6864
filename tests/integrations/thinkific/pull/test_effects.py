"""The notice, the page and the lists of runs show the same counts of what the person asked for."""

import pytest

from core.models import GroupMembership, Notice, SiteSettings, ThinkificGroup, User
from integrations.progress import describe, result_line
from tests.factories import GroupAssignmentFactory, builtin_role

pytestmark = pytest.mark.django_db


def notice_of(run, person) -> str:
    """Returns the text of the person's notice, which must be on every page about the run."""
    run.refresh_from_db()
    text = Notice.objects.filter(user=person).latest("pk").text
    assert result_line(run) in text
    assert describe(run)["line"] == result_line(run)
    return text


@pytest.fixture
def group(pull):
    """A group of Thinkific whose members are stored here."""
    pull("users")
    pull("groups")
    return ThinkificGroup.objects.filter(memberships__isnull=False).first()


def test_an_import_from_groups_says_who_joined_the_team(pull, group, acme, alma, signed_in):
    members = group.memberships.count()
    stranger = User.objects.get(pk=group.memberships.first().user_id)
    GroupMembership.objects.filter(user=stranger).delete()
    stranger.delete()
    mapping = {"group_id": group.pk, "team_id": acme.pk, "role_id": builtin_role("student").pk}

    run = pull("groups", started_by=alma, mappings=[mapping])

    assert f"{members} people joined Acme" in notice_of(run, alma)
    assert "1 account made" in notice_of(run, alma)
    page = signed_in(alma).get(f"/admin/integrations/syncrun/{run.pk}/change/").content.decode()
    assert f"{members} people joined Acme" in page

    again = pull("groups", started_by=alma, mappings=[mapping])
    assert "nobody new joined Acme" in notice_of(again, alma)


def test_an_import_into_a_team_says_who_joined_it(pull, acme, alma):
    assert "40 people joined Acme" in notice_of(pull("users", started_by=alma, team_id=acme.pk), alma)
    assert "nobody new joined Acme" in notice_of(pull("users", started_by=alma, team_id=acme.pk), alma)


def test_the_default_team_is_named_when_somebody_joined_it(pull, acme, alma):
    SiteSettings.objects.update(default_team=acme)

    assert "40 people joined Acme" in notice_of(pull("users", started_by=alma), alma)
    assert "joined" not in notice_of(pull("users", started_by=alma), alma)


def test_a_sync_of_groups_counts_members_and_teams(pull, connected, group, acme, alma):
    GroupAssignmentFactory(group=group, team=acme, direction="thinkific_to_dashboard")
    SiteSettings.objects.update(mirror_group_removals=True)
    pull("groups")
    site, there = connected.site, [group.thinkific_id]
    members = list(site.members[group.thinkific_id])
    newcomer = next(user.id for user in site.users if user.id not in members)
    site.write("remove_from_groups", user_ids=members[:1], group_ids=there)
    site.write("add_members", user_ids=[newcomer], group_ids=there)

    text = notice_of(pull("groups", started_by=alma), alma)

    for words in (
        "1 person joined Acme",
        "1 person joined a group",
        "1 person left a group",
        "1 person left a team with it",
    ):
        assert words in text


def test_accounts_that_a_sync_of_enrollments_makes_are_counted(pull, alma):
    pull("products")

    text = notice_of(pull("enrollments", started_by=alma), alma)

    assert f"{User.objects.filter(thinkific_id__isnull=False).count()} accounts made" in text


def test_a_run_that_only_sends_does_not_speak_of_rows(pull, connected, alma):
    text = notice_of(pull("enrollments", started_by=alma, direction="dashboard_to_thinkific"), alma)

    assert "0 sent to Thinkific" in text
    assert "read" not in text
