"""The tab Users of a team: search, order, filters, dialogs about chosen members, and the file."""

import csv
import io
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from core.models import Enrollment, GroupMembership, Membership, SiteSettings, Team, User
from tests.dialogs import Inputs
from tests.factories import (
    EnrollmentFactory,
    GroupAssignmentFactory,
    MembershipFactory,
    ProductFactory,
    RoleFactory,
    SeatFactory,
    TagFactory,
    TeamFactory,
    UserFactory,
)


def users(team: Team, **asked) -> str:
    query = "".join(f"&{name}={value}" for name, value in asked.items())
    return f"{reverse('admin:core_team_change', args=[team.pk])}?tab=users{query}"


def names(response) -> list[str]:
    """Returns the e-mail addresses in the order of the rows, without their domain."""
    keys = [key for key, _ in response.context["table_rows"]]
    people = User.objects.in_bulk(keys)
    return [people[key].first_name for key in keys]


def choose(client, team: Team, action: str, people, form=None, *, confirm=True, **asked):
    """Send the form of the tab, then the dialog's, and then its confirmation, as a browser would."""
    url = users(team, **asked)
    chosen = {"action": action} | ({"select_across": "1"} if people is None else {})
    if people is not None:
        chosen["_selected_action"] = [person.pk for person in people]
    answer = client.post(url, chosen)
    for _ in range(2 if confirm else 1):
        if answer.status_code != 200:
            break
        sent = Inputs(answer.content.decode().split('id="content-main"', 1)[1])
        keys = [value for name, value in answer.context["kept"] if name == "_selected_action"]
        answer = client.post(url, sent.sent | (form or {}) | {"_selected_action": keys, "action": action})
    return answer


@pytest.fixture
def cast(acme, mara, ana, bo):
    """Acme with Owen, Mara, Ana and Bo, who joined in this order."""
    for days, person in enumerate([bo, ana, mara, acme.owner]):
        joined = timezone.now() - timedelta(days=days)
        Membership.objects.filter(team=acme, user=person).update(joined_at=joined)
    User.objects.filter(pk=ana.pk).update(last_activity_at=timezone.now() - timedelta(days=9))
    return acme


def test_a_managers_list_of_teams_has_the_columns_of_managers(mara, alma, acme, signed_in):
    url = reverse("admin:core_team_changelist")

    assert signed_in(mara).get(url).context["cl"].list_display[-4:] == [
        "team_name",
        "summary",
        "member_count",
        "created",
    ]
    assert "seat_count" in signed_in(alma).get(url).context["cl"].list_display


def test_every_heading_sorts_both_ways(mara, cast, signed_in):
    client = signed_in(mara)
    headings = client.get(users(cast)).context["headings"]

    assert [heading.text for heading in headings][:5] == [
        "Name",
        "Email",
        "Role",
        "Created At",
        "Last Activity",
    ]
    assert all(heading.url for heading in headings[:5])
    assert names(client.get(users(cast))) == ["Bo", "Ana", "Mara", "Owen"]  # the newest first
    assert names(client.get(users(cast, o="1"))) == ["Ana", "Bo", "Mara", "Owen"]
    assert names(client.get(users(cast, o="-2"))) == ["Owen", "Mara", "Bo", "Ana"]
    assert names(client.get(users(cast, o="4"))) == ["Owen", "Mara", "Ana", "Bo"]
    # Mara is active now; Bo and Owen never were, and come last both ways.
    assert names(client.get(users(cast, o="5")))[:2] == ["Ana", "Mara"]
    assert names(client.get(users(cast, o="-5")))[:2] == ["Mara", "Ana"]


@pytest.mark.parametrize("order", ["0", "-0", "99", "x", "--1", "1;drop", "9" * 40, "password"])
def test_an_order_that_there_is_not_changes_nothing(mara, cast, signed_in, order):
    assert names(signed_in(mara).get(users(cast, o=order))) == ["Bo", "Ana", "Mara", "Owen"]


