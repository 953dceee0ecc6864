"""Changing people from their page and the list: who may, whom, what is refused, and what follows."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

import pytest
from django.contrib.messages import get_messages
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.module_loading import import_string
from django_q.models import OrmQ

from core import moments
from core.models import Membership, OutboxEntry, Role, SiteSettings, User
from core.services.accounts import account_mail
from core.services.enrollments import seat_access
from tests.dialogs import row_is_gone
from tests.factories import (
    EnrollmentFactory,
    MembershipFactory,
    ProductFactory,
    RoleFactory,
    UserFactory,
    builtin_role,
)

LIST = reverse("admin:core_user_changelist")


def do(slug: str, *keys: int) -> str:
    name = ("do_new", "do", "do_row")[len(keys)]
    return reverse(f"admin:core_user_{name}", args=[*keys[:1], slug, *keys[1:]])


def person(**values) -> dict:
    role = builtin_role("student").pk
    return {"email": "new@acme.example", "first_name": "Nia", "role": role, "thinkific": "on", **values}


def test_a_missing_person_is_told_in_our_words(alma, signed_in):
    page = signed_in(alma).get(f"{LIST}99999/change/", follow=True).content.decode()

    assert "This user does not exist, or you may not see it." in page


# --- adding -------------------------------------------------------------------------------------------


def test_an_added_user_is_in_the_teams_and_waits_for_thinkific(alma, signed_in, acme, globex):
    form = person(teams=[acme.pk, globex.pk], welcome="on")

    page = signed_in(alma).post(do("add"), form, follow=True).content.decode()

    user = User.objects.get(email="new@acme.example")
    assert {m.team for m in user.memberships.all()} == {acme, globex}
    assert not user.has_usable_password()
    entry = OutboxEntry.objects.get(entity="user", object_id=user.pk)
    assert "Waiting to be sent" in page
    assert reverse("admin:core_outboxentry_change", args=[entry.pk]) in page
    assert "A welcome e-mail goes to new@acme.example" in page


def test_a_user_is_added_to_several_teams_with_several_roles(alma, signed_in, acme, globex):
    manager = builtin_role("manager")
    form = person(teams=[acme.pk], more_teams=[globex.pk], more_role=manager.pk)

    page = signed_in(alma).post(do("add"), form, follow=True).content.decode()

    user = User.objects.get(email="new@acme.example")
    roles = {m.team: m.role.code for m in user.memberships.all()}
    assert roles == {acme: "student", globex: "manager"}
    assert user.home_team == acme
    assert "in Acme as Student, and in Globex as Manager." in page


@pytest.mark.parametrize(
    ("values", "beside"),
    [
        ({"more_teams": "globex"}, "more_role"),
        ({"more_teams": "acme", "more_role": "manager"}, "more_teams"),
        ({"more_teams": "globex", "more_role": "owner"}, "more_role"),
    ],
)
def test_a_second_role_that_cannot_be_is_refused_beside_its_field(
    request, alma, signed_in, acme, globex, values, beside
):
    form = person(teams=[acme.pk], more_teams=[request.getfixturevalue(values["more_teams"]).pk])
    if role := values.get("more_role"):
        form["more_role"] = builtin_role(role).pk

    answer = signed_in(alma).post(do("add"), form)

    assert beside in answer.context["form"].errors
    assert not User.objects.filter(email="new@acme.example").exists()


def test_nobody_gives_a_second_role_beyond_their_own(mara, signed_in, acme):
    mighty = RoleFactory(name="Mighty", permissions=["teams.view", "enrollments.extend"])

    answer = signed_in(mara).post(do("add"), person(more_teams=[acme.pk], more_role=mighty.pk))

    assert "more_role" in answer.context["form"].errors
    assert not User.objects.filter(email="new@acme.example").exists()


def test_a_user_without_a_team_joins_the_default_one_or_is_refused(alma, signed_in, acme):
    refused = signed_in(alma).post(do("add"), person())
    SiteSettings.load()
    SiteSettings.objects.update(default_team=acme)
    signed_in(alma).post(do("add"), person(role=builtin_role("manager").pk))

    [said] = refused.context["form"].errors["teams"]
    assert said.startswith("Choose at least one team. Every user is in a team")
    membership = User.objects.get(email="new@acme.example").memberships.get()
    assert (membership.team, membership.role.code) == (acme, "student")


def work_off(mail_task: str) -> None:
    """Do what was queued for the worker under this name."""
    for queued in OrmQ.objects.all():
        task = queued.task
        if task["func"] == mail_task:
            import_string(mail_task)(*task["args"])


def test_somebody_without_a_first_name_is_not_added(alma, signed_in, acme):
    answer = signed_in(alma).post(do("add"), person(teams=[acme.pk], first_name=" "))

    assert "Enter the first name." in answer.content.decode()
    assert not User.objects.filter(email="new@acme.example").exists()


def test_a_person_with_a_global_role_needs_no_team_and_the_form_says_so(alma, signed_in, acme):
    SiteSettings.objects.update_or_create(pk=1, defaults={"default_team": acme})
    form = person(global_role=builtin_role("administrator").pk)

    shown = signed_in(alma).get(do("add")).content.decode()
    signed_in(alma).post(do("add"), form)

    assert "A user with a role in the whole dashboard needs no team." in shown
    assert not User.objects.get(email="new@acme.example").memberships.exists()


@pytest.mark.parametrize(("welcome", "mails"), [("on", ["new@acme.example"]), ("", [])])
def test_the_welcome_mail_is_sent_by_the_worker_unless_switched_off(
    alma, signed_in, acme, mailoutbox, django_capture_on_commit_callbacks, welcome, mails
):
    with django_capture_on_commit_callbacks(execute=True):
        signed_in(alma).post(do("add"), person(teams=[acme.pk], thinkific="", welcome=welcome))
    assert not mailoutbox

    work_off(account_mail.WELCOME_TASK)

    assert [address for mail in mailoutbox for address in mail.to] == mails


def test_others_send_links_for_a_password_no_more_often_than_their_owner_may(
    mara, alma, ana, bo, signed_in, settings, mailoutbox, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        pages = [
            signed_in(by).post(do("reset-password", ana.pk), follow=True).content.decode()
            for by in (mara, alma, mara, alma)
        ]
        other = signed_in(mara).post(do("reset-password", bo.pk), follow=True).content.decode()
    work_off(account_mail.RESET_TASK)

    assert settings.PASSWORD_MAILS == 3
    assert "3 links to choose a password were sent to Ana Ames within an hour. Try again later." in pages[3]
    assert all("goes to ana@acme.example" in page for page in pages[:3])
    assert "goes to bo@acme.example" in other
    assert [mail.to for mail in mailoutbox].count(["ana@acme.example"]) == 3


def test_a_reset_password_link_works_and_is_in_no_queue(
    mara, ana, signed_in, mailoutbox, client, settings, django_capture_on_commit_callbacks
):
    settings.SITE_URL = "https://b2b.academy.example"
    with django_capture_on_commit_callbacks(execute=True):
        page = signed_in(mara).post(do("reset-password", ana.pk), follow=True).content.decode()
    assert "goes to ana@acme.example" in page
    assert not any("/password/" in str(queued.task) for queued in OrmQ.objects.all())

    work_off(account_mail.RESET_TASK)

    link = re.search(r"https://b2b\.academy\.example(/\S+)", mailoutbox[0].body)[1]
    address = client.get(link, follow=True).redirect_chain[-1][0]
    client.post(address, dict.fromkeys(["new_password1", "new_password2"], "a long and unlikely one"))
    ana.refresh_from_db()
    assert ana.check_password("a long and unlikely one")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("values", "beside", "says"),
    [
        ({"email": "ana@acme"}, "email", "“ana@acme” is not an e-mail address"),
        ({"email": "İrem@test.example"}, "email", "“İrem@test.example” is not an e-mail address"),
        ({"email": "x@localhost"}, "email", "“x@localhost” is not an e-mail address: what follows the @"),
        ({"email": "MARA@acme.example"}, "email", "has an account with mara@acme.example already"),
        ({"email": ""}, "email", "Enter an e-mail address"),
        ({"first_name": "N" * 256}, "first_name", "255"),
        ({"role": "9999"}, "role", "You cannot give this role"),
    ],
)
def test_bad_input_is_answered_beside_the_field_and_nothing_is_written(
    alma, mara, acme, signed_in, values, beside, says
):
    before = User.objects.count()

    response = signed_in(alma).post(do("add"), person(teams=[acme.pk]) | values)

    assert says in str(response.context["form"].errors[beside])
    assert says in response.content.decode()
    assert User.objects.count() == before
    assert not OutboxEntry.objects.exists()


@pytest.mark.parametrize("mine", [False, True])
def test_a_stored_address_without_a_dot_stays_when_something_else_is_changed(alma, ana, signed_in, mine):
    User.objects.filter(pk=ana.pk).update(email="x@localhost", email_key="x@localhost")
    form = {"first_name": "Anna", "last_name": "Ames", "email": "x@localhost", "is_active": "on"}
    shown = {f"initial-{name}": value for name, value in form.items()} | {"initial-first_name": "Ana"}

    page = signed_in(alma).post(do("edit", ana.pk), form | (shown if mine else {}), follow=True)

    assert "Anna Ames is saved." in page.content.decode()
    ana.refresh_from_db()
    assert (ana.first_name, ana.email) == ("Anna", "x@localhost")


def test_an_owner_who_is_switched_off_is_refused_beside_the_switch(alma, acme, signed_in):
    owner = {"first_name": "", "last_name": "", "email": acme.owner.email}

    response = signed_in(alma).post(do("edit", acme.owner.pk), owner)

    assert "Make somebody else the owner" in str(response.context["form"].errors["is_active"])


def test_a_full_team_takes_nobody_and_says_so_beside_the_teams(alma, acme, ana, signed_in):
    acme.max_members = 1
    acme.save()

    response = signed_in(alma).post(do("add"), person(teams=[acme.pk]))

    assert "no room" in str(response.context["form"].errors["teams"])
    assert not User.objects.filter(email="new@acme.example").exists()


def test_sending_the_form_twice_adds_one_user(alma, acme, signed_in):
    client = signed_in(alma)

    client.post(do("add"), person(teams=[acme.pk]))
    client.post(do("add"), person(teams=[acme.pk]))

    assert User.objects.filter(email="new@acme.example").count() == 1
    assert OutboxEntry.objects.filter(entity="user").count() == 1


def test_a_manager_adds_to_their_own_team_only(mara, acme, globex, signed_in):
    client = signed_in(mara)

    refused = client.post(do("add"), person(teams=[globex.pk]))
    lost = client.post(do("add"), person(email="lost@acme.example"))
    client.post(do("add"), person(teams=[acme.pk]))

    assert "teams" in refused.context["form"].errors
    assert "teams" in lost.context["form"].errors
    assert [m.team for m in Membership.objects.filter(user__email="new@acme.example")] == [acme]
    assert not User.objects.filter(email="lost@acme.example").exists()


def test_nobody_gives_a_role_that_may_do_more_than_theirs(mara, acme, signed_in):
    mighty = RoleFactory(name="Mighty", permissions=["teams.view", "enrollments.extend"])

    response = signed_in(mara).post(do("add"), person(teams=[acme.pk], role=mighty.pk))

    assert "role" in response.context["form"].errors
    assert not User.objects.filter(email="new@acme.example").exists()


# --- every door ---------------------------------------------------------------------------------------

ON_A_USER = [
    "edit",
    "reset-password",
    "create-thinkific-account",
    "enroll",
    "join-team",
    "join-group",
    "sync-now",
]


@pytest.mark.parametrize("slug", ON_A_USER)
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_hidden_person_answers_like_a_missing_one(mara, otto, signed_in, slug, method):
    client = signed_in(mara)

    hidden = getattr(client, method)(do(slug, otto.pk))
    missing = getattr(client, method)(do(slug, 999_999))

    assert hidden.status_code == missing.status_code == 404


@pytest.mark.parametrize("slug", ["add", *ON_A_USER])
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_student_gets_through_no_door(ana, bo, signed_in, slug, method):
    keys = [] if slug == "add" else [bo.pk]

    assert getattr(signed_in(ana), method)(do(slug, *keys)).status_code == 403


@pytest.mark.parametrize("slug", ON_A_USER)
def test_a_role_without_the_permission_gets_through_no_door(acme, ana, signed_in, slug):
    looker = RoleFactory(name="Looker", permissions=["users.view", "teams.view"])
    lena = MembershipFactory(team=acme, role=looker).user

    assert signed_in(lena).post(do(slug, ana.pk)).status_code == 403


def test_without_the_token_of_the_form_nothing_is_taken(alma, ana):
    client = Client(enforce_csrf_checks=True)
    client.force_login(alma)

    assert client.post(do("reset-password", ana.pk)).status_code == 403


def test_looking_at_a_dialog_changes_nothing(alma, ana, signed_in):
    for slug in ["edit", "create-thinkific-account", "reset-password"]:
        assert signed_in(alma).get(do(slug, ana.pk)).status_code == 200

    assert not OutboxEntry.objects.exists()


# --- profile ------------------------------------------------------------------------------------------


def test_a_changed_name_is_on_its_way_to_thinkific(alma, ana, signed_in):
    User.objects.filter(pk=ana.pk).update(thinkific_id=5)
    form = {"first_name": "Anna", "last_name": "Ames", "email": "ana@acme.example", "is_active": "on"}

    page = signed_in(alma).post(do("edit", ana.pk), form, follow=True).content.decode()

    ana.refresh_from_db()
    assert (ana.first_name, ana.email) == ("Anna", "ana@acme.example")
    assert OutboxEntry.objects.get().last_seen == {"first_name": "Ana"}
    assert "Waiting to be sent" in page


def test_an_address_that_somebody_else_has_is_refused_beside_the_field(alma, ana, bo, signed_in):
    form = {"first_name": "Ana", "last_name": "Ames", "email": "BO@acme.example", "is_active": "on"}

    response = signed_in(alma).post(do("edit", ana.pk), form)

    assert "already" in str(response.context["form"].errors["email"])


def test_a_manager_edits_the_students_of_their_team(mara, ana, signed_in):
    form = {"first_name": "Anna", "last_name": "Ames", "email": "ana@acme.example", "is_active": "on"}

    assert signed_in(mara).post(do("edit", ana.pk), form).status_code == 302
    assert User.objects.get(pk=ana.pk).first_name == "Anna"


@pytest.mark.parametrize("slug", ["edit", "reset-password", "create-thinkific-account"])
def test_nobody_takes_over_the_account_of_somebody_who_may_do_more(
    request, mara, owen, acme, alma, root, signed_in, slug
):
    MembershipFactory(team=acme, user=alma)
    MembershipFactory(team=acme, user=root)

    for mighty in (owen, alma, root):
        assert signed_in(mara).post(do(slug, mighty.pk)).status_code == 403
    assert signed_in(alma).post(do(slug, root.pk)).status_code == 403


def test_who_belongs_to_another_team_too_is_changed_by_administrators_only(mara, otto, acme, alma, signed_in):
    MembershipFactory(team=acme, user=otto)

    assert signed_in(mara).post(do("edit", otto.pk)).status_code == 403
    assert signed_in(alma).get(do("edit", otto.pk)).status_code == 200


def test_nobody_switches_off_their_own_account(alma, signed_in):
    form = {"first_name": "Alma", "last_name": "Admin", "email": "alma@academy.example"}

    signed_in(alma).post(do("edit", alma.pk), form)

    alma.refresh_from_db()
    assert alma.is_active


# --- Thinkific account --------------------------------------------------------------------------------


def test_the_button_is_there_only_for_who_has_no_account(alma, ana, bo, signed_in):
    User.objects.filter(pk=bo.pk).update(thinkific_id=5)
    client = signed_in(alma)

    rows = client.get(LIST).content.decode()

    assert do("create-thinkific-account", ana.pk) in rows
    assert do("create-thinkific-account", bo.pk) not in rows
    detail = client.get(reverse("admin:core_user_change", args=[bo.pk])).content.decode()
    assert "Create Thinkific Account" not in detail
    again = client.post(do("create-thinkific-account", bo.pk), follow=True)
    assert "no longer needed" in again.content.decode()
    assert not OutboxEntry.objects.exists()


def test_asking_twice_for_an_account_waits_once(alma, ana, signed_in):
    for _ in range(2):
        signed_in(alma).post(do("create-thinkific-account", ana.pk))

    assert OutboxEntry.objects.filter(entity="user", object_id=ana.pk).count() == 1


# --- enrollments --------------------------------------------------------------------------------------


def test_enrolling_notes_the_enrollment_with_its_last_day(mara, ana, acme_seat, accounting, signed_in):
    acme_seat.expiry_type = "never"
    acme_seat.save()
    form = {"products": [accounting.pk], "last_day": "2031-05-01"}

    page = signed_in(mara).post(do("enroll", ana.pk), form, follow=True).content.decode()

    enrollment = ana.enrollments.get()
    assert f"{enrollment.expiry_date:%Y-%m-%d %H:%M:%S}" == "2031-05-01 23:59:59"
    assert "1 enrollment waits to be sent." in page
    assert OutboxEntry.objects.filter(entity="enrollment", object_id=enrollment.pk).exists()


def test_a_manager_enrolls_in_what_their_teams_have_seats_on(
    mara, ana, globex_seat, accounting, acme_seat, signed_in
):
    other = ProductFactory(name="Secret course")

    response = signed_in(mara).post(do("enroll", ana.pk), {"products": [other.pk]})

    assert "cannot enroll" in str(response.context["form"].errors["products"])
    assert not ana.enrollments.exists()


@pytest.mark.parametrize(("day", "says"), [("2001-01-01", "in the past"), ("soon", "not a date")])
def test_a_wrong_last_day_is_refused(alma, ana, accounting, signed_in, day, says):
    response = signed_in(alma).post(do("enroll", ana.pk), {"products": [accounting.pk], "last_day": day})

    assert says in response.content.decode()
    assert not ana.enrollments.exists()


def test_access_ends_from_the_tab_and_from_the_enrollments_page(
    mara, ana, bo, acme_seat, accounting, signed_in
):
    anas = EnrollmentFactory(user=ana, product=accounting, thinkific_id=1, last_seat=acme_seat)
    bos = EnrollmentFactory(user=bo, product=accounting, thinkific_id=2, last_seat=acme_seat)
    client = signed_in(mara)
    page = reverse("admin:core_enrollment_do", args=[bos.pk, "end-access"])

    assert (
        "Thinkific cannot delete enrollments"
        in client.get(do("end-access", ana.pk, anas.pk)).content.decode()
    )
    client.post(do("end-access", ana.pk, anas.pk))
    client.post(page)

    assert {e.status for e in (*ana.enrollments.all(), *bo.enrollments.all())} == {"expired"}
    anas.refresh_from_db()
    for method in ("get", "post"):  # it has ended already: a second tab is led back, and told so
        again = getattr(client, method)(do("end-access", ana.pk, anas.pk))
        assert again.status_code == 302
        assert again.url == f"{reverse('admin:core_user_change', args=[ana.pk])}?tab=enrollments"
        for name, answer in (("Ana Ames", again), ("Bo Berg", getattr(client, method)(page))):
            said = [str(message) for message in get_messages(answer.wsgi_request)][-1]
            ended = f"access to Accounting 101 ended on {moments.day(anas.expiry_date)}."
            assert said == f"{name}'s {ended} This page shows the present state."


def test_access_that_ended_before_it_was_sent_is_not_said_to_go_on(
    mara, ana, acme_seat, accounting, signed_in
):
    [enrollment] = seat_access.enroll(student=ana, products=[accounting], by=mara)
    client, page = signed_in(mara), reverse("admin:core_enrollment_change", args=[enrollment.pk])
    end = reverse("admin:core_enrollment_do", args=[enrollment.pk, "end-access"])
    assert end in client.get(page).content.decode()
    client.post(end)

    assert end not in client.get(page).content.decode()
    said = client.post(end, follow=True).content.decode()
    assert "keeps Accounting 101 in another way" not in said
    assert "access to Accounting 101 ended on" in said


@pytest.mark.parametrize(
    ("denied", "says", "does_not_say"),
    [
        ({}, "You can end access that a seat of your teams gave", "You can change the end date"),
        ({"enrollments.delete": "deny"}, "your role here does not allow it", "You can end access"),
        ({"enrollments.extend": "allow"}, "You can change the end date", "does not allow it"),
    ],
)
def test_the_tab_says_which_rows_may_be_ended(
    mara, ana, acme, acme_seat, accounting, signed_in, denied, says, does_not_say
):
    EnrollmentFactory(user=ana, product=accounting)  # bought
    Membership.objects.filter(user=mara, team=acme).update(overrides=denied)
    address = f"{reverse('admin:core_user_change', args=[ana.pk])}?tab=enrollments"

    page = signed_in(mara).get(address).content.decode()

    assert says in page and does_not_say not in page


def test_a_row_of_somebody_else_is_not_reached_over_ones_page(
    mara, ana, otto, acme_seat, accounting, signed_in
):
    ottos = EnrollmentFactory(user=otto, product=accounting, thinkific_id=1)

    assert row_is_gone(signed_in(mara).post(do("end-access", ana.pk, ottos.pk)))
    assert (
        signed_in(mara).post(reverse("admin:core_enrollment_do", args=[ottos.pk, "end-access"])).status_code
        == 404
    )
    ottos.refresh_from_db()
    assert ottos.status == "active"


def test_end_dates_are_moved_by_who_may_extend(mara, owen, ana, acme_seat, accounting, signed_in):
    enrollment = EnrollmentFactory(user=ana, product=accounting, thinkific_id=1, last_seat=acme_seat)
    form = {"last_day": "2032-01-31"}
    assert signed_in(owen).post(do("change-end", ana.pk, enrollment.pk), form).status_code == 302
    assert ana.enrollments.get().expiry_date == enrollment.expiry_date  # the seat is not extendable
    acme_seat.extendable = True
    acme_seat.save()

    assert signed_in(mara).post(do("change-end", ana.pk, enrollment.pk), form).status_code == 403
    signed_in(owen).post(do("change-end", ana.pk, enrollment.pk), form)

    enrollment.refresh_from_db()
    assert f"{enrollment.expiry_date:%Y-%m-%d}" == "2032-01-31"


# --- teams --------------------------------------------------------------------------------------------


def test_a_user_joins_a_team_with_a_role(alma, ana, globex, signed_in):
    form = {"team": globex.pk, "role": builtin_role("manager").pk}

    signed_in(alma).post(do("join-team", ana.pk), form)

    assert Membership.objects.get(team=globex, user=ana).role.code == "manager"


def test_nobody_is_added_to_a_team_of_others(mara, ana, globex, signed_in):
    form = {"team": globex.pk, "role": builtin_role("student").pk}

    response = signed_in(mara).post(do("join-team", ana.pk), form)

    assert "team" in response.context["form"].errors


def test_the_owner_is_not_removed(alma, owen, acme, signed_in):
    membership = Membership.objects.get(team=acme, user=owen)

    response = signed_in(alma).post(do("leave-team", owen.pk, membership.pk))

    assert "owns Acme and cannot leave it" in response.content.decode()
    assert Membership.objects.filter(pk=membership.pk).exists()


def test_leaving_the_last_team_needs_a_default_team(alma, ana, acme, globex, signed_in):
    membership = Membership.objects.get(team=acme, user=ana)

    refused = signed_in(alma).post(do("leave-team", ana.pk, membership.pk)).content.decode()
    SiteSettings.load()
    SiteSettings.objects.update(default_team=globex)
    signed_in(alma).post(do("leave-team", ana.pk, membership.pk))

    assert "is the only team of" in refused
    assert [m.team for m in ana.memberships.all()] == [globex]


def test_a_manager_cannot_change_the_role_of_who_may_do_more(mara, acme, signed_in):
    mighty = RoleFactory(name="Mighty", permissions=["teams.view", "enrollments.extend"])
    membership = MembershipFactory(team=acme, role=mighty)
    client = signed_in(mara)

    for slug in ["change-role", "leave-team"]:
        address = do(slug, membership.user_id, membership.pk)
        assert row_is_gone(client.post(address, {"role": builtin_role("student").pk}))
    assert Role.objects.get(memberships=membership) == mighty


# --- at the same moment -------------------------------------------------------------------------------


@contextmanager
def somebody_changing(user: User) -> Iterator[None]:
    """Another connection that has the person's row (on SQLite everything) locked."""
    locked, over = Event(), Event()

    def hold() -> None:
        try:
            with transaction.atomic():
                User.objects.select_for_update().get(pk=user.pk)
                locked.set()
                over.wait(30)
        finally:
            connection.close()

    thread = Thread(target=hold)
    thread.start()
    locked.wait(30)
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.mark.django_db(transaction=True)
def test_who_cannot_wait_for_another_change_is_told_and_nothing_is_saved(root, signed_in, ana):
    client = signed_in(root)
    address = do("edit", ana.pk)
    client.get(address)
    patience = "PRAGMA busy_timeout = 100" if connection.vendor == "sqlite" else "SET lock_timeout = 100"
    with connection.cursor() as cursor:
        cursor.execute(patience)

    with somebody_changing(ana):
        page = client.post(address, {"email": ana.email, "first_name": "Other", "is_active": "on"})

    connection.close()
    assert "Nothing was saved. Try again." in page.content.decode()
    assert User.objects.get(pk=ana.pk).first_name == ana.first_name


def test_somebody_who_is_gone_from_thinkific_is_not_offered_to_be_read(alma, signed_in):
    gone = UserFactory(thinkific_id=7, removed_at=timezone.now())
    client = signed_in(alma)

    page = client.get(reverse("admin:core_user_change", args=[gone.pk])).content.decode()

    assert do("sync-now", gone.pk) not in page
    assert do("create-thinkific-account", gone.pk) in page


def test_a_name_in_a_help_text_is_no_html(root, signed_in, acme):
    acme.name = "<b>Acme</b>"
    acme.save()
    SiteSettings.load()
    SiteSettings.objects.update(default_team=acme)

    page = signed_in(root).get(reverse("admin:core_user_do_new", args=["add"])).content.decode()

    assert "the user joins &lt;b&gt;Acme&lt;/b&gt; as Student" in page
