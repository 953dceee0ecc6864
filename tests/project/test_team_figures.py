"""The figures about teams: the manager's first page and the organization's page say the same, and each leads
to a list of as many rows."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from core.services.teams import figures
from tests.factories import (
    EnrollmentFactory,
    MembershipFactory,
    OrganizationFactory,
    ProductFactory,
    SeatFactory,
    TeamFactory,
    builtin_role,
)

NOW = timezone.now()


def counted(client, url: str) -> int:
    return client.get(url).context["cl"].result_count


@pytest.fixture
def learning(acme, acme_seat, globex, globex_seat, mara, ana, bo, otto, accounting):
    """Acme's learning in every state, and learning that is not Acme's."""
    acme.organization = OrganizationFactory(name="Holding")
    acme.save(update_fields=["organization"])
    mine = [
        EnrollmentFactory(
            user=ana, product=accounting, completed_at=NOW, expiry_date=NOW - timedelta(days=1)
        ),
        EnrollmentFactory(user=bo, product=accounting, percentage_completed=1),
        EnrollmentFactory(user=mara, product=accounting, activated_at=NOW),
    ]
    own = ProductFactory(name="Knitting")
    EnrollmentFactory(user=mara, product=own, completed_at=NOW, activated_at=NOW)  # outside of the seats
    EnrollmentFactory(user=ana, product=own, completed_at=NOW)
    EnrollmentFactory(user=otto, product=accounting, completed_at=NOW)
    gone = SeatFactory(product=ProductFactory(), teams=[acme], max_seats=5)
    EnrollmentFactory(user=ana, product=gone.product, completed_at=NOW, removed_at=NOW)
    elsewhere = TeamFactory()
    MembershipFactory(team=elsewhere, user=mara)  # a student there, who manages nobody
    SeatFactory(product=own, teams=[elsewhere])
    return mine


@pytest.fixture
def archived(mara, ana):
    """A former team of Mara's, with learning of its own."""
    team = TeamFactory(name="Former", archived_at=NOW)
    MembershipFactory(team=team, user=mara, role=builtin_role("manager"))
    seat = SeatFactory(teams=[team])
    EnrollmentFactory(user=MembershipFactory(team=team).user, product=seat.product, completed_at=NOW)
    return team


def test_the_manager_and_the_organization_count_the_same(signed_in, acme, learning, archived, mara, alma):
    shown = {figure.label: figure for figure in signed_in(mara).get("/admin/").context["figures"]}
    together = figures.of(acme.organization.teams.current())

    assert (together.enrollments, together.completed) == (3, 2)
    assert shown["Enrollments"].value == "3"
    assert shown["Enrollments"].note == "1 new in 30 days"
    assert shown["Completed"].value == "2"
    assert shown["Completed"].note == "66\u00a0% of the enrollments"
    assert shown["Students"].value == "2"
    assert shown["Places used"].value.endswith(f"of {together.places:,}")
    assert shown["Places used"].note == "on 2 seats"


def test_each_figure_of_a_manager_leads_to_as_many_rows(signed_in, acme, learning, archived, mara):
    client = signed_in(mara)

    for figure in client.get("/admin/").context["figures"]:
        number = re.search(r"\d+", figure.note if figure.label == "Places used" else figure.value)
        assert int(number.group()) == counted(client, figure.url), figure


def test_the_activity_of_the_teams_is_without_ones_own(signed_in, learning, archived, mara):
    totals = signed_in(mara).get("/admin/").context["activity"]["totals"]

    assert totals == {"Enrollments": 1, "Completions": 1}


@pytest.mark.parametrize("who", ["alma", "root"])
def test_each_figure_of_an_organization_leads_to_as_many_rows(request, signed_in, acme, learning, who):
    client = signed_in(request.getfixturevalue(who))
    TeamFactory(organization=acme.organization, archived_at=NOW)
    url = reverse("admin:core_organization_change", args=[acme.organization.pk])

    found = re.findall(
        r'<a class="cell-link" href="([^"]*organization=[^"]*)">([\d,]+)', client.get(url).content.decode()
    )

    assert len(found) == 4  # people, seats, enrollments, completed
    for link, number in found:
        assert int(number) == counted(client, link.replace("&amp;", "&")), link


def test_a_part_is_not_called_the_whole(acme, learning, signed_in, alma, monkeypatch):
    monkeypatch.setattr(figures, "COUNTED", 2)

    together = figures.of(acme.organization.teams.current())
    url = reverse("admin:core_organization_change", args=[acme.organization.pk])

    assert (together.completed, together.progress) == (None, None)
    assert "2+ enrollments</a>: too many to add up here" in signed_in(alma).get(url).content.decode()


def test_a_manager_filters_by_no_organization(signed_in, acme, learning, mara, otto):
    """The filter is not theirs: neither offered nor obeyed, so it tells nothing of other teams."""
    client = signed_in(mara)
    key = acme.organization.pk

    for model in ("user", "enrollment", "seat"):
        page = client.get(f"/admin/core/{model}/?organization={key}")
        assert "By organization" not in page.content.decode()
        assert page.context["cl"].result_count == counted(client, f"/admin/core/{model}/")


def test_a_full_seat_tells_a_manager_whom_to_ask(signed_in, acme_seat, learning, mara, root):
    acme_seat.used_count = 7
    acme_seat.save(update_fields=["used_count"])

    assert "Raise the maximum" in signed_in(root).get("/admin/").content.decode()
    page = signed_in(mara).get("/admin/").content.decode()
    assert "Raise the maximum" not in page
    assert "Your contact at the course company can add places." in page
