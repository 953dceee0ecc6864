"""Inviting people who have an account elsewhere. Otto belongs to Globex; Acme asks him to join."""

import re
from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from core.errors import Refusal
from core.models import GroupMembership, Invitation, Membership, Notice
from core.services import invitations, memberships
from core.tasks import send_invitation
from tests.factories import GroupAssignmentFactory, InvitationFactory, ThinkificGroupFactory, builtin_role


@pytest.fixture
def asked(acme, mara, otto) -> Invitation:
    return invitations.invite(team=acme, user=otto, role=builtin_role("student"), address=otto.email, by=mara)


def link_of(invitation: Invitation) -> tuple[str, str]:
    key, token = invitations.address_of(invitation).strip("/").split("/")[-2:]
    return key, token


def test_who_is_invited_joins_nothing_before_they_agree(asked, otto, acme, globex):
    group = ThinkificGroupFactory(thinkific_id=5)
    GroupAssignmentFactory(team=acme, group=group, direction="bidirectional")

    assert [m.team for m in otto.memberships.all()] == [globex]
    assert not GroupMembership.objects.exists()

    invitations.accept(asked, by=otto)

    joined = Membership.objects.get(team=acme, user=otto)
    assert (joined.role.code, joined.as_guest) == ("student", True)
    assert GroupMembership.objects.filter(group=group, user=otto).exists()
    assert not Invitation.objects.exists()
    assert joined.history.get().history_user == otto


def test_who_asked_hears_the_answer(asked, otto, mara):
    invitations.decline(asked)

    assert [n.text for n in Notice.objects.filter(user=mara)] == [
        "otto@globex.example declined the invitation to Acme."
    ]
    assert Invitation.history.filter(history_type="-").get().history_user == otto


def days_pass(days: float) -> None:
    """Whatever has happened to invitations, happened so many days earlier."""
    for row in Invitation.history.all():
        Invitation.history.filter(pk=row.pk).update(history_date=row.history_date - timedelta(days=days))


def test_after_a_no_the_team_does_not_ask_again_for_30_days(asked, acme, mara, otto):
    def ask() -> None:
        student = builtin_role("student")
        invitations.invite(team=acme, user=otto, role=student, address=otto.email, by=mara)

    invitations.decline(asked)
    for days in (0, 29.9):
        days_pass(days)
        with pytest.raises(Refusal, match="declined"):
            ask()

    days_pass(0.2)
    ask()
    assert Invitation.objects.get().user == otto


def test_nobody_gets_more_than_three_mails_a_day(asked, acme, mara, otto):
    invitations.send_again(asked, by=mara)
    invitations.withdraw(Invitation.objects.get(), by=mara)
    invitations.invite(team=acme, user=otto, role=builtin_role("student"), address=otto.email, by=mara)
    for days in (0, 0.9):
        days_pass(days)
        with pytest.raises(Refusal, match="Wait a day"):
            invitations.send_again(Invitation.objects.get(), by=mara)

    days_pass(0.2)
    invitations.send_again(Invitation.objects.get(), by=mara)


def test_a_full_or_archived_team_invites_nobody_and_takes_nobody(asked, acme, mara, otto, ana, bo):
    acme.max_members = 2
    acme.save()
    with pytest.raises(Refusal, match="no room"):
        invitations.accept(asked, by=otto)
    acme.max_members, acme.archived_at = None, timezone.now()
    acme.save()
    with pytest.raises(Refusal, match="archived"):
        invitations.accept(asked, by=otto)

    assert Invitation.objects.get() == asked
    assert not Membership.objects.filter(team=acme, user=otto).exists()


def test_an_invitation_is_void_when_who_asked_may_no_longer_ask(asked, mara, otto, acme):
    assert invitations.why_void(asked) == ""
    Membership.objects.filter(team=acme, user=mara).update(role=builtin_role("student"))

    with pytest.raises(Refusal, match="no longer manages"):
        invitations.accept(Invitation.objects.get(), by=otto)


def test_nobody_joins_by_a_role_that_who_asked_could_no_longer_give(acme, mara, otto):
    """Mara was an owner when she asked; what she is now could not give the role."""
    asked = InvitationFactory(team=acme, user=otto, invited_by=mara, role=builtin_role("owner"))

    with pytest.raises(Refusal, match="can no longer be given"):
        invitations.accept(asked, by=otto)


def test_joining_another_way_ends_the_invitation(asked, alma, otto, acme):
    memberships.add_member(team=acme, user=otto, role=builtin_role("student"), by=alma)

    assert not Invitation.objects.exists()
    with pytest.raises(Refusal, match="is over"):
        invitations.accept(asked, by=otto)


def test_the_mail_goes_to_the_account_and_its_link_begins_with_the_site(asked, otto, mailoutbox):
    assert send_invitation(asked.pk) == ""

    [mail] = mailoutbox
    [link] = re.findall(r"\S+/invitation/\S+", mail.body)
    assert mail.to == [otto.email]
    key, token = link.removeprefix(f"{settings.SITE_URL}/admin/invitation/").strip("/").split("/")
    assert invitations.find(key, token) == asked
    assert "Mara Marsh (mara@acme.example) invites you" in mail.body


def test_a_switched_off_account_gets_no_mail_and_its_link_is_void(asked, otto, mailoutbox):
    otto.is_active = False
    otto.save()

    assert send_invitation(asked.pk) == ""
    assert not mailoutbox
    assert invitations.find(*link_of(asked)) is None


def test_a_link_is_found_by_its_own_token_only(asked, acme, gwen, otto):
    other = InvitationFactory(team=acme, user=gwen)
    key, token = link_of(asked)

    assert invitations.find(key, token) == asked
    assert invitations.find(link_of(other)[0], token) is None
    assert invitations.find(key, token[:-1]) is None
    assert invitations.find(key, "x" * 60) is None
    for rubbish in ("", "x", "MTAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA", "é", "LTE"):
        assert invitations.find(rubbish, token) is None


def test_a_link_is_void_after_a_newer_mail_a_new_address_and_two_weeks(asked, otto, mara):
    first = link_of(asked)
    invitations.send_again(asked, by=mara)
    asked.refresh_from_db()
    second = link_of(asked)
    assert (invitations.find(*first), invitations.find(*second)) == (None, asked)

    otto.email = "moved@globex.example"
    otto.save()
    assert invitations.find(*second) is None
    assert timedelta(days=14) == invitations.LINK_WORKS_FOR
