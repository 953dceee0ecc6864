"""GraphQL: errors under status 200, renamed fields, page sizes, cursors."""

import json
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta

import pytest
import responses

from integrations.thinkific.client.client import ThinkificClient
from integrations.thinkific.client.credentials import Credentials
from integrations.thinkific.client.errors import (
    CredentialsRefused,
    NotFound,
    RateLimited,
    Rejected,
    RetryLater,
    SchemaDrift,
    TooExpensive,
)
from integrations.thinkific.client.graphql import curriculum, groups, lists
from integrations.thinkific.client.rates import Points

URL = "https://api.thinkific.com/stable/graphql"
TOKEN = "tok_" + "x" * 40


@pytest.fixture
def network():
    with responses.RequestsMock() as mocked:
        yield mocked


@pytest.fixture
def client():
    return ThinkificClient(Credentials("acme", access_token=TOKEN), retries=0)


def failure(message, code=None, **extra):
    extensions = {"code": code, "request_id": "0f6d"} | extra if code else {}
    return {"errors": [{"message": message, "extensions": extensions}]}


def connection(*nodes, cursor=None):
    return {"nodes": list(nodes), "pageInfo": {"endCursor": cursor, "hasNextPage": cursor is not None}}


def submissions(*nodes, cursor=None):
    return {"data": {"site": {"quizSubmissions": connection(*nodes, cursor=cursor)}}}


def sent(network, number=-1):
    return json.loads(network.calls[number].request.body)


# --- errors ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (failure("API rate limit exceeded.", "RATE_LIMITED"), RateLimited),
        (failure("Query cost of 1253 exceeds", "MAX_QUERY_COST_EXCEEDED", maxCost=1000), TooExpensive),
        (failure("Internal error", "SERVER_ERROR"), RetryLater),
        (failure("Too slow", "GATEWAY_TIMEOUT"), RetryLater),
        (failure("Field 'issuedId' doesn't exist on type 'CertificateRecord'"), SchemaDrift),
        (failure('Cannot query field "x" on type "Y".', "GRAPHQL_VALIDATION_FAILED"), SchemaDrift),
        (failure("Field 'x' doesn't accept argument 'y'", "argumentNotAccepted"), SchemaDrift),
        (failure("Record not found", "NOT_FOUND"), NotFound),
        (failure("Sign in first", "UNAUTHENTICATED"), CredentialsRefused),
        (failure("Not on a Sunday", "CLOSED"), Rejected),
        ({"data": None}, RetryLater),
        ([], RetryLater),
        ({"data": {"userByEmail": None}} | failure("Internal error", "SERVER_ERROR"), RetryLater),
    ],
)
def test_what_an_error_under_status_200_means(client, network, body, kind):
    network.post(URL, json=body)

    with pytest.raises(kind) as caught:
        client.graphql.run("Site", "query Site { site { id } }")

    assert type(caught.value) is kind
    assert TOKEN not in str(caught.value)


def test_errors_under_status_400_mean_the_same(client, network):
    network.post(URL, json=failure("Unknown argument", "GRAPHQL_VALIDATION_FAILED"), status=400)

    with pytest.raises(SchemaDrift):
        client.graphql.run("Site", "query Site { site { id } }")


def test_user_errors_of_a_mutation_are_a_rejection(client, network):
    refused = [{"code": "NOT_FOUND", "message": "Group not found", "path": ["groupIds"]}]
    network.post(URL, json={"data": {"bulkRemoveUsersFromGroups": {"message": None, "userErrors": refused}}})

    with pytest.raises(Rejected, match="groupIds: Group not found"):
        groups.remove_users_from_groups(client.graphql, ["90001"], [330])

    assert sent(network)["variables"] == {"input": {"userIds": ["90001"], "groupIds": ["330"]}}


def test_a_query_is_never_uncertain_and_a_mutation_may_be(client, network):
    network.post(URL, status=502)

    with pytest.raises(RetryLater) as query:
        client.graphql.run("Site", "query Site { site { id } }")
    with pytest.raises(RetryLater) as mutation:
        groups.add_users_to_groups(client.graphql, ["1"], [2])

    assert not query.value.uncertain
    assert mutation.value.uncertain


