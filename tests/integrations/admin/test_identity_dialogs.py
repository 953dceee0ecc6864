"""Deciding whose account it is: the dialog shows both people, and the rights that would be gained."""

import pytest
from django.urls import reverse

from core.models import EmailChange, OutboxEntry, User
from integrations.models import SyncConflict
from tests.dialogs import asked_about_selected, shown_by
from tests.factories import RoleFactory, SyncConflictFactory, UserFactory

LIST = reverse("admin:integrations_syncconflict_changelist")


def do(slug: str, conflict: SyncConflict) -> str:
    return reverse("admin:integrations_syncconflict_do", args=[conflict.pk, slug])


def page_of(conflict: SyncConflict) -> str:
    return reverse("admin:integrations_syncconflict_change", args=[conflict.pk])


def decide(client, slug, conflict, **form):
    shown = f"{conflict.thinkific_id} {conflict.theirs}"
    return client.post(do(slug, conflict), {"shown": shown, **form}, follow=True)


@pytest.fixture
def link(owen, acme):
    return SyncConflictFactory(
        kind="link",
        object_id=owen.pk,
        label="Owen Owner",
        field="thinkific_id",
        ours=owen.email,
        theirs=owen.email,
        thinkific_id=123,
        facts={"name": "Mal Ory", "created_at": "2026-11-01T10:00:00+00:00", "enrollments": 7},
    )


@pytest.fixture
def email(owen, acme):
    User.objects.filter(pk=owen.pk).update(thinkific_id=123)
    return SyncConflictFactory(
        kind="email",
        object_id=owen.pk,
        label="Owen Owner",
        field="email",
        ours=owen.email,
        theirs="his@evil.example",
        thinkific_id=123,
    )


def test_the_page_shows_both_people_and_who_would_gain_what(alma, signed_in, link):
    page = signed_in(alma).get(page_of(link)).content.decode()

    assert (
        "Whoever controls Thinkific account 123 would be treated as Owen Owner, who is owner of Acme." in page
    )
    for fact in ("Mal Ory", "owen@acme.example", "Acme (Owner)", "1 Nov 2026", ">7<"):
        assert fact in page, fact
    for slug in ("link", "keep-apart"):
        assert do(slug, link) in page
    assert do("take-theirs", link) not in page


def test_the_list_leads_to_the_page(alma, signed_in, link, email):
    page = signed_in(alma).get(LIST).content.decode()

    assert page_of(link) in page and page_of(email) in page
    assert do("link", link) not in page


def test_the_two_are_linked_by_post_and_by_name(alma, owen, signed_in, link):
    client = signed_in(alma)
    question = client.get(do("link", link)).content.decode()
    assert "would be treated as" in question
    assert User.objects.get(pk=owen.pk).thinkific_id is None

    page = decide(client, "link", link).content.decode()

    owen.refresh_from_db()
    assert owen.thinkific_id == 123 and "is linked with Thinkific account 123" in page
    assert owen.history.first().history_user == alma
    link.refresh_from_db()
    assert (link.resolution, link.settled_by) == ("linked", alma)
    again = decide(client, "link", link).content.decode()
    assert "has been settled already by Alma Admin: the two were linked" in again


def test_they_are_kept_apart_and_the_question_can_be_opened_again(alma, owen, signed_in, link):
    client = signed_in(alma)
    assert "until somebody opens the question again" in client.get(do("keep-apart", link)).content.decode()

    decide(client, "keep-apart", link)

    owen.refresh_from_db(), link.refresh_from_db()
    assert owen.thinkific_id is None and link.resolution == "apart"
    assert "kept apart from Thinkific account 123" in owen.history.first().history_change_reason
    client.post(do("ask-again", link))
    link.refresh_from_db()
    assert link.settled_at is None


def test_the_dashboard_s_address_is_sent_to_thinkific(alma, owen, signed_in, email):
    decide(signed_in(alma), "keep-address", email)

    entry = OutboxEntry.objects.get()
    assert (entry.object_id, entry.last_seen, entry.requested_by) == (
        owen.pk,
        {"email": "his@evil.example"},
        alma,
    )
    owen.refresh_from_db()
    assert owen.email == "owen@acme.example"


