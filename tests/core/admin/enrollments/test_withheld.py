"""What is denied to one manager in one team: to enroll, to end access, to change its end. Neli manages Acme
too, and nothing is denied to her."""

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.urls import reverse

from core.models import Enrollment, Membership, Seat, Team
from tests.factories import EnrollmentFactory, MembershipFactory, TeamFactory, UserFactory, builtin_role


@pytest.fixture
def neli(acme):
    user = UserFactory(first_name="Neli", email="neli@acme.example", is_dashboard_user=True)
    MembershipFactory(team=acme, user=user, role=builtin_role("manager"), overrides=EXTENDS)
    return user


@pytest.fixture
def anas(ana, acme_seat, accounting):
    Seat.objects.filter(pk=acme_seat.pk).update(extendable=True, max_seats=5)
    return EnrollmentFactory(user=ana, product=accounting, last_seat=acme_seat)


EXTENDS = {"enrollments.extend": "allow"}


def override(user, team, **effects):
    stored = {f"enrollments.{verb}": effect for verb, effect in effects.items()}
    assert Membership.objects.filter(user=user, team=team).update(overrides=stored)


def user_do(slug, *keys):
    return reverse(f"admin:core_user_do{'_row' if len(keys) > 1 else ''}", args=[keys[0], slug, *keys[1:]])


def enrollment_do(slug, enrollment):
    return reverse("admin:core_enrollment_do", args=[enrollment.pk, slug])


def pages(ana, enrollment: Enrollment, team: Team) -> list[str]:
    """Every page that lists the enrollment or shows it."""
    return [
        f"{reverse('admin:core_user_change', args=[ana.pk])}?tab=enrollments",
        f"{reverse('admin:core_team_change', args=[team.pk])}?tab=enrollments",
        f"{reverse('admin:core_team_change', args=[team.pk])}?tab=users",
        reverse("admin:core_enrollment_changelist"),
        reverse("admin:core_enrollment_change", args=[enrollment.pk]),
        reverse("admin:core_user_changelist"),
    ]


@pytest.mark.parametrize("verb", ["end-access", "change-end"])
def test_ending_and_extending_are_withheld_from_one_manager_everywhere(
    mara, neli, ana, acme, anas, signed_in, verb
):
    override(mara, acme, delete="deny", extend="deny")
    addresses = [user_do(verb, ana.pk, anas.pk), enrollment_do(verb, anas)]
    form = {"last_day": "2099-01-01"}
    until = anas.expiry_date

    drawn = "".join(signed_in(mara).get(page).content.decode() for page in pages(ana, anas, acme))
    assert f"/{verb}/" not in drawn and "end_selected" not in drawn
    for method in ("get", "post"):
        assert [getattr(signed_in(mara), method)(one, form).status_code for one in addresses] == [403, 403]
    anas.refresh_from_db()
    assert anas.expiry_date == until

    drawn = "".join(signed_in(neli).get(page).content.decode() for page in pages(ana, anas, acme))
    assert all(one in drawn for one in addresses)
    signed_in(neli).post(addresses[0], form)
    anas.refresh_from_db()
    assert anas.expiry_date != until


def test_who_may_not_end_access_does_not_end_it_by_removing_from_the_team(mara, ana, acme, anas, signed_in):
    override(mara, acme, delete="deny")
    membership = Membership.objects.get(user=ana, team=acme)
    until = anas.expiry_date
    MembershipFactory(team=TeamFactory(), user=ana)

    signed_in(mara).post(user_do("leave-team", ana.pk, membership.pk), {"end_access": "on"})

    anas.refresh_from_db()
    assert not Membership.objects.filter(pk=membership.pk).exists()
    assert anas.expiry_date == until


def test_who_may_not_end_access_still_enrolls(mara, bo, acme, anas, accounting, signed_in):
    override(mara, acme, delete="deny", extend="deny")
    page = f"{reverse('admin:core_user_change', args=[bo.pk])}?tab=enrollments"

    assert user_do("enroll", bo.pk) in signed_in(mara).get(page).content.decode()
    signed_in(mara).post(user_do("enroll", bo.pk), {"products": [accounting.pk]})

    assert bo.enrollments.get().last_seat.product == accounting


@pytest.mark.parametrize("elsewhere", [False, True])
def test_enrolling_is_withheld_from_one_manager_in_one_team(
    mara, neli, bo, acme, anas, accounting, signed_in, elsewhere
):
    override(mara, acme, create="deny")
    if elsewhere:  # a team that Bo is not in
        MembershipFactory(team=TeamFactory(), user=mara, role=builtin_role("manager"))
    page = f"{reverse('admin:core_user_change', args=[bo.pk])}?tab=enrollments"
    team = f"{reverse('admin:core_team_change', args=[acme.pk])}?tab=users"
    enroll = user_do("enroll", bo.pk)
    sent = {"products": [accounting.pk]}
    chosen = {"action": "add_enrollment", ACTION_CHECKBOX_NAME: [bo.pk], "index": "0", "started": "1", **sent}

    client = signed_in(mara)
    assert enroll not in client.get(page).content.decode()
    assert "add_enrollment" not in client.get(team).content.decode()
    answers = [client.get(enroll), client.get(f"{enroll}?pick=products"), client.post(enroll, sent)]
    answers.append(client.post(team, chosen))
    assert [answer.status_code for answer in answers] == [403] * 4
    assert not bo.enrollments.exists()

    assert enroll in signed_in(neli).get(page).content.decode()
    assert "add_enrollment" in signed_in(neli).get(team).content.decode()


def test_a_dialog_without_a_choice_says_so_instead_of_showing_an_empty_field(
    mara, owen, ana, acme, anas, accounting, signed_in
):
    Seat.objects.all().delete()
    pages = [
        (user_do("enroll", ana.pk), "No team that you both belong to has a seat"),
        (user_do("join-team", ana.pk), "Ana Ames is in every team that you may add people to."),
        (reverse("admin:core_team_do", args=[acme.pk, "add-person"]), "is in Acme already"),
    ]
    for address, says in pages:
        page = signed_in(mara).get(address).content.decode()
        assert says in page and "<select" not in page, address