def test_the_limit_stops_queries_until_its_reset(network):
    told = []

    class Budget:
        def permit(self, **_):
            return nullcontext()

        def note_points(self, points, *, estimate):
            told.append((points, estimate))

        def stop_points_until(self, until):
            told.append(until)

    reset = datetime.now(UTC) + timedelta(seconds=20)
    rate = {"cost": 522, "remaining": 0, "resetAt": reset.isoformat(), "limit": 2000}
    network.post(
        URL, json=failure("API rate limit exceeded.", "RATE_LIMITED") | {"extensions": {"rateLimit": rate}}
    )
    client = ThinkificClient(Credentials("acme", access_token=TOKEN), Budget(), retries=0)

    with pytest.raises(RateLimited) as caught:
        client.graphql.run("Site", "query Site { site { id } }", cost=7)

    assert caught.value.until == reset
    assert told == [(Points(cost=522, remaining=0, limit=2000, reset=reset), 7), reset]


def test_a_429_stops_queries_and_leaves_rest_alone(network):
    stopped = []

    class Budget:
        def permit(self, **_):
            return nullcontext()

        def stop_points_until(self, until):
            stopped.append(until)

    network.post(URL, status=429, headers={"RateLimit-Reset": "5"})
    client = ThinkificClient(Credentials("acme", access_token=TOKEN), Budget(), retries=0)

    with pytest.raises(RateLimited):
        client.graphql.run("Site", "query Site { site { id } }")

    assert len(stopped) == 1


# --- pages -----------------------------------------------------------------------------------------------


def test_pages_follow_the_cursor_and_can_be_resumed(client, network):
    network.post(URL, json=submissions({"id": "1"}, {"id": "2"}, cursor="c2"))
    network.post(URL, json=submissions({"id": "3"}))

    pages = list(
        lists.quiz_submissions(client.graphql, after="c0", completed_from=datetime(2025, 3, 1, tzinfo=UTC))
    )

    assert [[row.id for row in page.rows] for page in pages] == [["1", "2"], ["3"]]
    assert [(page.next_cursor, page.has_next) for page in pages] == [("c2", True), (None, False)]
    assert sent(network, 0)["variables"] == {
        "first": 50,
        "after": "c0",
        "filter": {"completedAt": {"from": "2025-03-01T00:00:00Z"}},
    }
    assert sent(network, 1)["variables"]["after"] == "c2"
    assert sent(network)["operationName"] == "QuizResults"


def test_a_bad_node_is_reported_and_the_others_survive(client, network):
    network.post(
        URL, json=submissions({"id": "1", "completedAt": "soon"}, {"id": 2, "completedAt": "2025-03-01"})
    )

    page = next(lists.quiz_submissions(client.graphql))

    assert [row.id for row in page.rows] == [2]
    assert page.rows[0].completed_at == datetime(2025, 3, 1, tzinfo=UTC)
    assert page.rows.bad[0].id == "1"


def sizes(network, count):
    return [sent(network, number)["variables"]["first"] for number in range(count)]


def test_a_page_that_costs_too_much_is_halved_and_stays_so(client, network):
    network.post(URL, json=failure("too dear", "MAX_QUERY_COST_EXCEEDED"))
    network.post(URL, json=submissions({"id": "1"}, cursor="c1"))
    network.post(URL, json=submissions({"id": "2"}))

    assert len(list(lists.quiz_submissions(client.graphql))) == 2
    assert sizes(network, 2) == [50, 25]
    assert sizes(network, 3)[2] < 50


def test_a_refusal_that_tells_its_price_costs_one_request_and_never_comes_again(client, network):
    rate = {"rateLimit": {"cost": 4080, "remaining": 1900, "limit": 2000}}
    network.post(URL, json=failure("too dear", "MAX_QUERY_COST_EXCEEDED") | {"extensions": rate})
    network.post(URL, json=submissions({"id": "1"}) | {"extensions": {"rateLimit": {"cost": 960}}})

    for _ in range(2):
        list(lists.quiz_submissions(client.graphql))

    assert sizes(network, 3) == [
        50,
        11,
        11,
    ]  # 40 points a row: 11 rows and what is around them are below 1,000


def test_pages_grow_while_whole_ones_come(client, network):
    for number in range(4):
        rows = [{"id": str(1000 * number + row)} for row in range(249)]
        network.post(URL, json=submissions(*rows, cursor=f"c{number}"))
    network.post(URL, json=submissions({"id": "1"}))

    list(lists.quiz_submissions(client.graphql))

    assert sizes(network, 5) == [50, 100, 200, 249, 249]


def test_no_more_rows_are_asked_for_than_a_site_gives_at_once(client, network):
    for number in range(3):
        rows = [{"id": str(1000 * number + row)} for row in range(50)]
        network.post(URL, json=submissions(*rows, cursor=f"c{number}"))
    network.post(URL, json=submissions({"id": "1"}))

    list(lists.quiz_submissions(client.graphql))
    list(lists.quiz_submissions(client.graphql))

    assert sizes(network, 5) == [50, 100, 50, 50, 50]


