"""Tags: on a user's page, for people chosen in the list, as a filter; and what a team may see and change."""

from html import unescape

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from core.models import Tag, UserTag
from tests.core.admin.users.test_chosen_people import LIST, chosen, said
from tests.dialogs import shown_by
from tests.factories import MembershipFactory, RoleFactory, TagFactory, TeamFactory, UserFactory, builtin_role

pytestmark = pytest.mark.django_db


def edit_url(user):
    return reverse("admin:core_user_do", args=[user.pk, "tags"])


def tags_of(user):
    return {tag.name for tag in user.tags.all()}


# --- on a user's page --------------------------------------------------------------------------------------


def test_tags_are_added_made_and_removed_on_the_page(alma, ana, signed_in):
    vip, pilot = TagFactory(name="VIP"), TagFactory(name="Pilot")
    ana.tags.add(vip)
    office = signed_in(alma)
    form = shown_by(office, edit_url(ana))

    answer = office.post(edit_url(ana), form | {"tags": [pilot.pk], "new": "Größe 名前"})

    assert said(answer) == "Ana Ames has the tags Größe 名前 and Pilot now."
    assert tags_of(ana) == {"Pilot", "Größe 名前"}
    assert {row.history_user for row in UserTag.history.all()} == {alma}
    page = office.get(reverse("admin:core_user_change", args=[ana.pk])).content.decode()
    assert f"?tag={pilot.pk}" in page


def test_a_tag_that_somebody_else_added_meanwhile_is_not_removed(alma, ana, signed_in):
    office, pilot = signed_in(alma), TagFactory()
    form = shown_by(office, edit_url(ana))
    ana.tags.add(TagFactory(name="VIP"))

    answer = office.post(edit_url(ana), form | {"tags": [pilot.pk]})

    assert "“VIP” now" in answer.content.decode()
    assert tags_of(ana) == {"VIP"}


def test_a_new_tag_with_the_name_of_another_is_that_one(alma, ana, signed_in):
    TagFactory(name="VIP")
    office = signed_in(alma)

    office.post(edit_url(ana), shown_by(office, edit_url(ana)) | {"new": "vip"})

    assert tags_of(ana) == {"VIP"}
    assert Tag.objects.count() == 1


def test_a_name_that_cannot_be_is_refused_beside_its_field(alma, ana, signed_in):
    answer = signed_in(alma).post(edit_url(ana), {"new": "x" * 101})

    assert "new" in answer.context["form"].errors
    assert not ana.tags.exists()


@pytest.mark.parametrize("who", ["mara", "owen"])
def test_a_teams_viewer_tags_their_own_people_only(request, who, acme, ana, otto, gwen, signed_in):
    ana.home_team = acme
    ana.save()
    secret = TagFactory(name="globex-only")
    otto.tags.add(secret)
    office = signed_in(request.getfixturevalue(who))

    assert office.get(edit_url(otto)).status_code == 404
    answer = office.post(edit_url(ana), {"tags": [secret.pk]})
    assert "tags" in answer.context["form"].errors
    assert not ana.tags.exists()
    office.post(edit_url(ana), {"new": "Night shift"})
    assert tags_of(ana) == {"Night shift"}


def test_a_guest_has_no_tags_for_the_team(mara, acme, otto, signed_in):
    MembershipFactory(team=acme, user=otto, as_guest=True)

    assert signed_in(mara).get(edit_url(otto)).status_code == 403


def test_without_the_right_nobody_tags(acme, ana, signed_in):
    looker = MembershipFactory(
        team=acme, user=UserFactory(), role=RoleFactory(permissions=["users.view", "teams.view"])
    ).user
    window = signed_in(looker)

    assert window.get(edit_url(ana)).status_code == 403
    assert window.post(LIST, chosen("add_tag", [ana], new="x")).status_code in {200, 302, 403}
    assert not Tag.objects.exists()


# --- in the list -------------------------------------------------------------------------------------------


def ask(office, action, people, **fields):
    """Choose people, and send the dialog's page as it was shown, with these fields."""
    form = chosen(action, people, **fields)
    shown = office.post(LIST, {name: form[name] for name in ("action", "index", "_selected_action")})
    kept = dict(shown.context["asked"]) if shown.context else {}
    return office.post(LIST, form | kept)


def test_chosen_people_get_a_tag_and_lose_it(alma, ana, bo, otto, signed_in):
    office, vip = signed_in(alma), TagFactory(name="VIP")
    ana.tags.add(vip)

    added = ask(office, "add_tag", [ana, bo, otto], tags=[vip.pk])

    assert said(added) == "The tag VIP was added to 2 people. 1 person had it already."
    assert [tags_of(p) for p in (ana, bo, otto)] == [{"VIP"}] * 3
    removed = ask(office, "remove_tag", [ana, bo], tags=[vip.pk])
    assert said(removed) == "The tag VIP was removed from 2 people."
    assert [tags_of(p) for p in (ana, bo, otto)] == [set(), set(), {"VIP"}]


