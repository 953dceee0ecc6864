"""A quiz that two courses contain belongs to both, and stays where it is."""

import pytest

from core.models import Lesson, Membership, Quiz, QuizResult
from integrations.thinkific.kinds import PULLS
from tests.factories import (
    MembershipFactory,
    SeatAssignmentFactory,
    SeatFactory,
    TeamFactory,
    builtin_role,
)
from tests.integrations.thinkific.pull.conftest import SIXTY, counts

pytestmark = pytest.mark.django_db
SCALE = SIXTY


@pytest.fixture
def shared(thinkific):
    """A quiz in lessons of two courses: `(its Thinkific id, the ids of the two lessons)`."""
    site = thinkific.site
    quizzes: dict[int, tuple[int, int]] = {}
    for course in site.courses:
        for chapter in course["chapter_ids"]:
            for content in site.chapters[chapter]["content_ids"]:
                if quiz := site.quiz_of_content.get(content):
                    quizzes.setdefault(course["id"], (quiz, content))
    (quiz, first), (_, second) = list(quizzes.values())[:2]
    site.quiz_of_content[second] = quiz
    return quiz, (first, second)


def courses_of(quiz):
    return {course.pk for course in Quiz.objects.with_courses().get(thinkific_id=quiz).courses()}


def holding(*lessons):
    return set(Lesson.objects.filter(thinkific_id__in=lessons).values_list("chapter__product", flat=True))


def test_it_belongs_to_both_and_a_second_pull_writes_nothing(pull, shared):
    quiz, lessons = shared
    pull("products")
    pull("content")
    assert courses_of(quiz) == holding(*lessons)
    assert len(courses_of(quiz)) == 2

    again = pull("content")

    assert set(counts(again)) == {"fetched", "unchanged"}


def test_taken_out_of_one_course_it_is_the_others(pull, shared, thinkific):
    quiz, lessons = shared
    pull("products")
    pull("content")
    stored_under = Quiz.objects.get(thinkific_id=quiz).product_id
    gone = next(n for n in lessons if holding(n) == {stored_under})
    thinkific.site.write("remove", kind="contents", row_ids=[gone])

    pull("content")

    assert courses_of(quiz) == holding(*lessons) - {stored_under}
    assert Quiz.objects.get(thinkific_id=quiz).product_id not in (None, stored_under)
    assert set(counts(pull("content"))) == {"fetched", "unchanged"}


def test_its_results_are_seen_by_the_teams_of_both(pull, shared):
    quiz, _ = shared
    for kind in PULLS:
        pull(kind)
    result = QuizResult.objects.filter(quiz__thinkific_id=quiz).first()
    for course in courses_of(quiz):
        manager = MembershipFactory(team=TeamFactory(), role=builtin_role("manager"))
        Membership.objects.get_or_create(
            team=manager.team, user=result.user, defaults={"role": builtin_role("student")}
        )
        SeatAssignmentFactory(team=manager.team, seat=SeatFactory(product_id=course))

        assert result in QuizResult.objects.visible_to(manager.user), course
