"""Joining a team by a sign-up link: what the mail proves, what counts, and what ends a link."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone
from django_q.models import OrmQ

from core.errors import Refusal
from core.models import (
    Membership,
    Notice,
    OutboxEntry,
    SignUp,
    SignUpLink,
    SiteSettings,
    Team,
    User,
)
from core.services.memberships import TeamIsFull
from core.services.people import NotAnAddress
from core.services.storage import fill_folded
from core.services.teams import sign_up_links, sign_ups, teams
from core.tasks import send_sign_up_mail
from tests.factories import RoleFactory, SignUpFactory, SignUpLinkFactory, UserFactory, builtin_role

pytestmark = pytest.mark.usefixtures("sign_up_is_on")


@pytest.fixture
def link(acme, owen) -> SignUpLink:
    return SignUpLinkFactory(team=acme, made_by=owen, max_uses=2)


def asked(link: SignUpLink, email: str = "nora@new.example", **values) -> SignUp:
    sign_ups.ask(link, email=email, first_name="Nora", last_name="New", network=None, **values)
    return SignUp.objects.get(link=link, email=email)


def found(sign_up: SignUp) -> SignUp | None:
    return sign_ups.find(*sign_ups.address_of(sign_up).strip("/").split("/")[-2:])


def test_asking_makes_nothing_but_a_mail(link, mailoutbox):
    sign_up = asked(link)

    send_sign_up_mail(sign_up.pk)

    assert not User.objects.filter(email="nora@new.example").exists()
    link.refresh_from_db()
    assert link.used_count == 0
    [mail] = mailoutbox
    assert mail.to == ["nora@new.example"]
    assert "Please confirm: join Acme" in mail.subject
    assert f"{settings.SITE_URL}/admin/join/confirm/" in mail.body


def test_who_answers_the_mail_gets_an_account_that_reaches_thinkific(link, acme, owen):
    sign_up = asked(link)

    membership = sign_ups.confirm(found(sign_up))

    nora = User.objects.get(email="nora@new.example")
    assert (membership.user, membership.team, membership.role.code) == (nora, acme, "student")
    assert (nora.get_full_name(), nora.home_team, membership.as_guest) == ("Nora New", acme, False)
    assert not nora.has_usable_password()
    assert OutboxEntry.objects.filter(entity="user", object_id=nora.pk).exists()
    link.refresh_from_db()
    sign_up.refresh_from_db()
    assert (link.used_count, sign_up.user) == (1, nora)
    assert "has joined Acme by a sign-up link" in Notice.objects.get(user=owen).text


def test_a_second_click_counts_once(link):
    sign_up = asked(link)

    first, second = sign_ups.confirm(found(sign_up)), sign_ups.confirm(found(sign_up))

    assert first == second
    link.refresh_from_db()
    assert link.used_count == 1


def test_a_known_address_gets_other_words_and_joins_as_a_guest(link, acme, otto, globex, mailoutbox):
    sign_up = asked(link, "OTTO@globex.example".lower())
    send_sign_up_mail(sign_up.pk)
    assert not Membership.objects.filter(team=acme, user=otto).exists()

    membership = sign_ups.confirm(found(sign_up))

    otto.refresh_from_db()
    assert (membership.user, membership.as_guest) == (otto, True)
    assert (otto.home_team, otto.get_full_name()) == (globex, "Otto Oberg")  # nothing typed reaches him
    assert User.objects.filter(email=otto.email).count() == 1
    assert "You have an account with this address" in " ".join(mailoutbox[0].body.split())
    assert "Hello Otto" in mailoutbox[0].body


def test_the_mail_goes_to_the_account_not_to_a_mailbox_that_counts_as_the_same(link, acme, mailoutbox):
    """An i without a dot: one address here, and perhaps two mailboxes."""
    ian = UserFactory(email="ian@globex.example")
    sign_up = asked(link, "\u0131an@globex.example")
    send_sign_up_mail(sign_up.pk)

    assert mailoutbox[0].to == [ian.email]


def test_a_link_sent_before_the_account_does_not_bring_the_account_in(link, acme):
    sign_up = asked(link, "\u0131an@globex.example")
    address = sign_ups.address_of(sign_up)
    UserFactory(email="ian@globex.example")

    assert sign_ups.find(*address.strip("/").split("/")[-2:]) is None


def test_a_switched_off_account_gets_no_mail_and_does_not_join(link, acme, otto, mailoutbox):
    otto.is_active = False
    otto.save(update_fields=["is_active"])
    sign_up = asked(link, otto.email)

    assert send_sign_up_mail(sign_up.pk) == ""
    assert not mailoutbox
    with pytest.raises(Refusal):
        sign_ups.confirm(found(sign_up))
    assert not Membership.objects.filter(team=acme, user=otto).exists()


def test_a_member_is_told_so_and_uses_nothing(link, acme, ana):
    sign_up = asked(link, ana.email)

    assert sign_ups.confirm(found(sign_up)) == Membership.objects.get(team=acme, user=ana)
    link.refresh_from_db()
    assert link.used_count == 0


def _expired(link: SignUpLink) -> None:
    SignUpLink.objects.filter(pk=link.pk).update(expires_at=timezone.now() - timedelta(seconds=1))


def _full(link: SignUpLink) -> None:
    SignUpLink.objects.filter(pk=link.pk).update(used_count=2)


def _revoked(link: SignUpLink) -> None:
    sign_up_links.revoke(link, by=link.made_by)


def _archived(link: SignUpLink) -> None:
    teams.archive(link.team)


def _maker_gone(link: SignUpLink) -> None:
    Membership.objects.filter(team=link.team, user=link.made_by).update(role=builtin_role("student"))


def _maker_off(link: SignUpLink) -> None:
    User.objects.filter(pk=link.made_by_id).update(is_active=False)


@pytest.mark.parametrize("end", [_expired, _full, _revoked, _archived, _maker_gone, _maker_off])
def test_a_link_that_is_over_brings_nobody_also_who_asked_before(link, acme, end):
    sign_up = asked(link)
    end(link)
    there = Membership.objects.filter(team=acme).count()

    with pytest.raises(Refusal):
        sign_ups.confirm(found(sign_up))
    with pytest.raises(Refusal):
        sign_ups.ask(SignUpLink.objects.get(pk=link.pk), email="late@new.example", network=None)

    assert Membership.objects.filter(team=acme).count() == there
    assert not User.objects.filter(email__endswith="@new.example").exists()


def test_the_teams_limit_counts_when_the_mail_is_answered(link, acme, ana):
    sign_up = asked(link)
    Team.objects.filter(pk=acme.pk).update(max_members=1)

    with pytest.raises(TeamIsFull):
        sign_ups.confirm(found(sign_up))

    link.refresh_from_db()
    assert link.used_count == 0
    assert not User.objects.filter(email="nora@new.example").exists()


def test_a_token_works_for_its_sign_up_only_and_not_for_long(link, monkeypatch):
    one, other = asked(link), asked(link, "other@new.example")
    uid, token = sign_ups.address_of(one).strip("/").split("/")[-2:]
    uid_of_other = sign_ups.address_of(other).strip("/").split("/")[-2]

    assert sign_ups.find(uid_of_other, token) is None
    assert sign_ups.find(uid, token[:-1] + "x") is None
    assert sign_ups.find("%%", token) is None
    assert sign_ups.find(uid, token) == one
    monkeypatch.setattr(sign_ups, "ANSWER_WITHIN", timedelta(seconds=-1))
    assert sign_ups.find(uid, token) is None


def test_the_address_of_a_link_is_signed(link, globex):
    uid, token = sign_up_links.address_of(link).strip("/").split("/")[-2:]
    other = SignUpLinkFactory(team=globex)
    uid_of_other = sign_up_links.address_of(other).strip("/").split("/")[-2]

    assert sign_up_links.find(uid, token) == link
    assert sign_up_links.find(uid_of_other, token) is None
    assert sign_up_links.find(uid, "x") is None
    for rubbish in ("", "!!", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OQ", "LTE"):
        assert sign_up_links.find(rubbish, token) is None


@pytest.mark.parametrize(
    "email", ["", "nora", "nora@localhost", "a b@c.example", "nora@new.example\x00,x@y.example"]
)
def test_what_is_no_address_is_refused(link, email):
    with pytest.raises(NotAnAddress):
        sign_ups.ask(link, email=email, network=None)
    assert not SignUp.objects.exists()


def test_asking_again_sends_again_but_no_more_than_three_an_hour(link, django_capture_on_commit_callbacks):
    for _ in range(5):
        with django_capture_on_commit_callbacks(execute=True):
            assert sign_ups.ask(link, email="nora@new.example", network="192.0.2.1") is None

    assert OrmQ.objects.count() == sign_ups.PER_ADDRESS
    assert SignUp.objects.count() == 1


def test_a_network_that_asks_too_often_waits(link, monkeypatch):
    monkeypatch.setattr(sign_ups, "PER_NETWORK", 2)
    waits = [sign_ups.ask(link, email=f"n{n}@new.example", network="192.0.2.1") for n in range(3)]

    assert waits[:2] == [None, None]
    assert waits[2] is not None
    assert SignUp.objects.count() == 2
    assert sign_ups.ask(link, email="n9@new.example", network="192.0.2.2") is None


def test_nobody_gives_a_role_with_rights_that_they_do_not_hold(acme, mara, owen, alma):
    values = {"team": acme, "max_uses": 5, "expires_at": timezone.now() + timedelta(days=1)}
    strong = RoleFactory(permissions=["teams.view", "teams.edit"])

    for role in (builtin_role("owner"), strong):
        with pytest.raises(Refusal):
            sign_up_links.make(role=role, by=mara, **values)
    assert sign_up_links.make(role=builtin_role("student"), by=mara, **values).pk
    assert sign_up_links.make(role=strong, by=owen, **values).pk


def test_a_role_that_gets_more_rights_than_the_maker_has_is_given_no_more(acme, mara):
    role = RoleFactory(permissions=["teams.view"])
    link = SignUpLinkFactory(team=acme, made_by=mara, role=role)
    assert sign_up_links.state(link) == "open"

    role.permissions = ["teams.view", "teams.edit"]
    role.save()

    again = SignUpLink.objects.get(pk=link.pk)
    assert sign_up_links.state(again) == "off"


@pytest.mark.parametrize("who", ["ana", "gwen"])
def test_who_does_not_manage_the_team_makes_no_link(request, acme, ana, gwen, globex, who):
    with pytest.raises(Refusal):
        sign_up_links.make(
            team=acme,
            role=builtin_role("student"),
            max_uses=5,
            expires_at=timezone.now() + timedelta(days=1),
            by=request.getfixturevalue(who),
        )


@pytest.mark.parametrize(("uses", "days"), [(0, 1), (-1, 1), (10**9, 1), (5, -1), (5, 400)])
def test_a_link_has_an_end_and_a_number(acme, owen, uses, days):
    with pytest.raises(Refusal):
        sign_up_links.make(
            team=acme,
            role=builtin_role("student"),
            max_uses=uses,
            expires_at=timezone.now() + timedelta(days=days),
            by=owen,
        )


def test_addresses_of_people_who_never_answered_are_forgotten(link):
    old = asked(link)
    joined = SignUpFactory(link=link, joined_at=timezone.now())
    SignUp.objects.update(asked_at=timezone.now() - timedelta(days=30))
    asked(link, "new@new.example")

    assert list(sign_ups.over(timezone.now())) == [old]
    assert joined.pk != old.pk


def test_a_row_without_its_key_is_filled_like_all_folded_columns(link):
    sign_up = SignUpFactory(link=link, email="NORA@new.example".lower())
    fill_folded.fill_missing()
    SignUp.objects.update(email_key=None)

    assert fill_folded.fill_missing() == 1
    sign_up.refresh_from_db()
    assert sign_up.email_key == "nora@new.example"


@pytest.mark.django_db(transaction=True)
def test_the_last_use_of_a_link_goes_to_one_of_many(acme, owen):
    """With connections of their own, at the same moment."""
    link = SignUpLinkFactory(team=acme, made_by=owen, max_uses=1)
    waiting = [SignUpFactory(link=link) for _ in range(6)]

    def answer(sign_up: SignUp) -> bool:
        try:
            sign_ups.confirm(sign_up)
        except Refusal:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(6) as threads:
        joined = list(threads.map(answer, waiting))

    assert sum(joined) == 1
    link.refresh_from_db()
    assert link.used_count == 1
    assert Membership.objects.filter(team=acme).count() == 2  # Owen and one more


@pytest.mark.django_db(transaction=True)
def test_the_last_place_of_a_team_goes_to_one_of_many_links(acme, owen):
    Team.objects.filter(pk=acme.pk).update(max_members=1)
    waiting = [SignUpFactory(link=SignUpLinkFactory(team=acme, made_by=owen)) for _ in range(4)]

    def answer(sign_up: SignUp) -> bool:
        try:
            sign_ups.confirm(sign_up)
        except TeamIsFull:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(answer, waiting)) == 1
    assert Membership.objects.filter(team=acme, role__code="student").count() == 1


def test_switched_off_nobody_makes_a_link_and_nobody_joins(link, acme, owen, alma):
    sign_up = asked(link)
    SiteSettings.objects.update(registration_enabled=False)

    end = timezone.now() + timedelta(days=1)
    for by in (owen, alma):
        with pytest.raises(Refusal, match="switched off in the settings"):
            sign_up_links.make(team=acme, role=builtin_role("student"), max_uses=1, expires_at=end, by=by)
    with pytest.raises(Refusal, match="no longer works"):
        asked(link, "nils@new.example")
    with pytest.raises(Refusal, match="no longer works"):
        sign_ups.confirm(found(sign_up))
    assert sign_up_links.state(link) == sign_up_links.CLOSED
    assert (SignUp.objects.count(), SignUpLink.objects.count()) == (1, 1)
    assert not User.objects.filter(email="nora@new.example").exists()

    SiteSettings.objects.update(registration_enabled=True)
    sign_ups.confirm(found(sign_up))
    assert Membership.objects.filter(team=acme, user__email="nora@new.example").exists()


@pytest.mark.parametrize(
    ("values", "own", "says"),
    [
        ({}, "open", ["Switched off"]),
        ({"used_count": 2}, "full", ["Used up", "Switched off"]),
        ({"expires_at": timezone.now() - timedelta(days=1)}, "expired", ["Expired", "Switched off"]),
        ({"revoked_at": timezone.now()}, "revoked", ["Revoked"]),
    ],
)
def test_a_link_keeps_its_own_state_while_all_are_switched_off(
    link, acme, alma, signed_in, values, own, says
):
    SiteSettings.objects.update(registration_enabled=False)
    SignUpLink.objects.update(**values)
    link.refresh_from_db()

    page = signed_in(alma).get(f"/admin/core/team/{acme.pk}/change/?tab=links").content.decode()

    assert sign_up_links.own_state(link) == own
    shown = page.split('data-testid="tab-table"')[1]
    assert [
        word for word in ("Used up", "Expired", "Revoked", "Switched off") if f">{word}<" in shown
    ] == says
