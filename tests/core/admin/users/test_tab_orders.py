"""Tabs of a user are sorted by what their cells begin with."""

import pytest
from django.urls import reverse

from core.models import Direction
from tests.factories import (
    ChapterFactory,
    GroupAssignmentFactory,
    GroupMembershipFactory,
    LessonFactory,
    ProductFactory,
    QuizFactory,
    QuizResultFactory,
    TeamFactory,
    ThinkificGroupFactory,
)

pytestmark = pytest.mark.django_db


def page(client, user, tab, order):
    return client.get(reverse("admin:core_user_change", args=[user.pk]), {"tab": tab, "o": order}).context


def test_quizzes_by_the_first_of_their_courses(alma, ana, signed_in):
    names = ("Baking", "Accounting", "")
    for name in names:
        quiz = QuizFactory(product=ProductFactory(name=name) if name else None)
        QuizResultFactory(user=ana, quiz=quiz)
    chapter = ChapterFactory(product=ProductFactory(name="Carpentry"))
    by_lesson = QuizFactory(product=None)
    LessonFactory(chapter=chapter, quiz=by_lesson)
    QuizResultFactory(user=ana, quiz=by_lesson)
    client = signed_in(alma)

    up, down = (
        [row.first_course for row in page(client, ana, "quizzes", order)["page"]] for order in ("2", "-2")
    )

    assert up == ["Accounting", "Baking", "Carpentry", None]
    assert down == ["Carpentry", "Baking", "Accounting", None]


def test_groups_by_the_first_of_their_directions(alma, ana, acme, signed_in):
    zoo = TeamFactory(name="Zoo")
    for direction in (Direction.THINKIFIC_TO_DASHBOARD, Direction.BIDIRECTIONAL, None):
        group = ThinkificGroupFactory(name=direction or "None")
        GroupMembershipFactory(user=ana, group=group)
        if direction:
            GroupAssignmentFactory(group=group, team=acme, direction=direction)
            GroupAssignmentFactory(group=group, team=zoo, direction=Direction.DISABLED)
    client = signed_in(alma)

    up, down = ([row.name for row in page(client, ana, "groups", order)["page"]] for order in ("4", "-4"))

    assert up == ["bidirectional", "thinkific_to_dashboard", "None"]
    assert down == ["thinkific_to_dashboard", "bidirectional", "None"]


def test_a_team_sees_no_order_by_directions_of_others(owen, ana, acme, signed_in):
    group = ThinkificGroupFactory()
    GroupMembershipFactory(user=ana, group=group)
    GroupAssignmentFactory(group=group, team=acme, direction=Direction.DISABLED)
    GroupAssignmentFactory(group=group, team=TeamFactory(name="Aaa"), direction=Direction.BIDIRECTIONAL)

    rows = page(signed_in(owen), ana, "groups", "4")["page"]

    assert [row.first_direction for row in rows] == ["disabled"]
