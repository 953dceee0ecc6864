"""Texts say what is true for the viewer, and name a button only to who has it; one name for one thing."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.urls import reverse

from core.models import GroupAssignment, Membership, SiteSettings
from tests.factories import (
    GroupAssignmentFactory,
    MembershipFactory,
    OrganizationFactory,
    ProductFactory,
    RoleFactory,
    SeatFactory,
    TeamFactory,
    ThinkificGroupFactory,
    UserFactory,
)

GUIDE = Path(settings.BASE_DIR) / "docs/guide-for-managers.md"


def tab(obj, slug: str) -> str:
    return f"{reverse(f'admin:core_{obj._meta.model_name}_change', args=[obj.pk])}?tab={slug}"


def text(client, url: str) -> str:
    return client.get(url).content.decode()


# --- one name for one thing -------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["alma", "owen", "mara"])
def test_the_list_of_people_is_called_users(request, acme, mara, signed_in, who):
    client = signed_in(request.getfixturevalue(who))

    page = client.get("/admin/core/user/")

    assert page.context["title"] == "Users"
    assert re.search(r'href="/admin/core/user/".{0,900}?Users', page.content.decode(), re.DOTALL)
    assert not re.search(r">\s*Students\s*<", page.content.decode())


def test_the_guide_uses_the_names_of_the_screens(acme, mara, ana, bo, signed_in):
    """Each button that the guide names stands on a page that a manager has, or says that it is for owners."""
    client = signed_in(mara)
    SiteSettings.objects.update_or_create(pk=1, defaults={"registration_enabled": True})
    MembershipFactory(team=TeamFactory(), user=ana)
    pages = [
        "/admin/",
        "/admin/core/user/",
        *(tab(acme, one) for one in ("users", "links", "short-links", "seats", "enrollments")),
        *(tab(ana, one) for one in ("", "enrollments", "teams", "notes")),
        reverse("admin:login"),
    ]
    shown = " ".join(text(client, page) for page in pages) + text(signed_in(acme.owner), tab(bo, ""))
    owner = signed_in(acme.owner)
    shown += " ".join(text(owner, page) for page in (tab(acme, "users"), reverse("admin:import_new")))
    named = set(re.findall(r"(?<!\*)\*([A-Z][A-Za-z -]+)\*(?!\*)", GUIDE.read_text().replace("\n", " ")))
    # Shown for rows that this test has none of, on the sign-in page, or to nobody signed in.
    elsewhere = {"Invited", "Revoke", "End Access", "Move to Another Team"}
    elsewhere |= {"E-mail me a link", "Forgotten your password"}
    elsewhere |= {"Validate again", "Undo"}  # on the pages of an import
    elsewhere |= {"Open in Thinkific", "My courses"}  # for people with single sign-on, and students

    assert len(named) > 12
    assert {name for name in named if name not in shown} <= elsewhere
    assert "Students" not in named and "Add Person" not in named


# --- what is true for the viewer --------------------------------------------------------------------------


def test_nothing_is_said_of_every_source_to_who_sees_some(acme, mara, alma, ana, otto, signed_in):
    guest = MembershipFactory(team=acme, user=otto, as_guest=True).user

    assert "from every source" in text(signed_in(alma), tab(guest, "enrollments"))
    shown = text(signed_in(mara), tab(guest, "enrollments"))
    assert "No enrollments in the products that your teams have seats on." in shown
    assert "from every source" not in shown


def test_who_cannot_write_notes_is_not_told_to(acme, mara, ana, signed_in):
    client, words = signed_in(mara), "Write down what others should know"
    assert words in text(client, tab(ana, "notes"))

    Membership.objects.filter(user=mara).update(overrides={"notes.create": "deny"})

    shown = text(client, tab(ana, "notes"))
    assert words not in shown and "Add Note" not in shown


def test_the_button_above_is_named_to_who_has_it(alma, signed_in):
    organization, words = OrganizationFactory(), "Assign teams with the button above."
    looker = RoleFactory(is_global=True, permissions=["organizations.view", "teams.view"])

    assert words in text(signed_in(alma), tab(organization, "teams"))
    assert words not in text(signed_in(UserFactory(global_role=looker)), tab(organization, "teams"))


def test_managers_search_seats_by_what_they_see(acme_seat, mara, alma, signed_in):
    """A seat's own name is internal, and is not searched for them."""
    assert "Search by seat or product" in text(signed_in(alma), "/admin/core/seat/")
    shown = text(signed_in(mara), "/admin/core/seat/")
    assert "Search by product" in shown and "Search by seat" not in shown


