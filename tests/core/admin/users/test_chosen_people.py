"""People chosen in the list of users: added to a team or a group, enrolled, exported; all or nothing."""

import csv
import io

import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from core.admin.kit.dialogs import chosen as chosen_dialogs
from core.models import Enrollment, GroupMembership, Membership, OutboxEntry
from core.services import groups, memberships, seats
from core.services.enrollments import seat_access
from tests.dialogs import Inputs, send_confirmed
from tests.factories import (
    BundleItemFactory,
    EnrollmentFactory,
    GroupAssignmentFactory,
    GroupMembershipFactory,
    MembershipFactory,
    ProductFactory,
    RoleFactory,
    SeatFactory,
    ThinkificGroupFactory,
    UserFactory,
    builtin_role,
)

pytestmark = pytest.mark.django_db

LIST = reverse("admin:core_user_changelist")


def chosen(action, people, **fields):
    """What the form's page sends about these people."""
    keys = [person.pk for person in people]
    values = {name: getattr(value, "pk", value) for name, value in fields.items()}
    return {"action": action, "index": "0", "_selected_action": keys, "started": "1", **values}


def said(response) -> str:
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


def outsiders(count):
    return UserFactory.create_batch(count)


# --- teams ------------------------------------------------------------------------------------------------


def test_people_join_a_team_and_the_numbers_are_said_before_and_after(alma, ana, bo, otto, acme, signed_in):
    people = [ana, bo, otto, *outsiders(3)]
    office, form = signed_in(alma), chosen("add_to_team", people, team=acme, role=builtin_role("student"))

    first = office.post(LIST, {name: form[name] for name in ("action", "index", "_selected_action")})
    asked = office.post(LIST, form)

    assert "6 people: Ana Ames and 5 others" in first.content.decode()
    assert asked.context["confirm"] == (
        "4 people will join Acme as Student. 2 are in it already and will not change."
    )
    assert not Membership.objects.filter(team=acme, user=otto).exists()
    answer = send_confirmed(office, LIST, form)
    assert said(answer) == "4 people joined Acme. 2 were in it already."
    joined = Membership.objects.get(team=acme, user=otto)
    assert (joined.role.code, joined.history.get().history_user) == ("student", alma)


def test_the_groups_of_the_team_take_them_in(alma, acme, signed_in):
    group = GroupAssignmentFactory(team=acme, direction="bidirectional").group
    people = outsiders(2)

    send_confirmed(
        signed_in(alma), LIST, chosen("add_to_team", people, team=acme, role=builtin_role("student"))
    )

    assert set(GroupMembership.objects.filter(group=group).values_list("user", flat=True)) == {
        person.pk for person in people
    }
    assert OutboxEntry.objects.filter(entity="groupmembership").count() == 2


def test_a_team_that_is_too_small_takes_nobody(alma, ana, acme, signed_in):
    acme.max_members = 2
    acme.save()
    people = outsiders(2)
    form = chosen("add_to_team", people, team=acme, role=builtin_role("student"))

    answer = send_confirmed(signed_in(alma), LIST, form)

    [error] = answer.context["form"].errors["team"]
    assert error.startswith("Acme has no room for 2 more students (1 of 2).")
    assert Membership.objects.filter(team=acme, role__code="student").count() == 1


def test_somebody_may_have_added_them_in_the_meantime(alma, ana, otto, acme, signed_in):
    office = signed_in(alma)
    form = chosen("add_to_team", [ana, otto], team=acme, role=builtin_role("student"))
    asked = office.post(LIST, form).context["confirm"]
    memberships.add_member(team=acme, user=otto, role=builtin_role("student"), by=alma)

    again = office.post(LIST, form | {"confirmed": asked})

    assert again.context["form"].errors == {"team": ["All 2 are in Acme already. Choose another team."]}