def test_thinkific_s_address_is_taken_and_the_old_one_is_told(alma, owen, signed_in, email):
    client = signed_in(alma)
    assert (
        "could choose a new password and sign in as" in client.get(do("take-address", email)).content.decode()
    )

    decide(client, "take-address", email)

    owen.refresh_from_db()
    assert owen.email == "his@evil.example"
    assert EmailChange.objects.get().old_email == "owen@acme.example"
    assert owen.history.first().history_user == alma


def test_what_changed_while_somebody_thought_is_not_decided(alma, owen, signed_in, link, email):
    client = signed_in(alma)

    SyncConflict.objects.filter(pk=link.pk).update(thinkific_id=666)
    refused = decide(client, "link", link).content.decode()

    assert "has changed since you opened it: now" in refused
    owen.refresh_from_db()
    assert owen.thinkific_id == 123  # by the fixture, not 666
    assert SyncConflict.objects.filter(settled_at=None).count() == 2


SLUGS = {"link": ("link", "keep-apart"), "email": ("keep-address", "take-address")}


@pytest.mark.parametrize("kind", SLUGS)
@pytest.mark.parametrize("who", ["mara", "owen", "ana"])
def test_teams_decide_nothing(request, signed_in, kind, who):
    conflict = request.getfixturevalue(kind)
    client = signed_in(request.getfixturevalue(who))

    for slug in SLUGS[kind]:
        assert decide(client, slug, conflict).status_code == 403
    assert client.get(page_of(conflict)).status_code in {403, 302}
    assert SyncConflict.objects.get().settled_at is None


@pytest.mark.parametrize("kind", SLUGS)
def test_who_may_not_change_the_account_decides_nothing(request, signed_in, owen, kind):
    conflict = request.getfixturevalue(kind)
    User.objects.filter(pk=owen.pk).update(is_superuser=True)
    clerk = UserFactory(
        global_role=RoleFactory(is_global=True, permissions=["sync.manage", "users.view"]), is_staff=True
    )
    client = signed_in(clerk)

    page = client.get(page_of(conflict))
    assert page.status_code == 200
    for slug in SLUGS[kind]:
        assert do(slug, conflict) not in page.content.decode()
        assert decide(client, slug, conflict).status_code == 403
    client.post(LIST, {"action": "keep_ours_selected", "_selected_action": [conflict.pk], "confirmed": "1"})
    assert SyncConflict.objects.get().settled_at is None


def test_an_ordinary_conflict_about_an_address_moves_no_superuser_s_login(root, signed_in):
    conflict = SyncConflictFactory(
        object_id=root.pk, field="email", ours=root.email, theirs="his@evil.example"
    )
    role = RoleFactory(is_global=True, permissions=["sync.manage"])
    client = signed_in(UserFactory(global_role=role, is_staff=True))

    assert client.post(do("take-theirs", conflict)).status_code == 403

    root.refresh_from_db()
    assert root.email == "root@academy.example"


def test_several_are_decided_the_safe_way(alma, signed_in, link, gwen, globex):
    client = signed_in(alma)
    User.objects.filter(pk=gwen.pk).update(thinkific_id=55)
    other = SyncConflictFactory(
        kind="email", object_id=gwen.pk, ours=gwen.email, theirs="x@evil.example", thinkific_id=55
    )
    form = {"action": "keep_ours_selected", "_selected_action": [link.pk, other.pk]}

    asked = client.post(LIST, form).content.decode()
    assert "1 account here will stay without an account" in asked
    assert not SyncConflict.objects.exclude(settled_at=None).exists()
    client.post(LIST, {**form, "confirmed": "1"})  # what no page has said
    assert not SyncConflict.objects.exclude(settled_at=None).exists()
    client.post(LIST, asked_about_selected(client, LIST, form))

    assert set(SyncConflict.objects.values_list("resolution", "settled_by")) == {
        ("apart", alma.pk),
        ("kept_ours", alma.pk),
    }


