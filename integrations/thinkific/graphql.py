"""The GraphQL queries that we send, page by page.

Every iterator yields `(rows, next_cursor, has_next)` with rows a Rows of typed nodes; give it the last cursor
as `after` and it resumes there. Where Thinkific renamed a field, the newer name is asked first, the older one
when that is unknown, and the client remembers which. A query that costs too much is repeated for half as many
rows.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec

from integrations.thinkific import schemas
from integrations.thinkific.client import ThinkificClient
from integrations.thinkific.decoding import BadRow, read_row, read_rows
from integrations.thinkific.errors import Endless, NotFound, RetryLater, SchemaDrift, TooExpensive
from integrations.thinkific.paging import Watch, number_of
from integrations.thinkific.queries import (
    CERTIFICATES,
    CHAPTER,
    COURSES,
    CURRICULUM,
    ITEM,
    LESSON,
    NUMBER,
    PRODUCTS,
    SITE,
    SUBMISSIONS,
    USER_CERTIFICATES,
)
from integrations.thinkific.transport import plain

T = TypeVar("T")

# A query costs about 2 points, and 2 more per row: 249 rows cost 500, and four such pages fill the 2,000
# points of a minute, where 250 rows would leave a quarter of them unused.
ROWS = 249
CHAPTERS = 30
LESSONS = 40  # with 30 chapters the most that was seen to be accepted


class Rows(list[T], Generic[T]):
    """The readable rows of a page, and those that are not."""

    bad: list[BadRow]

    def __init__(self, items: list[T], bad: list[BadRow]) -> None:
        super().__init__(items)
        self.bad = bad


class GraphPage(NamedTuple, Generic[T]):
    rows: Rows[T]
    next_cursor: str | None
    has_next: bool


def site_info(client: ThinkificClient) -> schemas.SiteInfo:
    """The site that the access token belongs to; also the cheapest way to prove that it works."""
    data = client.graphql("Site", SITE, cost=3)
    try:
        return read_row(data.get("site") or {}, schemas.SiteInfo)
    except msgspec.ValidationError:
        return schemas.SiteInfo()


def quiz_submissions(
    client: ThinkificClient,
    *,
    after: str | None = None,
    first: int = ROWS,
    completed_from: datetime | None = None,
    course_ids: list[int] | None = None,
) -> Iterator[GraphPage[schemas.QuizSubmission]]:
    """The site's quiz results, all or those of some courses or completed since a moment."""
    wanted: dict[str, Any] = {}
    if completed_from is not None:
        wanted["completedAt"] = {"from": plain(completed_from)}
    if course_ids is not None:
        wanted["courseIds"] = [str(course_id) for course_id in course_ids]
    ask = _Query(client, "QuizResults", SUBMISSIONS, {"filter": wanted or None}, cost_per_row=2)
    return ask.pages(("site", "quizSubmissions"), schemas.QuizSubmission, first, after)


def products(
    client: ThinkificClient, *, after: str | None = None, first: int = ROWS
) -> Iterator[GraphPage[schemas.ProductNode]]:
    """Every product, those of the new course builder included. `item_id` is REST's productable_id."""
    ask = _Query(client, "Products", PRODUCTS, {}, names={"item": ITEM})
    return ask.pages(("site", "products"), schemas.ProductNode, first, after)


def courses(
    client: ThinkificClient, *, after: str | None = None, first: int = ROWS
) -> Iterator[GraphPage[schemas.CourseNode]]:
    """Every course, those of the new course builder included."""
    ask = _Query(client, "Courses", COURSES, {}, names={"item": ITEM})
    return ask.pages(("site", "courses"), schemas.CourseNode, first, after)


def course_certificates(
    client: ThinkificClient, course_id: int, *, after: str | None = None, first: int = ROWS
) -> Iterator[GraphPage[schemas.Certificate]]:
    """The certificates of one course. Raises NotFound for an unknown course."""
    ask = _Query(
        client,
        "CourseCertificates",
        CERTIFICATES,
        {"id": str(course_id)},
        names={"number": NUMBER},
        cost_per_row=2,
    )
    return ask.pages(("course", "certificates"), schemas.Certificate, first, after)


def user_certificates(
    client: ThinkificClient, email: str, *, after: str | None = None, first: int = 50
) -> Iterator[GraphPage[schemas.Certificate]]:
    """The certificates of one person. Raises NotFound for an unknown address."""
    ask = _Query(client, "UserCertificates", USER_CERTIFICATES, {"email": email}, names={"number": NUMBER})
    return ask.pages(("userByEmail", "certificates"), schemas.Certificate, first, after)


def curriculum(
    client: ThinkificClient,
    course_id: int,
    *,
    after: str | None = None,
    first: int = CHAPTERS,
    lessons: int = LESSONS,
) -> Iterator[GraphPage[schemas.ChapterNode]]:
    """The chapters of one course, each with all its lessons. Raises NotFound for an unknown course."""

    def read(node: Any) -> schemas.ChapterNode:
        chapter = dict(node) if isinstance(node, dict) else {}
        connection = chapter.get("lessons") or {}
        nodes, cursor, has_next = _connection(connection, "Curriculum")
        found, bad = read_rows(nodes, schemas.LessonNode)
        chapter["lessons"] = []
        row = read_row(chapter, schemas.ChapterNode)
        if bad:
            raise msgspec.ValidationError(f"lesson {bad[0].id}: {bad[0].message}")
        row.lessons = found
        if has_next:
            for page in chapter_lessons(client, str(row.id), after=cursor):
                row.lessons.extend(page.rows)
        return row

    text = CURRICULUM % {"lesson": LESSON}
    ask = _Query(client, "Curriculum", text, {"id": str(course_id), "lessons": lessons}, cost_per_row=5)
    return ask.pages(("course", "curriculum", "chapters"), read, first, after)