def test_a_manager_adds_their_own_people_to_their_own_teams_only(
    mara, ana, bo, otto, acme, globex, signed_in
):
    office, student = signed_in(mara), builtin_role("student")

    foreign_team = office.post(LIST, chosen("add_to_team", [ana, bo], team=globex, role=student))
    foreign_person = office.post(LIST, chosen("add_to_team", [ana, otto], team=acme, role=student))
    too_much = office.post(LIST, chosen("add_to_team", [ana], team=acme, role=builtin_role("owner")))

    assert foreign_team.context["form"].errors["team"] == ["You cannot add people to this team."]
    assert "not in this list" in said(foreign_person)
    assert too_much.context["form"].errors["role"] == ["You cannot give this role."]
    assert Membership.objects.filter(user__in=[ana, bo, otto]).count() == 3


def test_guests_get_no_rights_and_the_refusal_names_them(mara, ana, acme, signed_in):
    other = Membership.objects.get(user=mara).team.__class__.objects.create(name="Second", owner=mara)
    MembershipFactory(team=other, user=mara, role=builtin_role("manager"))
    guests = [UserFactory(first_name=name, last_name="") for name in ("Gus", "Gil")]
    for guest in guests:
        MembershipFactory(team=acme, user=guest, as_guest=True)

    answer = send_confirmed(
        signed_in(mara),
        LIST,
        chosen("add_to_team", [ana, *guests], team=other, role=builtin_role("manager")),
    )

    assert "Gus and Gil are guests" in str(answer.context["form"].errors)
    assert not Membership.objects.filter(team=other, user=ana).exists()


# --- groups -----------------------------------------------------------------------------------------------


def test_people_are_put_into_a_group(alma, ana, bo, acme, signed_in):
    group = GroupAssignmentFactory(
        team=acme, direction="bidirectional", group=ThinkificGroupFactory(name="Interns")
    ).group
    GroupMembershipFactory(group=group, user=ana)
    form = chosen("add_to_group", [ana, bo, *outsiders(2)], group=group)

    asked = signed_in(alma).post(LIST, form).context["confirm"]
    answer = send_confirmed(signed_in(alma), LIST, form)

    assert asked == (
        "3 people will be added to the group Interns, here and in Thinkific. 1 is in it already."
    )
    assert said(answer).startswith("3 people joined the group Interns. 1 was in it already.")
    assert GroupMembership.objects.filter(group=group).count() == 4


def test_a_group_takes_from_a_team_only_the_people_of_the_team(mara, ana, bo, acme, signed_in):
    role = RoleFactory(permissions=["users.view", "teams.view", "groups.assign"])
    MembershipFactory(team=acme, user=UserFactory(first_name="Only", last_name="Here"))
    second = MembershipFactory(user=mara, role=role).team
    Membership.objects.filter(user=mara, team=acme).update(role=role)
    elsewhere = MembershipFactory(team=second, user=UserFactory(first_name="Else", last_name="Where")).user
    group = GroupAssignmentFactory(team=acme, direction="bidirectional").group

    answer = signed_in(mara).post(LIST, chosen("add_to_group", [ana, elsewhere], group=group))

    assert "Else Where is not in a team of yours" in str(answer.context["form"].errors["group"])
    send_confirmed(signed_in(mara), LIST, chosen("add_to_group", [ana, bo], group=group))
    assert GroupMembership.objects.filter(group=group).count() == 2


def test_a_group_that_sends_nothing_is_not_offered_and_refused(alma, ana, acme, signed_in):
    silent = GroupAssignmentFactory(team=acme, direction="thinkific_to_dashboard").group
    offered = reverse("admin:core_user_selected", args=["join-group"])

    assert signed_in(alma).get(offered, {"pick": "group", "term": ""}).json()["results"] == []
    answer = send_confirmed(signed_in(alma), LIST, chosen("add_to_group", [ana], group=silent))
    assert "No team sends changes of" in str(answer.context["form"].errors)
    assert not GroupMembership.objects.exists()


# --- enrolling --------------------------------------------------------------------------------------------