def test_people_without_a_team_are_not_said_to_come_from_thinkific(root, signed_in):
    UserFactory(thinkific_id=None)

    page = text(signed_in(root), "/admin/")

    assert "1 person is in no team" in page and "They came from Thinkific" not in page


def test_managers_are_not_promised_a_first_sync(acme, mara, root, signed_in):
    words = "They appear here after the first sync."

    assert words in text(signed_in(root), "/admin/")
    assert words not in text(signed_in(mara), "/admin/")


# --- choices that can be told apart -----------------------------------------------------------------------


def test_student_stands_once_among_the_roles_on_joining(acme, alma, signed_in):
    group = ThinkificGroupFactory()
    kept = GroupAssignmentFactory(group=group, team=TeamFactory(), role=None)
    urls = [
        reverse("admin:core_team_do", args=[acme.pk, "attach-group"]),
        reverse("admin:core_thinkificgroup_do", args=[group.pk, "assign-team"]),
        reverse("admin:core_thinkificgroup_do_row", args=[group.pk, "change-direction", kept.pk]),
    ]
    for url in urls:
        form = signed_in(alma).get(url).context["form"]
        labels = [label for _, label in form.fields["role"].choices]
        assert labels.count("Student") == 1 and len(labels) == len(set(labels)), url


def test_a_stored_student_is_shown_as_the_choice_student(acme, alma, signed_in):
    student = Membership.objects.filter(role__code="student").first() or MembershipFactory(team=acme)
    kept = GroupAssignmentFactory(team=acme, role=student.role, direction="disabled")
    url = reverse("admin:core_team_do_row", args=[acme.pk, "change-direction", kept.pk])

    client = signed_in(alma)
    form = client.get(url).context["form"]
    client.post(url, {"direction": "thinkific_to_dashboard", "role": ""})

    assert form["role"].initial is None
    stored = GroupAssignment.objects.get(pk=kept.pk)
    assert stored.direction == "thinkific_to_dashboard"
    assert stored.role is None or stored.role.code == "student"


def test_seats_of_one_name_are_told_apart(acme, alma, signed_in):
    course = ProductFactory(name="Pottery")
    first = SeatFactory(name="Pool", product=course, max_seats=5, used_count=2)
    second = SeatFactory(name="Pool", product=ProductFactory(name="Weaving"), unlimited=True)
    url = reverse("admin:core_team_do", args=[acme.pk, "assign-seat"])

    found = signed_in(alma).get(url, {"pick": "seat", "term": "pool"}).json()["results"]

    assert {one["text"] for one in found} == {
        f"Pool\nPottery, 2 of 5 used, seat {first.pk}",
        f"Pool\nWeaving, {second.used_count} used, seat {second.pk}",
    }


# --- a user always has a team -----------------------------------------------------------------------------


def test_adding_a_user_without_a_team_is_refused_beside_the_field(acme, alma, signed_in):
    client, url = signed_in(alma), reverse("admin:core_user_do_new", args=["add"])
    student = MembershipFactory(team=acme).role
    sent = {"first_name": "New", "email": "new@acme.example", "role": student.pk}
    words = "Every user is in a team, and no default team is set."
    assert words in text(client, url)  # also before it is sent

    answer = client.post(url, sent)

    assert words in str(answer.context["form"].errors["teams"])
    SiteSettings.objects.update_or_create(pk=1, defaults={"default_team": acme})
    assert "Without a team, the user joins Acme as Student." in text(client, url)
    assert client.post(url, sent).status_code == 302
    assert Membership.objects.filter(team=acme, user__email="new@acme.example").exists()
