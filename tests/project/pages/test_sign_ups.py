"""The pages of a sign-up link, as a visitor sees them."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from core.models import Membership, SignUp, SignUpLink, SiteSettings, Team, User
from core.services.teams import sign_up_links, sign_ups, teams
from tests.dialogs import send_confirmed
from tests.factories import RoleFactory, SignUpFactory, SignUpLinkFactory, builtin_role

pytestmark = pytest.mark.usefixtures("sign_up_is_on")


@pytest.fixture
def link(acme, owen) -> SignUpLink:
    return SignUpLinkFactory(team=acme, made_by=owen, max_uses=2)


@pytest.fixture
def visitor() -> Client:
    return Client()


FORM = {"first_name": "Nora", "last_name": "New", "email": "nora@new.example"}


def do(slug: str, *keys: int) -> str:
    name = ("do_new", "do", "do_row")[len(keys)]
    return reverse(f"admin:core_team_{name}", args=[*keys[:1], slug, *keys[1:]])


def test_known_and_unknown_addresses_get_the_same_page(link, otto, ana, visitor):
    page = sign_up_links.address_of(link)
    answers = []
    for email in ("nora@new.example", otto.email, ana.email):
        answer = visitor.post(page, FORM | {"email": email})
        answers.append((answer.status_code, answer.content.decode().replace(email, "ADDRESS")))

    assert len(set(answers)) == 1
    assert "A mail goes to <bdi>ADDRESS</bdi>" in answers[0][1]
    assert SignUp.objects.count() == 3


def test_the_same_work_is_done_for_every_address(link, otto, visitor):
    counts = []
    visitor.post(sign_up_links.address_of(link), FORM | {"email": "first@new.example"})  # of this network
    for email in ("nora@new.example", otto.email, "nils@new.example"):
        with CaptureQueriesContext(connection) as queries:
            visitor.post(sign_up_links.address_of(link), FORM | {"email": email})
        counts.append(len(queries))

    assert len(set(counts)) == 1


def test_a_new_person_confirms_and_chooses_a_password(link, acme, visitor):
    visitor.post(sign_up_links.address_of(link), FORM)
    address = sign_ups.address_of(SignUp.objects.get())

    asked = visitor.get(address, follow=True)
    assert "Nora New" in asked.content.decode()
    assert not User.objects.filter(email="nora@new.example").exists()  # a GET makes nothing
    page = asked.redirect_chain[-1][0]
    joined = visitor.post(page)

    assert "You have joined" in joined.content.decode()
    assert Membership.objects.filter(team=acme, user__email="nora@new.example").exists()
    chosen = visitor.get(joined.context["password_page"], follow=True)
    visitor.post(
        chosen.redirect_chain[-1][0], {"new_password1": "a-Long-One-77", "new_password2": "a-Long-One-77"}
    )
    assert User.objects.get(email="nora@new.example").check_password("a-Long-One-77")


def test_a_known_person_agrees_and_gets_no_password_page(link, acme, otto, visitor):
    sign_up = SignUpFactory(link=link, email=otto.email)
    asked = visitor.get(sign_ups.address_of(sign_up), follow=True)
    assert "You have an account with otto@globex.example" in asked.content.decode()

    joined = visitor.post(asked.redirect_chain[-1][0])

    assert joined.context["password_page"] == ""
    assert Membership.objects.get(team=acme, user=otto).as_guest


def full(link):
    SignUpLink.objects.update(used_count=2)


def expired(link):
    SignUpLink.objects.update(expires_at=timezone.now() - timedelta(days=1))


def revoked(link):
    sign_up_links.revoke(link, by=link.made_by)


def archived(link):
    teams.archive(link.team)


def no_room(link):
    Team.objects.update(max_members=0)


@pytest.mark.parametrize(
    ("end", "says", "names_the_team"),
    [
        (full, "This link is full", True),
        (expired, "This link has expired", True),
        (revoked, "This link no longer works", False),
        (archived, "This link no longer works", False),
    ],
)
def test_a_link_that_is_over_says_whom_to_ask_and_no_more(link, visitor, end, says, names_the_team):
    sign_up = SignUpFactory(link=link)
    end(link)

    for answer in (
        visitor.get(sign_up_links.address_of(link)),
        visitor.post(sign_up_links.address_of(link), FORM),
    ):
        page = answer.content.decode()
        assert answer.status_code == 410
        assert says in page
        assert "person who gave" in page
        assert ("Acme" in page) == names_the_team
        assert "Owen" not in page
        assert "owen@acme.example" not in page
    asked = visitor.get(sign_ups.address_of(sign_up), follow=True)
    assert says in asked.content.decode()
    assert says in visitor.post(asked.redirect_chain[-1][0]).content.decode()
    assert not User.objects.filter(email=sign_up.email).exists()


def test_a_team_without_room_says_so_without_numbers(link, acme, visitor):
    sign_up = SignUpFactory(link=link)
    no_room(link)

    for answer in (
        visitor.get(sign_up_links.address_of(link)),
        visitor.post(sign_up_links.address_of(link), FORM),
        visitor.get(sign_ups.address_of(sign_up), follow=True),
    ):
        page = answer.content.decode()
        assert "The team is full at the moment" in page
        assert "of 0" not in page
        assert "<form" not in page
    sign_up.delete()
    assert not SignUp.objects.exists()


@pytest.mark.parametrize("end", [None, full, no_room])
def test_a_member_reads_that_they_are_one_and_is_led_to_the_dashboard(link, ana, visitor, end):
    sign_up = SignUpFactory(link=link, email=ana.email)
    if end is not None:
        end(link)

    asked = visitor.get(sign_ups.address_of(sign_up), follow=True)
    answered = visitor.post(asked.redirect_chain[-1][0])
    visitor.force_login(ana)
    signed_in = visitor.get(sign_up_links.address_of(link))

    for answer in (asked, answered, signed_in):
        page = answer.content.decode()
        assert "You are a member already" in page
        assert f'href="{reverse("admin:index")}"' in page
        assert "Join this team" not in page
        assert "You have joined" not in page
    link.refresh_from_db()
    assert link.used_count == (2 if end is full else 0)


@pytest.mark.parametrize("address", ["/admin/join/MQ/x/", "/admin/join/zz/zz/", "/admin/join/confirm/MQ/x/"])
def test_an_address_that_nobody_was_given_names_nothing(link, visitor, address):
    answer = visitor.get(address)

    assert "Acme" not in answer.content.decode()
    assert visitor.post(address, FORM).status_code in {200, 404}
    assert not SignUp.objects.exists()


def test_bad_input_is_answered_beside_its_field(link, visitor):
    answer = visitor.post(sign_up_links.address_of(link), {"first_name": "", "email": "nora"})

    assert set(answer.context["form"].errors) == {"first_name"}
    answer = visitor.post(sign_up_links.address_of(link), FORM | {"email": "nora"})
    assert "is not an e-mail address" in str(answer.context["form"].errors["email"])
    assert not SignUp.objects.exists()


def test_too_many_from_one_network_are_told_to_wait(link, visitor, monkeypatch):
    monkeypatch.setattr(sign_ups, "PER_NETWORK", 1)
    visitor.post(sign_up_links.address_of(link), FORM)

    answer = visitor.post(sign_up_links.address_of(link), FORM | {"email": "x@new.example"})

    assert "Too many at once" in answer.content.decode()
    assert SignUp.objects.count() == 1


def test_pages_are_not_kept_by_browsers(link, visitor):
    answer = visitor.get(sign_up_links.address_of(link))

    assert "no-store" in answer["Cache-Control"]


# --- making links, in the tab of the team -------------------------------------------------------------


def tab(team: Team) -> str:
    return f"{reverse('admin:core_team_change', args=[team.pk])}?tab=links"


def new_link(**values) -> dict:
    last_day = timezone.localdate() + timedelta(days=10)
    student = builtin_role("student").pk
    return {"note": "Poster", "max_uses": "5", "last_day": str(last_day), "role": student} | values


def test_a_manager_makes_lists_and_revokes_a_link(mara, acme, signed_in):
    client = signed_in(mara)
    client.post(do("add-link", acme.pk), new_link())
    link = SignUpLink.objects.get()

    page = client.get(tab(acme)).content.decode()
    assert sign_up_links.address_of(link) in page
    assert "0 of 5" in page
    client.post(do("revoke-link", acme.pk, link.pk))

    link.refresh_from_db()
    assert link.revoked_at
    assert sign_up_links.address_of(link) not in client.get(tab(acme)).content.decode()
    reasons = link.history.order_by("history_id").values_list("history_change_reason", flat=True)
    assert list(reasons) == ["sign-up link made", "revoked"]


@pytest.mark.parametrize(("end", "why"), [(full, "is used up"), (expired, "has expired")])
def test_a_link_that_is_over_has_no_revoke(mara, acme, link, signed_in, end, why):
    client, address = signed_in(mara), do("revoke-link", acme.pk, link.pk)
    assert address in client.get(tab(acme)).content.decode()
    end(link)

    page = client.get(tab(acme)).content.decode()
    answer = client.post(address, follow=True)

    assert address not in page
    assert why in answer.content.decode()
    link.refresh_from_db()
    assert link.revoked_at is None


@pytest.mark.parametrize(
    ("days", "says"), [(-1, "This day is over. Choose today or a later day."), (400, "a year at most")]
)
def test_the_last_day_of_a_link_is_refused_beside_the_field(owen, acme, signed_in, days, says):
    day = timezone.localdate() + timedelta(days=days)
    form = new_link(last_day=str(day), role=builtin_role("manager").pk)

    answer = signed_in(owen).post(do("add-link", acme.pk), form)

    assert says in str(answer.context["form"].errors["last_day"])
    assert not SignUpLink.objects.exists()


def test_a_role_with_rights_is_named_before_the_link_is_made(owen, acme, signed_in):
    manager = builtin_role("manager")
    answer = send_confirmed(signed_in(owen), do("add-link", acme.pk), new_link(role=manager.pk))

    assert answer.status_code == 302
    assert SignUpLink.objects.get().role == manager


@pytest.mark.parametrize(
    ("values", "beside"),
    [({"max_uses": "0"}, "max_uses"), ({"max_uses": "9" * 20}, "max_uses"), ({"last_day": "x"}, "last_day")],
)
def test_bad_values_of_a_link_are_answered_beside_the_field(mara, acme, signed_in, values, beside):
    answer = signed_in(mara).post(do("add-link", acme.pk), new_link(**values))

    assert beside in answer.context["form"].errors
    assert not SignUpLink.objects.exists()


@pytest.mark.parametrize("who", ["ana", "viewer", "gwen"])
@pytest.mark.usefixtures("globex")
def test_links_are_shown_only_to_people_who_may_bring_others(request, acme, link, ana, signed_in, who):
    """An address is enough to join: it is a secret of those who may add people."""
    if who == "viewer":
        role = RoleFactory(permissions=["teams.view", "teams.assign"])
        person = ana
        Membership.objects.filter(team=acme, user=ana).update(role=role)
    else:
        person = request.getfixturevalue(who)
    client = signed_in(person)

    assert sign_up_links.address_of(link) not in client.get(tab(acme), follow=True).content.decode()
    assert client.post(do("add-link", acme.pk), new_link()).status_code in {403, 404}
    assert client.post(do("revoke-link", acme.pk, link.pk)).status_code in {403, 404}
    link.refresh_from_db()
    assert link.revoked_at is None


def test_a_link_of_another_team_is_not_revoked_by_its_key(mara, acme, globex, signed_in):
    foreign = SignUpLinkFactory(team=globex)

    signed_in(mara).post(do("revoke-link", acme.pk, foreign.pk))

    foreign.refresh_from_db()
    assert foreign.revoked_at is None


def test_switched_off_the_links_say_that_sign_up_is_closed(link, visitor):
    visitor.post(sign_up_links.address_of(link), FORM)
    mailed = sign_ups.address_of(SignUp.objects.get())
    SiteSettings.objects.update(registration_enabled=False)

    page = visitor.get(sign_up_links.address_of(link))
    assert page.status_code == 410
    sent = visitor.post(sign_up_links.address_of(link), FORM)
    for answer in (page, sent, visitor.get(mailed, follow=True)):
        assert "Sign-up is closed" in answer.content.decode()
    answer = visitor.post(visitor.get(mailed, follow=True).redirect_chain[-1][0])
    assert "Sign-up is closed" in answer.content.decode()
    assert not User.objects.filter(email="nora@new.example").exists()


def test_switched_off_the_team_offers_no_link_and_says_why(link, acme, owen, alma, signed_in):
    tab = f"{reverse('admin:core_team_change', args=[acme.pk])}?tab=links"
    assert "Add Sign-up Link" in signed_in(owen).get(tab).content.decode()
    SiteSettings.objects.update(registration_enabled=False)

    theirs, ours = signed_in(owen).get(tab).content.decode(), signed_in(alma).get(tab).content.decode()

    setting = f'{reverse("admin:core_sitesettings_change", args=[1])}?tab=people">Switch them on</a>'
    for page, said in [(theirs, "An administrator has switched sign-up links off"), (ours, setting)]:
        assert said in page
        assert "Add Sign-up Link" not in page
        assert "Switched off" in page
    assert setting not in theirs
    dialog = signed_in(owen).get(do("add-link", acme.pk)).content.decode()
    assert "An administrator has switched sign-up links off" in dialog
    assert setting in signed_in(alma).get(do("add-link", acme.pk)).content.decode()