def test_one_row_that_costs_too_much_is_an_error(client, network):
    network.post(URL, json=failure("too dear", "MAX_QUERY_COST_EXCEEDED"))

    with pytest.raises(TooExpensive):
        next(lists.quiz_submissions(client.graphql, first=1))


def test_a_renamed_field_is_asked_by_its_older_name_and_remembered(client, network):
    node = {"id": "99001", "issuedId": "k3x9q2m7ab", "user": {"id": "90001"}}
    network.post(URL, json=failure("Field 'issuedId' doesn't exist on type 'CertificateRecord'"))
    network.post(URL, json={"data": {"course": {"certificates": connection(node)}}})

    first = next(lists.course_certificates(client.graphql, 3001))
    next(lists.course_certificates(client.graphql, 3002))

    assert first.rows[0].issued_id == "k3x9q2m7ab"
    asked = [("issuedId: credentialId" in sent(network, n)["query"]) for n in range(3)]
    assert asked == [False, True, True]


def test_a_field_unknown_by_every_name_is_drift_and_is_asked_anew_next_time(client, network):
    network.post(URL, json=failure("Field 'x' doesn't exist on type 'Product'"))

    for _ in range(2):
        with pytest.raises(SchemaDrift):
            next(lists.products(client.graphql))

    assert len(network.calls) == 4


def test_an_unknown_course_is_not_found(client, network):
    network.post(URL, json={"data": {"course": None}})

    with pytest.raises(NotFound):
        next(lists.course_certificates(client.graphql, 1))


def test_a_cursor_that_leads_nowhere_does_not_loop(client, network):
    network.post(URL, json=submissions({"id": "1"}, cursor="same"))

    pages = lists.quiz_submissions(client.graphql)
    next(pages)
    with pytest.raises(RetryLater, match="lead back to where they were"):
        next(pages)


def test_lessons_beyond_the_first_page_of_a_chapter_are_fetched(client, network):
    chapter = {"id": "501", "title": "Start", "position": 1, "lessons": connection({"id": "1"}, cursor="l1")}
    other = {
        "id": "502",
        "title": "End",
        "position": 2,
        "lessons": connection({"id": "9", "lessonType": "New"}),
    }
    network.post(URL, json={"data": {"course": {"curriculum": {"chapters": connection(chapter, other)}}}})
    quiz = {"id": "2", "content": {"contentType": "Quiz", "quiz": {"id": "6601"}}}
    network.post(URL, json={"data": {"chapter": {"id": "501", "lessons": connection(quiz, cursor="l2")}}})
    network.post(URL, json={"data": {"chapter": {"id": "501", "lessons": connection({"id": "3"})}}})

    page = next(curriculum.curriculum(client.graphql, 3001, size=curriculum.Size(2, 1)))

    assert [[lesson.id for lesson in row.lessons] for row in page.rows] == [["1", "2", "3"], ["9"]]
    assert page.rows[0].lessons[1].content.quiz.id == "6601"
    assert sent(network, 1)["variables"] == {"id": "501", "first": 20, "after": "l1"}


def test_the_price_of_a_page_is_learnt(client, network):
    rate = {"rateLimit": {"cost": 77, "remaining": 1900, "resetAt": "2025-03-10T10:01:00Z", "limit": 2000}}
    network.post(URL, json=submissions({"id": "1"}) | {"extensions": rate})

    assert client.graphql.learned.price("QuizResults", 102) == 102  # as documented
    next(lists.quiz_submissions(client.graphql))

    assert client.graphql.learned.price("QuizResults", 102) == 77
    assert client.graphql.learned.price("QuizResults", 204) == 154


def test_the_quizzes_of_lessons_come_in_one_query(client, network):
    told = {"l7": {"content": {"quiz": {"id": "6601", "name": "Final"}}}, "l8": {"content": {}}, "l9": None}
    network.post(URL, json={"data": told, "extensions": {"rateLimit": {"cost": 7}}})

    found = curriculum.lesson_quizzes(client.graphql, [7, 8, 9])

    assert {lesson: quiz.name for lesson, quiz in found.items()} == {7: "Final"}
    assert len(network.calls) == 1


def test_the_site_can_be_asked_who_it_is(client, network):
    network.post(URL, json={"data": {"site": {"id": "55501", "name": "Acme Academy", "subdomain": "acme"}}})

    assert lists.site_info(client.graphql).name == "Acme Academy"
