"""The content of courses, read over GraphQL and REST, which have separate budgets."""

from types import SimpleNamespace

import pytest
from django.utils import timezone

from core.models import Chapter, Lesson, Product, Quiz
from integrations import progress
from integrations.models import SyncRun
from integrations.thinkific.budget.decisions import Limits
from integrations.thinkific.client.graphql.observed import Learned
from integrations.thinkific.pull.content_plan import GRAPHQL, REST, Plan
from integrations.thinkific.runs.state import State
from integrations.thinkific.sandbox import Scale, Site
from tests.factories import ProductFactory
from tests.integrations.thinkific.pull.conftest import Writes, counts

pytestmark = pytest.mark.django_db
CONTENTS = "/api/public/v1/chapters/{id}/contents"


@pytest.fixture
def thinkific_site():
    return Site.generate(Scale(users=10, courses=8, builder_courses=2, bundles=1, groups=0), seed=3)


@pytest.fixture
def cheaper(settings):
    """`cheaper(REST)` makes one way cheaper: the budget of the other one is a thousandth of it."""

    def choose(way: str) -> None:
        settings.THINKIFIC_RATE_LIMIT = 10**9 if way == REST else 10**6
        settings.THINKIFIC_GRAPHQL_POINTS = 10**9 if way == GRAPHQL else 10**6

    return choose


def told():
    chapters = Chapter.objects.order_by("thinkific_id").values_list(
        "thinkific_id", "product__productable_id", "name", "position"
    )
    lessons = Lesson.objects.order_by("thinkific_id").values_list(
        "thinkific_id", "chapter__thinkific_id", "quiz__thinkific_id", "name", "position", "content_type",
        "take_url",
    )  # fmt: skip
    return list(chapters), list(lessons)


@pytest.mark.parametrize(("first", "then"), [(REST, GRAPHQL), (GRAPHQL, REST)])
def test_both_ways_find_the_same(pull, asked, thinkific, cheaper, first, then):
    pull("products")
    cheaper(first)
    pull("content")
    by = {first: told()}
    asked()

    cheaper(then)
    with Writes() as writes:
        again = counts(pull("content"))
    by[then] = told()

    assert by[GRAPHQL] == by[REST]
    assert Quiz.objects.exists()
    classic = [
        course for course in thinkific.site.courses if course["id"] not in thinkific.site.builder_courses
    ]
    assert asked().get(CONTENTS, 0) == (
        sum(len(one["chapter_ids"]) for one in classic) if then == REST else 0
    )
    assert set(again) == {"fetched", "unchanged"}
    assert writes.found == []


def test_a_first_pull_is_refused_nothing_and_asks_each_course_once(pull, asked, thinkific, cheaper):
    cheaper(GRAPHQL)
    thinkific.set_options(graphql_points=1_000_000)
    pull("products")
    asked()

    run = pull("content")

    requests = asked()
    assert run.status == "succeeded"
    assert requests.pop("CourseSizes") == 1
    further = requests.pop("ChapterLessons", 0)  # of chapters with many more lessons than the others
    assert further < Chapter.objects.count() / 4
    assert requests == {"Curriculum": len(thinkific.site.courses)}
    assert Lesson.objects.count() == len(thinkific.site.contents)


def test_the_same_again_costs_exactly_what_is_there(pull, asked, thinkific, cheaper):
    cheaper(GRAPHQL)
    pull("products")
    pull("content")
    asked()

    pull("content")

    assert asked() == {"Curriculum": len(thinkific.site.courses)}


def test_a_token_that_is_not_taken_leaves_what_rest_knows(pull, thinkific, cheaper, settings):
    pull("products")
    settings.THINKIFIC_ACCESS_TOKEN = "x" * 40
    cheaper(GRAPHQL)

    run = pull("content")

    assert run.status == "partial"
    assert sum("without quizzes" in error["message"] for error in run.errors) == 1
    shown = [one for one in thinkific.site.courses if one["id"] not in thinkific.site.builder_courses]
    assert Chapter.objects.count() == sum(len(one["chapter_ids"]) for one in shown)


# --- the plan -----------------------------------------------------------------------------------------


def plan_for(courses, *, size, token="t", ratio=1.0):
    """Returns the plan for courses whose sizes are known, at the documented limits."""
    learned = Learned()
    learned.paid("Curriculum", 100, round(100 * ratio))
    graphql = SimpleNamespace(learned=learned)
    client = SimpleNamespace(credentials=SimpleNamespace(token=token), graphql=graphql)
    cursor = {"sizes": {str(course.productable_id): list(size) for course in courses}}
    place = State(SyncRun(cursor=cursor)).at
    context = SimpleNamespace(client=client, place=place, budget=SimpleNamespace(limits=Limits()))
    return Plan(context, courses)


@pytest.fixture
def courses():
    return [ProductFactory() for _ in range(200)]


@pytest.mark.parametrize(("lessons", "ratio"), [(10, 1.0), (40, 1.0), (10, 2.0), (2, 1.0)])
def test_two_hundred_courses_take_less_time_than_a_request_for_each_chapter(courses, lessons, ratio):
    plan = plan_for(courses, size=(10, lessons), ratio=ratio)

    ways = [plan.way(course) for course in courses]

    assert plan.seconds < 200 * 10 * 60 / 120
    assert {GRAPHQL, REST} == set(ways)  # both budgets are used


def test_small_chapters_are_read_over_graphql_and_large_ones_over_rest(courses):
    small, large = plan_for(courses[:1], size=(30, 1)), plan_for(courses[:1], size=(2, 400))

    assert small.way(courses[0]) == GRAPHQL
    assert large.way(courses[0]) == REST


def test_new_builder_courses_take_graphql_and_leave_rest_to_the_others(courses):
    Product.objects.filter(pk__in=[course.pk for course in courses[100:]]).update(source="graphql")
    courses = list(Product.objects.order_by("pk"))
    plan = plan_for(courses, size=(10, 10))

    ways = {course.pk: plan.way(course) for course in courses}

    assert {ways[course.pk] for course in courses[100:]} == {GRAPHQL}
    assert [ways[course.pk] for course in courses[:100]].count(REST) > 70


def test_without_a_token_everything_comes_over_rest(courses):
    plan = plan_for(courses, size=(10, 10), token="")

    assert {plan.way(course) for course in courses} == {REST}
    assert plan.seconds == pytest.approx(200 * 11 * 60 / 120)


def test_the_estimate_is_stored_before_the_first_course_is_done(pull, thinkific):
    pull("products")
    seen: list[str] = []

    pull("content", on_progress=lambda run: seen.append(progress.progress_line(run, timezone.now())))

    assert seen[0] == "0 of 10 pages · about 0 s left"  # at a million requests a minute
    assert "planned" not in SyncRun.objects.latest("pk").cursor


def test_a_plan_says_how_long_it_takes_until_a_tenth_is_done():
    run = SyncRun(kind="content", pages_total=200, cursor={"planned": {"seconds": 400.0, "pages": 200}})
    assert progress.seconds_left(run) == 400

    run.pages_done, run.busy_seconds = 10, 30
    assert progress.seconds_left(run) == 380

    run.pages_done = 100
    assert progress.seconds_left(run) == 30