def test_several_tags_and_a_new_one_at_once(alma, ana, bo, signed_in):
    vip = TagFactory(name="VIP")

    answer = ask(signed_in(alma), "add_tag", [ana, bo], tags=[vip.pk], new="Pilot")

    assert said(answer) == "4 tags were added to 2 people: Pilot and VIP."
    assert tags_of(bo) == {"VIP", "Pilot"}


def test_no_tag_is_asked_for_beside_the_field(alma, ana, signed_in):
    answer = ask(signed_in(alma), "add_tag", [ana])

    assert answer.context["form"].errors == {"tags": ["Choose a tag, or enter the name of a new one."]}


def test_all_that_match_are_tagged_in_few_statements(alma, acme, signed_in):
    people = UserFactory.create_batch(70)
    for person in people:
        MembershipFactory(team=acme, user=person)
    vip, address = TagFactory(name="VIP"), f"{LIST}?team={acme.pk}"
    office = signed_in(alma)
    across = {"action": "add_tag", "index": "0", "select_across": "1", "_selected_action": [people[0].pk]}
    shown = office.post(address, across)
    kept = dict(shown.context["asked"])

    with CaptureQueriesContext(connection) as queries:
        answer = office.post(address, across | kept | {"started": "1", "tags": [vip.pk]})

    assert "71 people" in shown.content.decode()
    assert said(answer) == "The tag VIP was added to 71 people."
    writes = [q["sql"] for q in queries if "user_tags" in q["sql"] or "historicalusertag" in q["sql"]]
    assert len(writes) <= 4
    assert len(queries) < 30


def test_who_came_meanwhile_is_not_tagged_without_being_shown(alma, acme, ana, signed_in):
    office, vip, address = signed_in(alma), TagFactory(), f"{LIST}?team={acme.pk}"
    across = {"action": "add_tag", "index": "0", "select_across": "1", "_selected_action": [ana.pk]}
    kept = dict(office.post(address, across).context["asked"])
    MembershipFactory(team=acme, user=UserFactory())

    answer = office.post(address, across | kept | {"started": "1", "tags": [vip.pk]})

    assert "has changed since you opened it" in answer.content.decode()
    assert not UserTag.objects.exists()


def test_more_than_can_be_tagged_at_once_are_refused(alma, acme, ana, bo, signed_in, monkeypatch):
    from core.admin.users.dialogs import tags

    monkeypatch.setattr(tags.AddTagToChosen, "most", 2)
    across = {"action": "add_tag", "index": "0", "select_across": "1", "_selected_action": [ana.pk]}

    answer = signed_in(alma).post(LIST, across)

    assert "2 can be changed at once" in said(answer)


def test_a_manager_tags_own_people_and_guests_are_left_out(mara, acme, ana, otto, signed_in):
    MembershipFactory(team=acme, user=otto, role=builtin_role("student"), as_guest=True)
    office = signed_in(mara)
    form = chosen("add_tag", [ana, otto])

    shown = office.post(LIST, {name: form[name] for name in ("action", "index", "_selected_action")})
    answer = ask(office, "add_tag", [ana, otto], new="Pilot")

    page = unescape(shown.content.decode())
    assert f"1 person: Ana Ames. {otto} is left out: a guest's tags belong to other teams." in page
    assert f"{otto}: left out" in page
    assert otto.email not in page
    assert said(answer) == (
        f"The tag Pilot was added to 1 person. {otto} was left out: a guest's tags belong to other teams."
    )
    assert tags_of(ana) == {"Pilot"}
    assert not otto.tags.exists()


def test_members_of_a_team_where_the_viewer_may_not_tag_are_left_out(mara, ana, signed_in):
    elsewhere = TeamFactory(name="Elsewhere")
    looks = RoleFactory(permissions=["users.view", "teams.view"])
    MembershipFactory(team=elsewhere, user=mara, role=looks)
    pia = MembershipFactory(team=elsewhere, user=UserFactory(first_name="Pia", last_name="Pie")).user

    answer = ask(signed_in(mara), "add_tag", [ana, pia], new="Pilot")

    assert said(answer) == (
        "The tag Pilot was added to 1 person. "
        "Pia Pie was left out: your role in their team does not change tags."
    )
    assert not pia.tags.exists()


def test_a_person_of_another_team_is_not_tagged_by_key(mara, ana, otto, signed_in):
    ask(signed_in(mara), "add_tag", [otto], new="Pilot")

    assert not UserTag.objects.exists()