def chapter_lessons(
    client: ThinkificClient, chapter_id: str, *, after: str | None = None, first: int = 100
) -> Iterator[GraphPage[schemas.LessonNode]]:
    """The lessons of one chapter, for those beyond the first page of the curriculum. Takes a GraphQL id."""
    ask = _Query(client, "ChapterLessons", CHAPTER % {"lesson": LESSON}, {"id": chapter_id}, cost_per_row=2)
    return ask.pages(("chapter", "lessons"), schemas.LessonNode, first, after)


class _Query:
    """One query with its variables, in the spelling and size that the site accepts."""

    def __init__(
        self,
        client: ThinkificClient,
        operation: str,
        text: str,
        variables: Mapping[str, Any],
        *,
        names: Mapping[str, tuple[str, ...]] | None = None,
        cost_per_row: int = 1,
    ) -> None:
        self.client = client
        self.operation = operation
        self.text = text
        self.variables = dict(variables)
        self.names = names or {}
        self.cost_per_row = cost_per_row

    def pages(
        self,
        path: tuple[str, ...],
        row: type[T] | Callable[[Any], T],
        first: int,
        after: str | None,
    ) -> Iterator[GraphPage[T]]:
        """Page after page of the connection at `path`. Raises NotFound where its owner does not exist, and
        Endless where the pages go round in circles."""
        watch = Watch()
        cursors = {after}
        while True:
            data, first = self._ask(first, after)
            nodes, cursor, has_next = _connection(_at(data, path, self.operation), self.operation)
            if has_next and not cursor:
                raise RetryLater(f"GraphQL {self.operation} answered with a page that leads nowhere.")
            if has_next and cursor in cursors:
                raise Endless(
                    f"GraphQL {self.operation} does not end: its pages lead back to where they were."
                )
            if has_next:
                watch.look([number_of(node) for node in nodes], f"GraphQL {self.operation}")
            yield GraphPage(_read(nodes, row), cursor, has_next)
            if not has_next:
                return
            after = cursor
            cursors.add(cursor)

    def _ask(self, first: int, after: str | None) -> tuple[dict[str, Any], int]:
        """The data and the page size that it took."""
        while True:
            try:
                return self._ask_spelled(first, after), first
            except TooExpensive:
                if first <= 1:
                    raise
                first //= 2

    def _ask_spelled(self, first: int, after: str | None) -> dict[str, Any]:
        known = self.client.spellings
        variables = self.variables | {"first": first, "after": after}
        price = (self.operation, first)  # it depends on what is asked for, not on what comes
        cost = self.client.costs.get(price) or min(2 + first * self.cost_per_row, 1000)
        choices = max((len(names) for names in self.names.values()), default=1)
        while True:
            spelling = {key: names[known.get(key, 0)] for key, names in self.names.items()}
            text = self.text % spelling if self.names else self.text
            try:
                answer = self.client.graphql_answer(self.operation, text, variables, cost=cost)
            except SchemaDrift:
                chosen = max((known.get(key, 0) for key in self.names), default=0)
                last = chosen + 1 >= choices
                known.update(dict.fromkeys(self.names, 0 if last else chosen + 1))
                if last:
                    raise
            else:
                if answer.points.cost:
                    self.client.costs[price] = answer.points.cost
                return answer.data


def _read(nodes: list[Any], row: type[T] | Callable[[Any], T]) -> Rows[T]:
    if isinstance(row, type):
        return Rows(*read_rows(nodes, row))
    items: list[T] = []
    bad: list[BadRow] = []
    for place, node in enumerate(nodes, start=1):
        try:
            items.append(row(node))
        except msgspec.ValidationError as error:
            number = node.get("id") if isinstance(node, dict) else None
            bad.append(BadRow(str(number or f"#{place}"), str(error)))
    return Rows(items, bad)


def _at(data: dict[str, Any], path: tuple[str, ...], operation: str) -> Any:
    value: Any = data
    for step in path:
        owner, value = value, value.get(step) if isinstance(value, dict) else None
        if owner is data and value is None:
            raise NotFound(f"GraphQL {operation}", 200, [(None, f"Thinkific has no such {step}.")])
    return value


def _connection(value: Any, operation: str) -> tuple[list[Any], str | None, bool]:
    """The nodes, the cursor after them, and whether more follow: what it does not say must not be taken for
    no, or the rest would count as gone."""
    if not isinstance(value, dict):
        raise RetryLater(f"GraphQL {operation} was answered without a list.")
    nodes = value.get("nodes")
    if nodes is None:
        nodes = [edge.get("node") for edge in value.get("edges") or [] if isinstance(edge, dict)]
    info = value.get("pageInfo")
    has_next = info.get("hasNextPage") if isinstance(info, dict) else None
    if not isinstance(info, dict) or not isinstance(has_next, bool):
        raise RetryLater(f"GraphQL {operation} does not say whether more follows.")
    cursor = info.get("endCursor")
    return [node for node in nodes if node is not None], None if cursor is None else str(cursor), has_next
