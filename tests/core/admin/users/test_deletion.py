"""Delete User: who may do it, what the dialog names, how it is confirmed, and what is refused."""

import re

import pytest
from django.urls import reverse
from django.utils import timezone

from core.models import ImpersonationSession, Membership, OutboxEntry, SiteSettings, Team, User
from core.services.accounts import deletions
from tests.factories import (
    CertificateFactory,
    EnrollmentFactory,
    GroupAssignmentFactory,
    GroupMembershipFactory,
    MembershipFactory,
    OutboxEntryFactory,
    RoleFactory,
    TeamFactory,
    builtin_role,
)


def address(user: User) -> str:
    return reverse("admin:core_user_do", args=[user.pk, "delete"])


def confirmed(user: User, **values) -> dict:
    return {"email": user.email, "described": deletions.describe(user).fingerprint(), **values}


def words(response) -> str:
    return re.sub(r"\s+", " ", response.content.decode()).replace("&#x27;", "'")


@pytest.fixture
def both_are_deleted(db):
    SiteSettings.load()
    SiteSettings.objects.update(delete_students=True, delete_users=True)


@pytest.fixture
def ana_there(ana, both_are_deleted):
    """Ana, who is in Thinkific too."""
    User.objects.filter(pk=ana.pk).update(thinkific_id=4711)
    ana.refresh_from_db()
    return ana


def test_the_question_names_in_numbers_what_is_destroyed_and_destroys_nothing(alma, ana_there, signed_in):
    EnrollmentFactory.create_batch(2, user=ana_there)
    CertificateFactory(user=ana_there)

    page = words(signed_in(alma).get(address(ana_there)))

    assert "2 enrollments, 1 certificate and 1 team membership" in page
    assert "The Thinkific account 4711 is deleted too, permanently, with its progress" in page
    assert "Type ana@acme.example." in page
    assert User.objects.filter(pk=ana_there.pk).exists()


def test_who_is_confirmed_is_deleted_and_thinkific_is_told(alma, ana_there, signed_in):
    page = words(signed_in(alma).post(address(ana_there), confirmed(ana_there), follow=True))

    assert "Ana Ames is deleted." in page
    assert not User.objects.filter(pk=ana_there.pk).exists()
    entry = OutboxEntry.objects.get()
    assert (entry.entity, entry.object_id, entry.thinkific_id) == ("user", ana_there.pk, 4711)
    assert entry.requested_by == alma


def test_an_address_in_capitals_confirms_as_well(alma, ana_there, signed_in):
    signed_in(alma).post(address(ana_there), confirmed(ana_there, email=" ANA@Acme.example "))

    assert not User.objects.filter(pk=ana_there.pk).exists()


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("", "Nothing was deleted"),
        ("bo@acme.example", "This is not the e-mail of Ana Ames"),
        ("ana", "This is not the e-mail of Ana Ames"),
        ("a" * 10_000 + "@acme.example", "at most 254"),
    ],
)
def test_nobody_is_deleted_without_the_right_address(alma, ana_there, signed_in, typed, says):
    response = signed_in(alma).post(address(ana_there), confirmed(ana_there, email=typed))

    assert says in str(response.context["form"].errors["email"])
    assert User.objects.filter(pk=ana_there.pk).exists()
    assert not OutboxEntry.objects.exists()


@pytest.mark.parametrize("shown", [None, "", "0-0-0-0-0-0-0", "x" * 10_000])
def test_nobody_is_deleted_who_was_not_described(alma, ana_there, signed_in, shown):
    form = {"email": ana_there.email} | ({} if shown is None else {"described": shown})

    assert "has changed since you opened this" in words(signed_in(alma).post(address(ana_there), form))
    assert User.objects.filter(pk=ana_there.pk).exists()


def test_what_came_to_somebody_after_the_question_is_shown_and_asked_again(alma, ana_there, signed_in):
    form = confirmed(ana_there)
    EnrollmentFactory(user=ana_there)

    first = signed_in(alma).post(address(ana_there), form)
    assert "1 enrollment" in words(first)
    assert User.objects.filter(pk=ana_there.pk).exists()

    again = {"email": ana_there.email, "described": first.context["form"]["described"].value()}
    signed_in(alma).post(address(ana_there), again)
    assert not User.objects.filter(pk=ana_there.pk).exists()


def test_a_second_click_finds_nobody(alma, ana_there, signed_in):
    form = confirmed(ana_there)
    signed_in(alma).post(address(ana_there), form)

    again = signed_in(alma).post(address(ana_there), form)

    assert again.status_code == 404
    assert OutboxEntry.objects.count() == 1


@pytest.mark.parametrize(
    ("is_dashboard_user", "setting"),
    [(False, "delete students in Thinkific"), (True, "delete users in Thinkific")],
)
def test_where_the_settings_keep_the_account_only_the_one_here_goes(
    alma, ana, signed_in, is_dashboard_user, setting
):
    User.objects.filter(pk=ana.pk).update(thinkific_id=4711, is_dashboard_user=is_dashboard_user)
    ana.refresh_from_db()

    page = words(signed_in(alma).get(address(ana)))
    assert (
        "The Thinkific account stays, and the next pull of the users brings the person back without teams. "
        "The enrollments, quiz results and certificates that Thinkific has follow, most often within "
        "minutes; until then seats do not count them. To keep somebody out, switch the account off in Edit "
        "Profile instead. To delete both, switch on "
        f"“{setting}” in Settings." in page
    )
    said = words(signed_in(alma).post(address(ana), confirmed(ana), follow=True))

    assert "Ana Ames is deleted." in said
    assert not User.objects.filter(pk=ana.pk).exists()
    assert not OutboxEntry.objects.exists()


