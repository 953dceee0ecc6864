"""The rows of a team's tab Users: why one has no Remove from Team, and Impersonate for administrators."""

import pytest
from django.urls import reverse

from core.models import Membership, SiteSettings, Team
from tests.factories import MembershipFactory, RoleFactory, TeamFactory

OWNER = "Owner: cannot be removed"
ALONE = "In no other team: cannot be removed"
RIGHTS = "Has rights that you do not have"


def page(team: Team) -> str:
    return f"{reverse('admin:core_team_change', args=[team.pk])}?tab=users"


def actions(client, team: Team) -> dict[str, str]:
    """Returns the last cell of each row, by the first name of the person."""
    response = client.get(page(team))
    people = {
        m.user_id: m.user.first_name for m in Membership.objects.filter(team=team).select_related("user")
    }
    if response.context["headings"][-1].text != "Actions":
        return dict.fromkeys(people.values(), "")
    rows = response.context["table_rows"]
    users = [m.user_id for m in response.context["page"]]
    return {people[user]: str(cells[-1]) for user, (_, cells) in zip(users, rows, strict=True)}


def test_who_cannot_be_removed_has_the_reason(acme, mara, ana, bo, signed_in):
    MembershipFactory(user=ana, team=TeamFactory())

    for viewer in (mara, acme.owner):
        shown = actions(signed_in(viewer), acme)

        assert "Remove from Team" in shown["Ana"] and "cannot" not in shown["Ana"]
        assert ALONE in shown["Bo"] and "default team" in shown["Bo"]
        assert ">Remove from Team<" not in shown["Bo"]
        assert OWNER in shown["Owen"]
    assert ALONE in shown["Mara"]  # oneself, in the only team


def test_who_may_choose_a_default_team_is_not_sent_to_somebody_else(acme, alma, mara, ana, signed_in):
    own, others = actions(signed_in(alma), acme)["Ana"], actions(signed_in(mara), acme)["Ana"]

    assert "or choose a default team in Settings, People and registration" in own
    assert "or ask an administrator to choose a default team in Settings" in others


def test_with_a_default_team_everybody_but_the_owner_can_leave(acme, mara, bo, globex, signed_in):
    SiteSettings.objects.update_or_create(pk=1, defaults={"default_team": globex})
    assert "Remove from Team" in actions(signed_in(mara), acme)["Bo"]

    SiteSettings.objects.update(default_team=acme)
    shown = actions(signed_in(mara), acme)["Bo"]
    assert ALONE in shown and "the default team" in shown


def test_who_has_more_rights_is_named_as_that(acme, mara, bo, signed_in):
    keeper = MembershipFactory(team=acme, role=RoleFactory(permissions=["teams.view", "seats.edit"])).user

    assert RIGHTS in actions(signed_in(mara), acme)[keeper.first_name]


def test_who_may_remove_nobody_reads_no_reasons(acme, mara, bo, signed_in):
    Membership.objects.filter(user=mara).update(overrides={"teams.assign": "deny"})

    shown = actions(signed_in(mara), acme)

    assert not any(words in cell for cell in shown.values() for words in (OWNER, ALONE, RIGHTS))


def test_the_reasons_stand_on_the_persons_page_too(acme, alma, bo, signed_in):
    url = reverse("admin:core_user_change", args=[bo.pk])

    assert ALONE in signed_in(alma).get(f"{url}?tab=teams").content.decode()


def test_reasons_cost_no_query_for_each_row(acme, alma, signed_in, django_assert_max_num_queries):
    client = signed_in(alma)
    client.get(page(acme))
    MembershipFactory.create_batch(20, team=acme)

    with django_assert_max_num_queries(28):
        assert ALONE in client.get(page(acme)).content.decode()


@pytest.mark.parametrize(("who", "may"), [("alma", True), ("root", True), ("mara", False), ("owen", False)])
def test_administrators_impersonate_from_the_row(request, acme, mara, ana, signed_in, who, may):
    client = signed_in(request.getfixturevalue(who))
    url = reverse("admin:core_user_do", args=[ana.pk, "impersonate"])

    assert (f'href="{url}"' in actions(client, acme)["Ana"]) == may
    if may:
        assert "Reason" in client.get(url).content.decode()


def test_nobody_who_may_not_be_impersonated_has_the_button(acme, alma, root, signed_in):
    MembershipFactory(team=acme, user=root)
    MembershipFactory(team=acme, user=alma)

    shown = actions(signed_in(alma), acme)

    assert "Impersonate" in shown["Owen"]
    assert "Impersonate" not in shown["Root"] + shown["Alma"]
