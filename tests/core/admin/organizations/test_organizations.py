"""Organizations: adding, editing, deleting, their teams and their figures; who may."""

import pytest
from django.urls import reverse

from core.models import Organization, SiteSettings, Team
from core.services import seats
from core.services.teams import figures, organizations
from tests.dialogs import Inputs, send_confirmed
from tests.factories import (
    EnrollmentFactory,
    MembershipFactory,
    OrganizationFactory,
    ProductFactory,
    RoleFactory,
    SeatFactory,
    TeamFactory,
    UserFactory,
)


def do(slug: str, *keys: int) -> str:
    name = ("do_new", "do", "do_row")[len(keys)]
    return reverse(f"admin:core_organization_{name}", args=[*keys[:1], slug, *keys[1:]])


def page(organization: Organization, tab: str = "") -> str:
    url = reverse("admin:core_organization_change", args=[organization.pk])
    return f"{url}?tab={tab}" if tab else url


@pytest.fixture
def holding(db) -> Organization:
    return OrganizationFactory(name="Holding", description="All of it")


def test_an_organization_is_added_and_edited_with_history(alma, signed_in):
    client = signed_in(alma)

    client.post(do("add"), {"name": "  North  Group ", "description": "Since 2020"})
    north = Organization.objects.get()
    client.post(do("edit", north.pk), {"name": "North", "description": ""})

    north.refresh_from_db()
    assert (north.name, north.description) == ("North", "")
    rows = north.history.order_by("history_id").values_list("name", "history_user", "history_change_reason")
    assert list(rows) == [
        ("North Group", alma.pk, "organization made"),
        ("North", alma.pk, "details changed"),
    ]
    assert (
        "North Group"
        in client.get(reverse("admin:core_organization_history", args=[north.pk])).content.decode()
    )


@pytest.mark.parametrize(
    ("values", "beside", "says"),
    [
        ({"name": " "}, "name", "needs a name"),
        ({"name": "HOLDING"}, "name", "already"),
        ({"name": "n" * 300}, "name", "255"),
        ({"name": "New", "description": "d" * 10_001}, "description", "10000"),
    ],
)
def test_bad_input_is_answered_beside_the_field(alma, holding, signed_in, values, beside, says):
    response = signed_in(alma).post(do("add"), values)

    assert says in str(response.context["form"].errors[beside])
    assert list(Organization.objects.all()) == [holding]


def test_teams_are_assigned_and_removed_with_history(alma, acme, globex, holding, signed_in):
    client = signed_in(alma)
    client.post(do("assign-teams", holding.pk), {"teams": [acme.pk, globex.pk]})
    assert set(holding.teams.all()) == {acme, globex}

    client.post(do("remove-team", holding.pk, globex.pk))

    assert list(holding.teams.all()) == [acme]
    last = globex.history.order_by("-history_id").first()
    assert (last.organization_id, last.history_user, last.history_type) == (None, alma, "~")
    assert globex.history.count() == 3  # before the first change, and the two changes


def test_chosen_teams_are_removed_together(alma, acme, globex, holding, signed_in):
    kept = TeamFactory(organization=holding)
    organizations.assign_teams(holding, [acme, globex], by=alma)
    client, url = signed_in(alma), page(holding, "teams")
    chosen = {"action": "remove_teams", "_selected_action": [acme.pk, globex.pk]}

    asked = client.post(url, chosen)
    sent = Inputs(asked.content.decode().split('id="content-main"', 1)[1]).sent
    said = client.post(url, sent | chosen, follow=True).content.decode()

    assert "2 teams, Acme and Globex, stay as they are" in asked.content.decode()
    assert "2 teams are in no organization now" in said
    assert list(holding.teams.all()) == [kept]


def test_a_team_that_leaves_another_organization_is_named_first(alma, acme, holding, signed_in):
    other = OrganizationFactory(name="Other")
    organizations.assign_teams(other, [acme], by=alma)
    client, form = signed_in(alma), {"teams": [acme.pk]}

    asked = client.post(do("assign-teams", holding.pk), form).context["confirm"]
    send_confirmed(client, do("assign-teams", holding.pk), form)

    assert asked == "Acme leaves Other."
    acme.refresh_from_db()
    assert acme.organization == holding


def test_deleting_says_how_many_teams_stay_and_keeps_them(alma, acme, globex, holding, signed_in):
    organizations.assign_teams(holding, [acme, globex], by=alma)
    client = signed_in(alma)
    assert "The 2 teams of Holding stay" in client.get(do("delete", holding.pk)).content.decode()

    said = client.post(do("delete", holding.pk), follow=True).content.decode()

    assert "2 teams are in no organization now" in said
    assert not Organization.objects.exists()
    assert list(Team.objects.values_list("organization", flat=True)) == [None, None]
    assert acme.history.order_by("-history_id").first().history_change_reason == "organization changed"


def test_a_team_that_joined_meanwhile_is_not_left_without_a_word(alma, acme, holding, signed_in):
    """The question names a number; when it is another by then, it is asked again."""
    client = signed_in(alma)
    asked = client.get(do("delete", holding.pk)).context["asked"]
    organizations.assign_teams(holding, [acme], by=alma)

    client.post(do("delete", holding.pk), dict(asked))

    assert Organization.objects.exists()