def test_the_question_says_what_brings_a_person_into_teams_again(alma, ana, acme, signed_in):
    User.objects.filter(pk=ana.pk).update(thinkific_id=4711)
    SiteSettings.load()
    SiteSettings.objects.update(default_team=acme)
    group = GroupMembershipFactory(user=ana).group
    GroupAssignmentFactory(group=group, team=acme, direction="bidirectional")

    page = words(signed_in(alma).get(address(ana)))

    assert "brings the person back into the default team. Groups in Thinkific whose members join" in page


@pytest.mark.parametrize("right", ["owner", "manager", "allowed", "global", "dashboard", "none", "denied"])
def test_a_user_is_whoever_holds_a_right_and_all_others_are_students(ana, acme, right):
    """With "delete students" on and "delete users" off, the Thinkific account of a manager stays."""
    SiteSettings.load()
    SiteSettings.objects.update(delete_students=True)
    membership = Membership.objects.filter(user=ana)
    User.objects.filter(pk=ana.pk).update(thinkific_id=4711)
    if right == "owner":
        Team.objects.filter(pk=acme.pk).update(owner=ana)
    elif right == "manager":
        membership.update(role=builtin_role("manager"))
    elif right == "allowed":
        membership.update(overrides={"users.view": "allow"})
    elif right == "global":
        User.objects.filter(pk=ana.pk).update(global_role=RoleFactory(is_global=True))
    elif right == "dashboard":
        User.objects.filter(pk=ana.pk).update(is_dashboard_user=True)
    elif right == "denied":
        role = RoleFactory(permissions=["users.view"])
        membership.update(role=role, overrides={"users.view": "deny"})
    ana.refresh_from_db()

    is_student = right in {"none", "denied"}
    told = deletions.describe(ana)

    assert told.thinkific_id == (4711 if is_student else None)
    assert bool(told.stays_in_thinkific) != is_student


def test_an_owner_of_many_teams_reads_how_many(alma, owen, acme, signed_in):
    for number in range(11):
        TeamFactory(name=f"Ten {number:02}", owner=owen)

    page = words(signed_in(alma).get(address(owen)))

    assert "owns Acme, Ten 00, Ten 01 and 9 more. Make somebody else the owner first." in page


@pytest.mark.parametrize("removed_at", [None, timezone.now()])
def test_who_is_not_in_thinkific_is_deleted_here_alone(alma, ana, signed_in, removed_at):
    User.objects.filter(pk=ana.pk).update(thinkific_id=4711 if removed_at else None, removed_at=removed_at)
    ana.refresh_from_db()

    signed_in(alma).post(address(ana), confirmed(ana))

    assert not User.objects.filter(pk=ana.pk).exists()
    assert not OutboxEntry.objects.exists()


def test_owners_oneself_and_who_was_impersonated_stay(alma, root, owen, acme, ana_there, signed_in):
    ImpersonationSession.objects.create(impersonator=alma, impersonated=ana_there)
    client = signed_in(alma)

    for user, says in [(owen, "owns Acme"), (alma, "yourself"), (ana_there, "record of impersonations")]:
        assert says in words(client.get(address(user)))
        assert says in words(client.post(address(user), confirmed(user)))
        assert User.objects.filter(pk=user.pk).exists()
    assert client.post(address(root), confirmed(root)).status_code == 403
    other = signed_in(root).post(address(root), confirmed(root))
    assert "yourself" in words(other)


def test_an_account_that_is_being_made_is_waited_for(alma, ana, signed_in, both_are_deleted):
    entry = OutboxEntryFactory(entity="user", object_id=ana.pk, status="in_flight")

    refused = signed_in(alma).post(address(ana), confirmed(ana))
    assert "is being made in Thinkific" in words(refused)
    assert User.objects.filter(pk=ana.pk).exists()

    OutboxEntry.objects.filter(pk=entry.pk).update(status="pending", uncertain=True)
    assert "or may have been" in words(signed_in(alma).get(address(ana)))


def test_only_who_may_delete_everywhere_may(mara, acme, alma, ana, ana_there, bo, signed_in):
    mighty = RoleFactory(name="Mighty", permissions=["users.view", "teams.view", "users.delete"])
    mona = MembershipFactory(team=acme, role=mighty).user
    helper = RoleFactory(name="Helper", is_global=True, permissions=["users.view", "users.delete"])
    hugo = MembershipFactory(team=acme).user
    User.objects.filter(pk=hugo.pk).update(global_role=helper)

    for person in (mara, mona, bo):
        assert signed_in(person).get(address(ana_there)).status_code == 403
        assert signed_in(person).post(address(ana_there), confirmed(ana_there)).status_code == 403
    # Hugo may delete people, but nobody who may do more than he.
    assert signed_in(hugo).post(address(alma), confirmed(alma)).status_code == 403
    assert User.objects.filter(pk__in=[alma.pk, ana_there.pk]).count() == 2
    signed_in(hugo).post(address(ana_there), confirmed(ana_there))
    assert not User.objects.filter(pk=ana_there.pk).exists()


def test_the_waiting_deletion_is_named_without_a_dead_link(alma, ana_there, signed_in):
    signed_in(alma).post(address(ana_there), confirmed(ana_there))

    page = words(signed_in(alma).get(reverse("admin:core_outboxentry_changelist")))

    assert f"User {ana_there.pk}, deleted here; 4711 in Thinkific" in page
    assert reverse("admin:core_user_change", args=[ana_there.pk]) not in page
