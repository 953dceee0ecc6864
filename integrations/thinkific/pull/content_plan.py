"""Chooses how each course is read: over GraphQL, whose budget is points, or REST, whose budget is requests.

Both budgets are used at the same time, and each course is read in the way by which all courses are done
sooner. GraphQL costs points for every lesson that is requested, REST one request for every chapter. Only
GraphQL has courses of the new course builder.
"""

from dataclasses import dataclass

from django.db.models import Count
from msgspec import UNSET, UnsetType

from core.models import Chapter, Lesson, Product
from integrations.thinkific.client.errors import (
    CredentialsRefused,
    Rejected,
    RetryLater,
    SchemaDrift,
    TooExpensive,
)
from integrations.thinkific.client.graphql import curriculum
from integrations.thinkific.client.graphql.curriculum import Size
from integrations.thinkific.client.schemas import parse_graphql_id
from integrations.thinkific.runs.context import RunContext
from integrations.thinkific.runs.state import Place

GRAPHQL, REST = "graphql", "rest"
UNKNOWN = Size(10, 12)  # chapters and lessons of a course whose size is unknown
FEW = 5  # up to so many courses of unknown size, their sizes are not requested
QUIZZES = 0.1  # the share of lessons with a quiz, if unknown


class PlanPlace(Place):
    sizes: dict[str, list[int]] = {}  # by course id: the number of chapters, and of lessons in the largest
    no_graphql: bool | UnsetType = UNSET


@dataclass
class Load:
    """The seconds that each of the two budgets needs for what is planned."""

    points: float = 0.0
    requests: float = 0.0

    @property
    def seconds(self) -> float:
        return max(self.points, self.requests)

    def __add__(self, other: "Load") -> "Load":
        return Load(self.points + other.points, self.requests + other.requests)


class Plan:
    """The plan for the courses that are to be read now."""

    def __init__(self, context: RunContext, courses: list[Product]) -> None:
        self.context = context
        self._sizes: dict[int, Size] = {}
        self._quizzes: dict[int, int] = {}
        self._measure(courses)
        if self.knows_graphql:
            self._ask_for_sizes([course for course in courses if course.pk not in self._sizes])
        # Courses that only GraphQL has are counted first, wherever they are in the list.
        self._load = Load()
        for course in courses:
            if course.source != Product.Source.REST:
                self._load += self._by_graphql(course)
        self.seconds = self._foresee(courses)

    @property
    def knows_graphql(self) -> bool:
        return bool(self.context.client.credentials.token) and not self.context.place(PlanPlace).no_graphql

    def refuse(self, error: CredentialsRefused) -> None:
        """Note that GraphQL refuses the token, so the rest is read over REST."""
        if self.knows_graphql:
            self.context.place(PlanPlace).no_graphql = True
            self.context.refuse(error, "Course content was read over REST, without quizzes.")

    def size(self, course: Product) -> Size:
        return self._sizes.get(course.pk, UNKNOWN)

    def way(self, course: Product) -> str:
        """Returns GRAPHQL or REST for the next course, by the prices measured so far."""
        if not self.knows_graphql:
            return REST
        if course.source != Product.Source.REST:
            return GRAPHQL
        way, self._load = self._choose(course, self._load)
        return way

    def _choose(self, course: Product, load: Load) -> tuple[str, Load]:
        ways = {GRAPHQL: load + self._by_graphql(course), REST: load + self._by_rest(course)}
        if not self.knows_graphql:
            return REST, ways[REST]
        way = min(ways, key=lambda one: (ways[one].seconds, ways[one].points + ways[one].requests))
        return way, ways[way]

    def _foresee(self, courses: list[Product]) -> float:
        load = self._load
        for course in courses:
            if course.source == Product.Source.REST:
                _, load = self._choose(course, load)
        return load.seconds

    def _by_graphql(self, course: Product) -> Load:
        limits = self.context.budget.limits
        points = self.context.client.graphql.learned.prices("Curriculum", self.size(course).points)
        return Load(points=points * limits.points_window / max(1, limits.points))

    def _by_rest(self, course: Product) -> Load:
        limits = self.context.budget.limits
        size = self.size(course)
        requests = (1 + size.chapters) * limits.window / max(1, limits.requests)
        quizzes = self._quizzes.get(course.pk, round(size.chapters * size.lessons * QUIZZES))
        points = curriculum.quiz_points(quizzes) if self.knows_graphql else 0
        return Load(points * limits.points_window / max(1, limits.points), requests)

    def _measure(self, courses: list[Product]) -> None:
        """Take the sizes of courses that were read before from the database."""
        pks = [course.pk for course in courses]
        chapters = Chapter.objects.filter(product__in=pks, removed_at__isnull=True).order_by()
        counts = dict(chapters.values_list("product").annotate(n=Count("pk")))
        lessons = Lesson.objects.filter(chapter__in=chapters, removed_at__isnull=True).order_by()
        most: dict[int, int] = {}
        for course, _, count in lessons.values_list("chapter__product", "chapter").annotate(n=Count("pk")):
            most[course] = max(count, most.get(course, 0))
        quizzes = lessons.filter(quiz__isnull=False).values_list("chapter__product").annotate(n=Count("pk"))
        self._quizzes = dict(quizzes)
        self._sizes = {course: Size(count, most.get(course, 1)) for course, count in counts.items()}

    def _ask_for_sizes(self, unknown: list[Product]) -> None:
        """Request the sizes of the other courses, which costs about one point each."""
        kept = self.context.place(PlanPlace).sizes
        numbers = {course.productable_id: course.pk for course in unknown}
        if sum(str(number) not in kept for number in numbers) > FEW:
            try:
                for page in curriculum.course_sizes(self.context.client.graphql):
                    for row in page.rows:
                        number, size = parse_graphql_id(row.id), row.curriculum
                        if number in numbers and size and size.chapters_count is not None:
                            chapters = size.chapters_count
                            kept[str(number)] = [chapters, _largest(chapters, size.lessons_count or 0)]
            except CredentialsRefused as error:
                self.refuse(error)
            except (Rejected, RetryLater, SchemaDrift, TooExpensive):
                pass  # the courses are read anyway, perhaps not in the cheapest way
        for number, pk in numbers.items():
            if str(number) in kept:
                self._sizes[pk] = Size(*kept[str(number)])


def _largest(chapters: int, lessons: int) -> int:
    """Returns how many lessons to request in each chapter when only their sum is known: a little more than
    the mean."""
    return max(1, -(-lessons * 11 // (10 * max(1, chapters))))
