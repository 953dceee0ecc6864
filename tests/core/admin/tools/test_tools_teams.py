"""Tools, the tab Teams: all teams with their counts and quick actions."""

import pytest
from django.urls import reverse
from django.utils import timezone

from tests.factories import (
    GroupAssignmentFactory,
    MembershipFactory,
    OrganizationFactory,
    ProductFactory,
    RoleFactory,
    SeatFactory,
    TeamFactory,
    UserFactory,
)


def address(query: str = "") -> str:
    return reverse("admin:tools_teams") + query


def test_the_tools_have_a_tab_with_all_teams(alma, acme, globex, mara, ana, signed_in):
    acme.organization = OrganizationFactory(name="Holding")
    acme.save()
    SeatFactory(product=ProductFactory(), max_seats=10, used_count=4, teams=[acme])
    SeatFactory(product=ProductFactory(), max_seats=5, used_count=1, teams=[acme, globex])
    GroupAssignmentFactory(team=acme)
    client = signed_in(alma)

    assert address() in client.get(reverse("admin:tools")).content.decode()
    page = client.get(address())
    body = page.content.decode()

    cells = [[str(cell) for cell in row] for _, row in page.context["table_rows"]]
    assert ["Acme" in cells[0][0], "Globex" in cells[1][0]] == [True, True]
    assert "Owen Owner" in cells[0][1]
    assert "Holding" in cells[0][2]
    assert cells[0][3:6] == ["3", "5 of 15", "1"]
    assert cells[1][4] == "1 of 5"
    for slug in ("change-owner", "archive"):
        assert reverse("admin:core_team_do", args=[acme.pk, slug]) in body


def test_a_seat_without_a_limit_and_no_seat_are_said(alma, acme, globex, signed_in):
    SeatFactory(unlimited=True, used_count=1200, teams=[acme])

    cells = [[str(c) for c in row] for _, row in signed_in(alma).get(address()).context["table_rows"]]

    assert cells[0][4] == "1,200, no limit"
    assert "—" in cells[1][4]


def test_actions_lead_to_dialogs_and_fit_the_state(alma, acme, signed_in):
    client = signed_in(alma)
    client.post(reverse("admin:core_team_do", args=[acme.pk, "archive"]))

    body = client.get(address()).content.decode()

    assert reverse("admin:core_team_do", args=[acme.pk, "restore"]) in body
    assert reverse("admin:core_team_do", args=[acme.pk, "archive"]) not in body
    assert "Archived" in body


def test_teams_are_searched_sorted_and_paged(alma, acme, signed_in):
    for number in range(30):
        TeamFactory(name=f"Night shift {number:02}")
    client = signed_in(alma)

    def names(query: str) -> list[str]:
        found = client.get(address(query)).context["page"].object_list
        return [team.name for team in found]

    assert len(names("")) == 25
    assert names("?q=shift&p=2")[-1] == "Night shift 29"
    assert names("?o=-1")[0] == "Night shift 29"
    assert names("?q=acme") == ["Acme"]


def test_teams_are_limited_to_an_organization_or_a_state(alma, acme, globex, signed_in):
    acme.organization = OrganizationFactory(name="Holding")
    acme.archived_at = timezone.now()
    acme.save()
    client = signed_in(alma)

    def names(query: str) -> list[str]:
        return [team.name for team in client.get(address(query)).context["page"].object_list]

    assert names(f"?organization={acme.organization_id}") == ["Acme"]
    assert names("?state=1") == ["Globex"]
    assert names("?state=2") == ["Acme"]
    assert names("?state=3") == names("?organization=x") == names(f"?organization={10**9}") == []
    empty = client.get(address("?state=2&q=globex")).content.decode()
    assert '<a class="plain-button" href="?tab=teams">Show all</a>' in empty


@pytest.mark.parametrize("column", range(1, 8))
def test_every_column_sorts_both_ways(alma, acme, globex, signed_in, column):
    acme.organization = OrganizationFactory(name="Holding")
    acme.save()
    SeatFactory(max_seats=10, used_count=4, teams=[acme])
    SeatFactory(max_seats=10, used_count=2, teams=[globex])
    GroupAssignmentFactory(team=acme)
    client = signed_in(alma)

    up, down = (
        [team.name for team in client.get(address(f"?o={order}")).context["page"].object_list]
        for order in (column, -column)
    )

    assert sorted(up) == sorted(down) == ["Acme", "Globex"]
    # Globex has no organization: it comes last in both directions.
    assert up == (down if column == 3 else down[::-1])


def test_the_page_takes_a_constant_number_of_queries(alma, acme, signed_in, django_assert_max_num_queries):
    client = signed_in(alma)
    client.get(address())
    for _ in range(12):
        team = MembershipFactory().team
        SeatFactory(teams=[team])

    with django_assert_max_num_queries(15):
        client.get(address())


@pytest.mark.parametrize("who", ["owen", "mara", "ana"])
@pytest.mark.usefixtures("owen", "mara", "ana")
def test_people_of_a_team_have_no_tools(request, acme, signed_in, who):
    assert signed_in(request.getfixturevalue(who)).get(address()).status_code == 403


@pytest.mark.parametrize("codes", [["teams.view", "teams.edit"], ["tools.import"]])
def test_a_global_role_needs_both_rights(acme, signed_in, codes):
    helper = UserFactory(global_role=RoleFactory(is_global=True, permissions=codes))

    assert signed_in(helper).get(address()).status_code == 403


def test_actions_are_offered_to_people_who_may_use_them(acme, signed_in):
    role = RoleFactory(is_global=True, permissions=["tools.import", "teams.view"])
    client = signed_in(UserFactory(global_role=role))

    body = client.get(address()).content.decode()

    assert "Acme" in body
    assert "/do/" not in body