def test_the_order_tells_nothing_about_guests(mara, cast, otto, signed_in):
    """The last activity of a guest is not shown, so it must not decide the order either."""
    MembershipFactory(team=cast, user=otto, as_guest=True)
    client = signed_in(mara)
    before = [names(client.get(users(cast, o=order))) for order in ("5", "-5")]

    User.objects.filter(pk=otto.pk).update(last_activity_at=timezone.now() - timedelta(days=400))

    assert [names(client.get(users(cast, o=order))) for order in ("5", "-5")] == before


def test_members_are_filtered_by_tag_and_by_group(mara, cast, ana, bo, otto, signed_in):
    tag, secret = TagFactory(name="Night shift"), TagFactory(name="Secret tag")
    ana.tags.add(tag)
    otto.tags.add(secret, tag)
    MembershipFactory(team=cast, user=otto, as_guest=True)
    own, foreign = GroupAssignmentFactory(team=cast).group, GroupAssignmentFactory().group
    GroupMembership.objects.create(group=own, user=bo)
    GroupMembership.objects.create(group=foreign, user=ana)
    GroupMembership.objects.create(group=own, user=ana, removed_at=timezone.now())
    client = signed_in(mara)

    page = client.get(users(cast))
    assert [choice["choices"] for choice in page.context["filters"]] == [
        [(str(tag.pk), "Night shift")],
        [(str(own.pk), str(own))],
    ]
    assert "Secret tag" not in page.content.decode()
    assert names(client.get(users(cast, tag=tag.pk))) == ["Ana"]  # not Otto: his tags are his home team's
    assert names(client.get(users(cast, tag=secret.pk))) == []
    assert names(client.get(users(cast, group=own.pk))) == ["Bo"]
    assert names(client.get(users(cast, group=foreign.pk))) == []
    for rubbish in ("x", "-1", "9" * 30):
        assert names(client.get(users(cast, tag=rubbish))) == []


def test_search_filter_order_and_page_stand_in_the_address(mara, cast, ana, signed_in):
    tag = TagFactory()
    for number in range(30):
        nia = UserFactory(first_name=f"Nia{number:02}", home_team=cast)
        MembershipFactory(team=cast, user=nia).user.tags.add(tag)
    client = signed_in(mara)

    page = client.get(users(cast, q="nia", tag=tag.pk, o="1"))
    second = client.get(reverse("admin:core_team_change", args=[cast.pk]) + page.context["pager"].next)

    assert len(names(page)) == 25
    assert names(second) == [f"Nia{number}" for number in range(25, 30)]
    assert str(tag.pk) in page.context["headings"][1].url


def test_a_page_of_members_takes_few_queries(mara, cast, signed_in, django_assert_max_num_queries):
    for _ in range(20):
        MembershipFactory(team=cast)
    client = signed_in(mara)
    client.get(users(cast))

    with django_assert_max_num_queries(15):
        client.get(users(cast, o="1"))


def test_chosen_members_are_enrolled_through_the_teams_seat(mara, cast, ana, bo, signed_in):
    course = ProductFactory(name="Course")
    seat = SeatFactory(product=course, teams=[cast])

    choose(signed_in(mara), cast, "add_enrollment", [ana, bo], {"products": [course.pk], "last_day": ""})

    rows = Enrollment.objects.filter(product=course)
    assert {row.user for row in rows} == {ana, bo}
    assert {row.last_seat for row in rows} == {seat}


def test_only_products_of_this_team_are_offered(alma, mara, cast, ana, signed_in):
    mine, other = ProductFactory(name="Mine"), ProductFactory(name="Other")
    SeatFactory(product=mine, teams=[cast])
    SeatFactory(product=other, teams=[TeamFactory()])
    address = reverse("admin:core_team_tab_selected", args=[cast.pk, "users", "add-enrollment"])

    for who in (alma, mara):
        client = signed_in(who)
        found = client.get(f"{address}?pick=products&term=").json()["results"]
        assert [row["id"] for row in found] == [str(mine.pk)]
        answer = choose(client, cast, "add_enrollment", [ana], {"products": [other.pk], "last_day": ""})
        assert "products" in answer.context["form"].errors
    assert not Enrollment.objects.exists()