def test_people_are_enrolled_and_those_who_lose_time_are_named(alma, ana, bo, accounting, signed_in):
    EnrollmentFactory(user=ana, product=accounting, expiry_date=None)
    day = timezone.localdate() + timezone.timedelta(days=30)
    form = chosen("enroll_selected", [ana, bo, *outsiders(2)], products=accounting, last_day=str(day))

    asked = signed_in(alma).post(LIST, form).context["confirm"]
    as_browsers_send_it = asked.replace("\n", "\r\n")
    answer = signed_in(alma).post(LIST, form | {"confirmed": as_browsers_send_it})

    assert "4 people will be enrolled in Accounting 101, until" in asked
    assert "1 of them has access already" in asked
    assert "This shortens the access of Ana Ames to Accounting 101 (now: no end)." in asked
    assert "4 people are enrolled in Accounting 101. 1 of them had access before." in said(answer)
    given = Enrollment.objects.filter(product=accounting)
    assert {timezone.localtime(e.expiry_date).date() for e in given} == {day}
    assert {e.history.first().history_user for e in given} == {alma}
    assert OutboxEntry.objects.filter(entity="enrollment", requested_by=alma).count() == 4


def test_one_who_cannot_be_enrolled_stops_all(alma, ana, bo, accounting, signed_in):
    off = UserFactory(first_name="Off", last_name="Line", is_active=False)
    form = chosen("enroll_selected", [ana, off, bo], products=accounting, last_day="")

    answer = signed_in(alma).post(LIST, form)

    assert not answer.context["confirm"]  # refused before anybody says yes
    assert "account is switched off" in str(answer.context["form"].errors["__all__"])
    assert "Off Line" in str(answer.context["form"].errors["__all__"])
    assert not Enrollment.objects.exists()


def test_a_manager_enrolls_through_seats_of_their_teams(mara, ana, bo, acme_seat, accounting, signed_in):
    seats.add_places(acme_seat, 1)
    form = chosen("enroll_selected", [ana, bo], products=accounting, last_day="")

    asked = signed_in(mara).post(LIST, form).context["confirm"]
    send_confirmed(signed_in(mara), LIST, form)

    assert "Takes 2 places of Acme for Accounting 101 (0 of 2 used before)." in asked
    assert {e.last_seat for e in Enrollment.objects.filter(product=accounting)} == {acme_seat}
    other = ProductFactory(name="Not theirs")
    refused = signed_in(mara).post(LIST, form | {"products": other.pk})
    assert "no team of yours has a seat on it" in str(refused.context["form"].errors)


def test_who_has_no_team_with_a_seat_and_who_holds_it_otherwise_is_named(
    mara, ana, bo, acme_seat, accounting, signed_in
):
    second = MembershipFactory(user=mara, role=builtin_role("manager")).team
    elsewhere = MembershipFactory(team=second, user=UserFactory(first_name="Else", last_name="Where")).user
    office = signed_in(mara)
    seats.add_places(acme_seat, 1)

    no_seat = office.post(LIST, chosen("enroll_selected", [ana, elsewhere], products=accounting, last_day=""))
    EnrollmentFactory(user=bo, product=accounting)  # bought
    bought = office.post(LIST, chosen("enroll_selected", [ana, bo], products=accounting, last_day=""))

    assert "with Else Where has a seat on Accounting 101" in str(no_seat.context["form"].errors)
    assert not bought.context["confirm"]  # refused before anybody says yes
    assert bought.context["form"].errors["products"] == [
        "Bo Berg has access to Accounting 101 already, and no seat of your teams gave it. It stays as it is. "
        "Nobody was enrolled. Choose without them. Enroll them again when it has ended."
    ]
    assert Enrollment.objects.filter(user=ana).count() == 0


def test_a_bundle_that_somebody_holds_counts_for_the_course(alma, ana, bo, accounting):
    pack = ProductFactory(bundle=True)
    BundleItemFactory(bundle=pack, course=accounting)
    later = timezone.now().replace(microsecond=0) + timezone.timedelta(days=90)
    EnrollmentFactory(user=ana, product=pack, expiry_date=later, granted=True, granted_until=later)
    end = timezone.now().replace(microsecond=0) + timezone.timedelta(days=9)

    seat_access.enroll_many(students=[ana, bo], products=[accounting], expiry_date=end, by=alma)

    ends = dict(Enrollment.objects.filter(product=accounting).values_list("user", "expiry_date"))
    assert ends == {ana.pk: later, bo.pk: end}


