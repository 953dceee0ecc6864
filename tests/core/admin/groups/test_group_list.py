"""The list of groups: its columns, and that every heading sorts."""

import re

import pytest
from django.urls import reverse
from django.utils import timezone

from tests.factories import (
    GroupAssignmentFactory,
    GroupMembershipFactory,
    TeamFactory,
    ThinkificGroupFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

LIST = reverse("admin:core_thinkificgroup_changelist")
HEADINGS = ["Name", "Token", "Thinkific ID", "Teams", "Users", "Status"]


@pytest.fixture
def groups():
    """Each is the first by some headings and the last by others."""
    now = timezone.now()
    one = ThinkificGroupFactory(name="B", token="x1", thinkific_id=30, last_synced_at=now)
    two = ThinkificGroupFactory(name="a", token="x3", thinkific_id=20)
    three = ThinkificGroupFactory(name="c", token="x2", thinkific_id=10, last_synced_at=now)
    for group, teams, users in ((one, 1, 3), (two, 0, 1), (three, 2, 2)):
        for _ in range(teams):
            GroupAssignmentFactory(group=group, team=TeamFactory(), direction="disabled")
        for _ in range(users):
            GroupMembershipFactory(group=group, user=UserFactory())
    return one, two, three


def names(page) -> str:
    return "".join(group.name for group in page.context["cl"].result_list)


@pytest.mark.parametrize("heading", HEADINGS)
def test_every_heading_sorts_in_both_directions(alma, groups, signed_in, heading):
    window = signed_in(alma)
    page = window.get(LIST)
    shown = page.context["cl"].list_display
    screen = page.context["cl"].model_admin
    headings = [screen.columns[name].heading if name in screen.columns else "" for name in shown]
    place = headings.index(heading)

    up = names(window.get(LIST, {"o": place}))
    down = names(window.get(LIST, {"o": f"-{place}"}))

    assert heading in re.sub(r"<[^>]+>", "", page.content.decode())
    assert up == {
        "Teams": "aBc",
        "Users": "acB",
        "Token": "Bca",
        "Thinkific ID": "caB",
    }.get(heading, up)
    assert sorted(up) == sorted(down) == ["B", "a", "c"]
    if heading == "Status":
        assert (up[-1], down[0]) == ("a", "a")  # Active after Full
    else:
        assert down == up[::-1]