@pytest.mark.parametrize("who", ["alma", "mara"])
@pytest.mark.usefixtures("alma", "mara")
def test_chosen_members_join_a_group_of_the_team(request, cast, ana, bo, signed_in, who):
    """A manager who may add people to the team may do this too; other teams' groups stay out of reach."""
    client = signed_in(request.getfixturevalue(who))
    group = GroupAssignmentFactory(team=cast, direction="dashboard_to_thinkific").group
    other = GroupAssignmentFactory(direction="dashboard_to_thinkific").group

    refused = choose(client, cast, "add_to_group", [ana], {"group": other.pk})
    choose(client, cast, "add_to_group", [ana, bo], {"group": group.pk})

    assert "group" in refused.context["form"].errors
    assert set(GroupMembership.objects.filter(group=group).values_list("user", flat=True)) == {ana.pk, bo.pk}
    assert not GroupMembership.objects.filter(group=other).exists()


def test_all_that_match_the_filter_leave_the_team(mara, cast, ana, bo, signed_in):
    elsewhere = TeamFactory()
    for person in (ana, bo):
        MembershipFactory(team=elsewhere, user=person)

    answer = choose(signed_in(mara), cast, "remove_from_team", None, q="acme.example b", confirm=False)

    assert answer.status_code == 302
    assert Membership.objects.filter(team=cast, user=ana).exists()
    assert not Membership.objects.filter(team=cast, user=bo).exists()
    last = Membership.history.filter(user_id=bo.pk, team_id=cast.pk).order_by("-history_id").first()
    assert (last.history_type, last.history_user, last.history_change_reason) == ("-", mara, "left the team")


@pytest.mark.parametrize("ends", [False, True])
def test_access_that_the_teams_seats_gave_ends_only_when_it_is_asked(mara, cast, ana, signed_in, ends):
    MembershipFactory(team=TeamFactory(), user=ana)
    seat = SeatFactory(teams=[cast])
    given = EnrollmentFactory(user=ana, product=seat.product, last_seat=seat)
    bought = EnrollmentFactory(user=ana, product=ProductFactory())
    form = {"end_access": "on"} if ends else {}

    choose(signed_in(mara), cast, "remove_from_team", [ana], form)

    given.refresh_from_db()
    bought.refresh_from_db()
    assert not Membership.objects.filter(team=cast, user=ana).exists()
    assert given.status == ("expired" if ends else "active")
    assert bought.status == "active"


def test_access_by_a_shared_seat_stays_where_another_team_has_it(mara, cast, ana, signed_in):
    other = MembershipFactory(team=TeamFactory(), user=ana).team
    seat = SeatFactory(teams=[cast, other])
    given = EnrollmentFactory(user=ana, product=seat.product, last_seat=seat)

    choose(signed_in(mara), cast, "remove_from_team", [ana], {"end_access": "on"})

    given.refresh_from_db()
    assert given.status == "active"


def test_the_question_says_what_becomes_of_the_last_team(mara, alma, cast, ana, signed_in):
    def asked(viewer) -> str:
        chosen = {"action": "remove_from_team", "_selected_action": [ana.pk]}
        return signed_in(viewer).post(users(cast), chosen).content.decode()

    assert "cannot be removed, as Settings name no default team" in asked(alma)
    assert "cannot be removed: the settings name no default team" in asked(mara)

    SiteSettings.objects.update(default_team=TeamFactory(name="Everybody"))
    assert "1 person of them, in no other team, will join the default team" in asked(alma)
    assert "Who is in no other team joins the default team" in asked(mara)
    MembershipFactory(user=ana)
    assert "default team" not in asked(alma)