@pytest.mark.parametrize("moved", ["theirs", "ours", "account"])
def test_several_that_have_changed_are_not_decided_as_they_were_shown(
    alma, signed_in, owen, link, gwen, globex, moved
):
    client = signed_in(alma)
    User.objects.filter(pk=gwen.pk).update(thinkific_id=55)
    other = SyncConflictFactory(
        kind="email", object_id=gwen.pk, ours=gwen.email, theirs="x@evil.example", thinkific_id=55
    )
    form = {"action": "keep_ours_selected", "_selected_action": [link.pk, other.pk]}
    sent = asked_about_selected(client, LIST, form)
    then, now = {
        "theirs": ("x@evil.example", "y@evil.example"),
        "ours": (gwen.email, "gwen.new@globex.example"),
        "account": ("account 123 ", "account 666 "),
    }[moved]
    if moved == "theirs":
        SyncConflict.objects.filter(pk=other.pk).update(theirs=now)
    elif moved == "ours":
        User.objects.filter(pk=gwen.pk).update(email=now)
    else:
        SyncConflict.objects.filter(pk=link.pk).update(thinkific_id=666)

    page = client.post(LIST, sent)

    assert not SyncConflict.objects.exclude(settled_at=None).exists()
    assert not OutboxEntry.objects.exists()
    said = next(line for line in page.context["changes"] if line.startswith("Before:"))
    assert then in said and now in said
    client.post(LIST, asked_about_selected(client, LIST, form))
    assert not SyncConflict.objects.filter(settled_at=None).exists()


def test_several_are_asked_about_again_when_one_was_decided_meanwhile(alma, root, signed_in, link, gwen):
    client = signed_in(alma)
    User.objects.filter(pk=gwen.pk).update(thinkific_id=55)
    other = SyncConflictFactory(
        kind="email", object_id=gwen.pk, ours=gwen.email, theirs="x@evil.example", thinkific_id=55
    )
    form = {"action": "keep_ours_selected", "_selected_action": [link.pk, other.pk]}
    sent = asked_about_selected(client, LIST, form)
    decide(signed_in(root), "link", link)

    page = signed_in(alma).post(LIST, sent)

    assert f"has been settled already by {root}: the two were linked" in page.content.decode()
    assert any("kept apart" in line for line in page.context["changes"])
    other.refresh_from_db()
    assert other.settled_at is None


@pytest.mark.parametrize("slug", ["keep-address", "take-address"])
def test_an_address_that_changed_here_meanwhile_is_not_decided_unseen(alma, owen, signed_in, email, slug):
    client = signed_in(alma)
    sent = shown_by(client, do(slug, email))
    User.objects.filter(pk=owen.pk).update(email="owen.new@acme.example")

    page = client.post(do(slug, email), sent)

    (error,) = page.context["form"].non_field_errors()
    assert "owen@acme.example" in error and "owen.new@acme.example" in error
    assert SyncConflict.objects.get().settled_at is None
    assert User.objects.get(pk=owen.pk).email == "owen.new@acme.example"


@pytest.mark.parametrize("slug", ["link", "take-address"])
def test_what_the_account_may_do_by_now_is_not_given_away_unseen(request, alma, owen, signed_in, slug):
    conflict = request.getfixturevalue("link" if slug == "link" else "email")
    client = signed_in(alma)
    sent = shown_by(client, do(slug, conflict))
    User.objects.filter(pk=owen.pk).update(is_staff=True)

    page = client.post(do(slug, conflict), sent)

    assert "changed since you opened it" in str(page.context["form"].non_field_errors())
    assert SyncConflict.objects.get().settled_at is None


def test_marking_as_settled_leaves_them_open(alma, signed_in, link):
    form = {"action": "settle_selected", "_selected_action": [link.pk]}

    page = signed_in(alma).post(LIST, form, follow=True).content.decode()

    assert "stays open" in page
    assert SyncConflict.objects.get().settled_at is None


def test_somebody_who_is_gone_is_said_to_be(alma, signed_in, link):
    SyncConflict.objects.update(object_id=10**9)

    assert "Deleted here" in signed_in(alma).get(page_of(link)).content.decode()