def test_the_page_adds_up_people_places_and_progress(alma, acme, globex, ana, bo, otto, holding, signed_in):
    organizations.assign_teams(holding, [acme, globex], by=alma)
    MembershipFactory(team=globex, user=ana)  # counted once
    course = ProductFactory()
    SeatFactory(product=course, max_seats=10, used_count=3, teams=[acme, globex])
    SeatFactory(product=ProductFactory(), unlimited=True, used_count=1, teams=[acme])
    EnrollmentFactory(user=ana, product=course, percentage_completed=1, completed_at=acme.created_at)
    EnrollmentFactory(user=bo, product=course, percentage_completed=0)
    EnrollmentFactory(user=bo, product=ProductFactory(), percentage_completed=1)  # not through a seat
    archived = TeamFactory(organization=holding, archived_at=acme.created_at)
    MembershipFactory(team=archived)

    seats.recalculate()
    found = figures.of(holding.teams.current())
    shown = signed_in(alma).get(page(holding)).content.decode()

    assert found.people == 5  # Owen, Gwen, Ana, Bo, Otto
    assert (found.seats, found.places_used, found.places, found.unlimited) == (2, 2, 10, 1)
    assert (found.enrollments, found.completed, found.progress) == (2, 1, 0.5)
    assert "2 used, 10 in seats with a limit, on <a" in shown and "2 seats</a>" in shown
    assert "2 enrollments</a>" in shown and "1 completed</a>" in shown


def test_figures_take_a_constant_number_of_queries(alma, holding, django_assert_num_queries):
    for _ in range(3):
        team = MembershipFactory(team=TeamFactory(organization=holding)).team
        SeatFactory(teams=[team])
        with django_assert_num_queries(3):
            figures.of(holding.teams.current())


@pytest.mark.parametrize("who", ["owen", "mara", "ana"])
def test_organizations_are_for_people_who_see_everything(
    request, holding, acme, owen, mara, ana, signed_in, who
):
    """Also with a role in a team that has all of the codes."""
    person = request.getfixturevalue(who)
    codes = [f"organizations.{verb}" for verb in ("view", "create", "edit", "delete")]
    MembershipFactory(user=person, team=TeamFactory(), role=RoleFactory(permissions=["teams.view", *codes]))
    organizations.assign_teams(holding, [acme])
    client = signed_in(person)

    assert client.get(page(holding)).status_code == 403
    for slug in ("edit", "delete", "assign-teams"):
        assert client.post(do(slug, holding.pk), {"name": "Mine"}).status_code == 403
    assert client.post(do("add"), {"name": "Mine"}).status_code == 403
    assert client.post(do("remove-team", holding.pk, acme.pk)).status_code == 403
    assert list(Organization.objects.values_list("name", flat=True)) == ["Holding"]


def test_a_global_role_without_the_code_changes_nothing(holding, acme, signed_in):
    looker = RoleFactory(is_global=True, permissions=["organizations.view", "teams.view"])
    client = signed_in(UserFactory(global_role=looker))
    organizations.assign_teams(holding, [acme])

    assert client.get(page(holding, "teams")).status_code == 200
    for slug in ("edit", "delete", "assign-teams"):
        assert client.get(do(slug, holding.pk)).status_code == 403
    assert client.get(do("remove-team", holding.pk, acme.pk)).status_code in {302, 403, 404}


# --- default teams --------------------------------------------------------------------------------------


@pytest.fixture
def default_teams(db):
    SiteSettings.load()
    SiteSettings.objects.update(default_team_names="Sales\nSupport")


def test_without_default_teams_the_dialog_does_not_speak_of_them(alma, signed_in):
    assert set(signed_in(alma).get(do("add")).context["form"].fields) == {"name", "description"}


def test_an_organization_comes_with_its_default_teams(alma, owen, signed_in, default_teams):
    page = signed_in(alma).get(do("add")).content.decode()
    assert "Sales and Support, each with the organization&#x27;s name before it." in page

    signed_in(alma).post(do("add"), {"name": "North", "make_teams": "on", "owner": owen.pk})

    north = Organization.objects.get()
    made = Team.objects.filter(organization=north).order_by("name")
    assert [(team.name, team.owner) for team in made] == [("North: Sales", owen), ("North: Support", owen)]
    assert {team.history.get().history_user for team in made} == {alma}


def test_names_of_default_teams_are_no_html(alma, signed_in, default_teams):
    SiteSettings.objects.update(default_team_names="<b>Sales</b>")

    assert "&lt;b&gt;Sales&lt;/b&gt;, each" in signed_in(alma).get(do("add")).content.decode()


def test_default_teams_need_an_owner_and_can_be_left_out(alma, signed_in, default_teams):
    refused = signed_in(alma).post(do("add"), {"name": "North", "make_teams": "on"})
    assert "Every team has an owner" in refused.context["form"].errors["owner"][0]
    assert not Organization.objects.exists()

    signed_in(alma).post(do("add"), {"name": "North"})
    assert not Team.objects.filter(organization=Organization.objects.get()).exists()


def test_when_one_team_cannot_be_made_nothing_is(alma, owen, signed_in, default_teams):
    TeamFactory(name="north: support")

    answer = signed_in(alma).post(do("add"), {"name": "North", "make_teams": "on", "owner": owen.pk})

    assert "North: Support" in answer.content.decode()
    assert not Organization.objects.exists()
    assert not Team.objects.filter(name="North: Sales").exists()


def test_who_may_make_no_teams_is_not_offered_them(signed_in, default_teams):
    role = RoleFactory(is_global=True, permissions=["organizations.view", "organizations.create"])
    client = signed_in(UserFactory(global_role=role, is_staff=True))

    assert set(client.get(do("add")).context["form"].fields) == {"name", "description"}