def test_nobody_with_more_rights_is_removed(mara, cast, ana, signed_in):
    """Mara manages the team; Owen owns it."""
    answer = choose(signed_in(mara), cast, "remove_from_team", [cast.owner, ana])

    assert "Owen Owner" in str(answer.context["form"].errors)
    assert Membership.objects.filter(team=cast).count() == 4


def test_the_owner_stays_also_for_administrators(alma, cast, ana, signed_in):
    answer = choose(signed_in(alma), cast, "remove_from_team", [cast.owner])

    assert "owns Acme and cannot leave it" in answer.content.decode()
    assert Membership.objects.filter(team=cast).count() == 4


def test_somebody_without_another_team_is_not_left_without_one(mara, cast, ana, signed_in):
    answer = choose(signed_in(mara), cast, "remove_from_team", [ana])

    assert "Acme is the only team of Ana Ames" in answer.content.decode()
    assert Membership.objects.filter(team=cast, user=ana).exists()


ACTIONS = ["add_enrollment", "add_to_group", "remove_from_team", "delete_selected", ""]


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("who", ["ana", "gwen"])
@pytest.mark.usefixtures("globex")
def test_students_and_other_teams_do_nothing_with_members(request, cast, bo, signed_in, who, action):
    client = signed_in(request.getfixturevalue(who))

    answer = client.post(users(cast), {"action": action, "_selected_action": [bo.pk]})

    assert answer.status_code in {302, 403}
    assert Membership.objects.filter(team=cast).count() == 4


def test_members_of_another_team_are_not_chosen_by_their_key(mara, cast, otto, signed_in):
    answer = choose(signed_in(mara), cast, "remove_from_team", [otto])

    assert answer.status_code == 302
    assert Membership.objects.filter(user=otto).exists()


def users_export(team) -> str:
    return reverse("admin:core_team_export_tab", args=[team.pk, "users"])


def test_the_file_has_the_rows_of_the_filters_without_formulas(mara, cast, ana, bo, otto, signed_in):
    User.objects.filter(pk=bo.pk).update(first_name="=HYPERLINK(1)", last_name="")
    MembershipFactory(team=cast, user=otto, as_guest=True)
    User.objects.filter(pk=otto.pk).update(last_activity_at=timezone.now())
    client = signed_in(mara)

    def rows(**asked) -> list[list[str]]:
        answer = client.get(f"{users_export(cast)}file/", asked)
        assert answer["Content-Type"].startswith("text/csv")
        text = b"".join(answer.streaming_content).decode("utf-8-sig")
        return list(csv.reader(io.StringIO(text)))

    heading, *everybody = rows(o="2")
    assert heading == ["Name", "Email", "Role", "Created At", "Last Activity"]
    assert [row[1].split("@")[0] for row in everybody] == ["ana", "bo", "mara", "otto", "owen"]
    assert everybody[1][0] == "'=HYPERLINK(1)"
    assert everybody[3][4] == ""  # the activity of a guest
    assert [row[0] for row in rows(q="ana")[1:]] == ["Ana Ames"]


def test_the_file_needs_the_right_in_this_team(cast, globex, signed_in):
    """A right in another team is none here."""
    viewer = MembershipFactory(team=cast, role=RoleFactory(permissions=["teams.view"])).user
    MembershipFactory(
        team=globex, user=viewer, role=RoleFactory(permissions=["teams.view", "reports.export"])
    )
    client = signed_in(viewer)

    assert users_export(cast) not in client.get(users(cast)).content.decode()
    assert client.get(users_export(cast)).status_code == 403
    assert client.get(f"{users_export(cast)}file/").status_code == 403
    assert users_export(globex) in client.get(users(globex)).content.decode()


def test_a_viewer_without_rights_gets_no_checkboxes(cast, signed_in):
    viewer = MembershipFactory(team=cast, role=RoleFactory(permissions=["teams.view"])).user

    page = signed_in(viewer).get(users(cast)).content.decode()

    assert "Ana" in page or "Bo" in page
    assert "_selected_action" not in page