# --- how many ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["team", "group", "enroll"])
def test_twenty_people_take_as_many_queries_as_two(what, alma, acme, accounting):
    group = GroupAssignmentFactory(team=acme, direction="bidirectional").group

    def queries(people):
        with CaptureQueriesContext(connection) as captured:
            if what == "team":
                memberships.add_members(team=acme, users=people, role=builtin_role("student"), by=alma)
            elif what == "group":
                groups.add_members(group=group, users=people, by=alma)
            else:
                seat_access.enroll_many(students=people, products=[accounting], by=alma)
        return len(captured)

    queries(outsiders(21))  # from 20 objects on the outbox goes another way
    assert queries(outsiders(22)) == queries(outsiders(44))


def test_more_than_the_most_are_refused_in_a_sentence(alma, ana, bo, acme, monkeypatch, signed_in):
    monkeypatch.setattr(chosen_dialogs, "MAX_CHOSEN", 2)
    outsiders(2)
    form = {"action": "add_to_team", "index": "0", "_selected_action": [ana.pk], "select_across": "1"}

    answer = signed_in(alma).post(LIST, form)

    assert "users are chosen; 2 can be changed at once." in said(answer)


def test_over_the_list_the_dialog_says_what_is_refused_and_leaves_the_list(
    alma, ana, bo, acme, monkeypatch, signed_in
):
    monkeypatch.setattr(chosen_dialogs, "MAX_CHOSEN", 1)
    form = {"action": "add_to_team", "index": "0", "_selected_action": [ana.pk, bo.pk]}

    answer = signed_in(alma).post(LIST, form, headers={"HX-Request": "true"})

    dialog = answer.content.decode().split('id="dialog"', 1)[1]
    assert "HX-Redirect" not in answer.headers
    assert "2 users are chosen; 1 can be changed at once." in dialog
    assert "data-cancel" in dialog


def test_over_the_list_the_dialog_is_sent_over_it_and_then_the_list_is_shown(alma, ana, acme, signed_in):
    client, address = signed_in(alma), f"{LIST}?q=ana"
    form = {"action": "add_tag", "index": "0", "_selected_action": [ana.pk]}
    assert f'hx-post="{address}"' in client.get(address).content.decode()

    page = client.post(address, form, headers={"HX-Request": "true"}).content.decode()
    assert f'hx-post="{address}"' in page
    sent = Inputs(page.split('id="dialog"', 1)[1]).sent | {"new": "Pilot"}
    answer = client.post(address, sent, headers={"HX-Request": "true"})

    assert answer.headers["HX-Redirect"] == address
    assert ana.tags.get().name == "Pilot"


def test_all_that_match_are_carried_by_their_keys(alma, ana, bo, otto, acme, globex, signed_in):
    form = {"action": "add_to_team", "index": "0", "_selected_action": [ana.pk], "select_across": "1"}

    page = signed_in(alma).post(f"{LIST}?team={globex.pk}", form)

    kept = [int(value) for name, value in page.context["kept"] if name == "_selected_action"]
    assert kept == sorted(Membership.objects.filter(team=globex).values_list("user", flat=True))
    assert ("select_across", "1") not in page.context["kept"]


# --- who may ----------------------------------------------------------------------------------------------


def test_only_what_one_may_do_is_offered(mara, acme, signed_in):
    page = signed_in(mara).get(LIST).context["cl"]
    form = signed_in(mara).get(LIST).context["action_form"]

    offered = [value for value, _ in form.fields["action"].choices if value]

    assert page.result_count
    assert offered == [  # managers assign no groups
        "add_to_team",
        "enroll_selected",
        "add_tag",
        "remove_tag",
        "export_selected",
    ]
    Membership.objects.filter(user=mara).update(
        role=RoleFactory(permissions=["users.view", "teams.view"]),
    )
    assert signed_in(mara).get(LIST).context["action_form"] is None


@pytest.mark.parametrize("slug", ["join-team", "join-group", "enroll", "nothing"])
def test_pickers_answer_only_whom_they_are_for(ana, slug, signed_in):
    address = reverse("admin:core_user_selected", args=[slug])

    assert signed_in(ana).get(address, {"pick": "team", "term": ""}).status_code in {403, 404}


def test_the_pickers_of_a_manager_offer_what_is_theirs(mara, acme, globex, acme_seat, signed_in):
    SeatFactory(product=ProductFactory(name="Other"), teams=[globex])

    def offered(slug, field):
        address = reverse("admin:core_user_selected", args=[slug])
        rows = signed_in(mara).get(address, {"pick": field, "term": ""}).json()["results"]
        return [row["text"].split("\n")[0] for row in rows]

    assert offered("join-team", "team") == ["Acme"]
    assert offered("enroll", "products") == ["Accounting 101"]


def test_the_pickers_offer_what_all_of_the_chosen_can_get(mara, ana, acme, acme_seat, signed_in):
    second = MembershipFactory(user=mara, role=builtin_role("manager")).team
    both = MembershipFactory(team=second, user=ana).user
    only_there = MembershipFactory(team=second).user
    shared = SeatFactory(product=ProductFactory(name="Shared"), teams=[acme, second])

    def offered(*people):
        form = {"action": "enroll_selected", "index": "0", "_selected_action": [p.pk for p in people]}
        widget = signed_in(mara).post(LIST, form).context["form"].fields["products"].widget
        rows = signed_in(mara).get(f"{widget.url}&term=").json()["results"]
        return sorted(row["text"].split("\n")[0] for row in rows)

    assert offered(both) == ["Accounting 101", "Shared"]
    assert offered(both, only_there) == ["Shared"]
    stranger = ProductFactory(name="Foreign")
    address = reverse("admin:core_user_selected", args=["enroll"])
    asked = {"pick": "products", "term": "", "among": f"{stranger.pk}.{shared.product_id}.x."}
    rows = signed_in(mara).get(address, asked).json()["results"]
    assert [row["id"] for row in rows] == [str(shared.product_id)]


# --- the file ---------------------------------------------------------------------------------------------


def read(response):
    return list(csv.DictReader(io.StringIO(b"".join(response).decode("utf-8-sig"))))


def test_the_chosen_are_exported(alma, ana, bo, otto, acme, globex, signed_in):
    MembershipFactory(team=globex, user=ana, role=builtin_role("manager"))
    form = {"action": "export_selected", "index": "0", "_selected_action": [ana.pk, bo.pk]}

    client = signed_in(alma)
    dialog = client.post(f"{LIST}?q=acme", form)
    assert dialog.status_code == 302
    asked = {"file_format": "csv", "columns": ["email", "teams", "role", "status"]}
    file = client.post(dialog["Location"], asked)
    rows = read(client.get(file["Location"]))

    assert [row["Email"] for row in rows] == [bo.email, ana.email]
    assert (rows[1]["Teams"], rows[1]["Role"], rows[1]["Status"]) == (
        "Acme, Globex",
        "Student, Manager",
        "Active",
    )


def test_the_file_of_a_manager_names_no_other_team(mara, ana, acme, globex, signed_in):
    MembershipFactory(team=globex, user=ana, role=builtin_role("manager"))
    guest = MembershipFactory(team=acme, as_guest=True).user
    guest.last_activity_at = ana.last_activity_at = timezone.now()
    guest.save()
    ana.save()

    asked = {"file_columns": "email.teams.role.last_activity"}
    file = signed_in(mara).get(reverse("admin:core_user_export_file"), asked)
    rows = {row["Email"]: row for row in read(file)}

    assert (rows[ana.email]["Teams"], rows[ana.email]["Role"]) == ("Acme", "Student")
    assert rows[ana.email]["Last activity"]
    assert rows[guest.email]["Last activity"] == ""


def test_one_person_with_access_is_asked_about_in_the_singular(alma, ana, acme_seat, accounting, signed_in):
    EnrollmentFactory(user=ana, product=accounting)
    office, form = signed_in(alma), chosen("enroll_selected", [ana], products=[accounting.pk])

    asked = office.post(LIST, form).context["confirm"]
    answer = office.post(LIST, form | {"confirmed": asked})

    assert "This person has access already" in asked and "of them" not in asked
    assert "This person had access before." in said(answer)
