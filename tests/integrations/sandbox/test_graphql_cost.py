"""Points: what a query costs, what a site refuses, and how many rows it gives for them."""

import pytest

from tests.integrations.sandbox.conftest import Client
from tests.integrations.sandbox.test_graphql import CURRICULUM, SUBMISSIONS


def test_a_query_costs_what_the_documents_say(make_sandbox):
    call = Client(make_sandbox(graphql_points=2000, rate_window=3600))

    answer = call.graphql(SUBMISSIONS, n=10)

    assert answer["extensions"]["rateLimit"]["cost"] == 22
    assert answer["extensions"]["rateLimit"]["remaining"] == 1978
    assert answer["extensions"]["rateLimit"]["limit"] == 2000


def test_too_dear_a_query_is_refused_and_not_charged(make_sandbox):
    call = Client(make_sandbox(graphql_points=2000, rate_window=3600))

    error = call.graphql(SUBMISSIONS, n=600)["errors"][0]
    assert error["message"] == "Query cost of 1202 exceeds the maximum single query cost limit of 1000."
    assert error["extensions"]["code"] == "MAX_QUERY_COST_EXCEEDED"
    assert error["extensions"]["maxCost"] == 1000
    assert call.graphql(SUBMISSIONS, n=10)["extensions"]["rateLimit"]["remaining"] == 1978


EXAMPLE = """
query Members { group(id: "331") {
  users(first: 25) { nodes { id certificates(first: 25) { nodes { id } } } } } }
"""
QUIZZES = """
query Q { site { quizzes(first: 25) { nodes { id questions(first: 25) { nodes { id choices(first: 15) {
  nodes { id text } } } } } } } }
"""
ANSWERS = """
query A($n: Int!) { site { quizSubmissions(first: 10) { nodes { quiz { id } user { id }
  userAnswers(first: $n) { nodes { question { id } choices { id } } pageInfo { hasNextPage } } } } } }
"""
PRODUCTS = "query P($n: Int!) { site { products(first: $n) { nodes { id } pageInfo { hasNextPage } } } }"
COURSES = "query C($n: Int!) { site { courses(first: $n) { edges { node { id product { id } } } } } }"


def test_rows_of_scalars_cost_one_hundredth_each_as_in_the_documented_example(call):
    def cost(query, **variables):
        return call.graphql(query, **variables)["extensions"]["rateLimit"]["cost"]

    assert cost(EXAMPLE) == 9  # (100 + 100 + 25 * 25) / 100
    assert cost(QUIZZES) == 96  # as a client measured it
    assert cost(PRODUCTS, n=10) == 3
    assert cost(PRODUCTS, n=250) == 5
    assert cost(COURSES, n=10) == 12


def test_answers_to_quizzes_cost_what_a_client_measured(call):
    assert call.graphql(ANSWERS, n=25)["extensions"]["rateLimit"]["cost"] == 522
    assert call.graphql(ANSWERS, n=50)["errors"][0]["extensions"]["code"] == "MAX_QUERY_COST_EXCEEDED"


def test_a_mutation_costs_ten_times_a_query(call):
    query = """mutation M($i: BulkAddUsersToGroupsInput!) {
        bulkAddUsersToGroups(input: $i) { message userErrors { code message } } }"""

    answer = call.graphql(query, i={"userIds": ["90001"], "groupIds": ["331"]})

    assert answer["extensions"]["rateLimit"]["cost"] == 12  # (1000 + payload 100 + list 100) / 100


@pytest.mark.parametrize(("interfaces", "cost"), [("dearest", 1203), ("sum", 2403)])
def test_thirty_chapters_of_forty_lessons_with_their_contents_are_too_dear(make_sandbox, interfaces, cost):
    call = Client(make_sandbox(graphql_interfaces=interfaces))

    answer = call.graphql(CURRICULUM, id="3001", c=30, l=40)

    assert answer["errors"][0]["extensions"]["code"] == "MAX_QUERY_COST_EXCEEDED"
    assert answer["extensions"]["rateLimit"]["cost"] == cost
    assert "data" not in answer


@pytest.mark.parametrize(
    ("interfaces", "chapters", "cost"), [("dearest", 15, 603), ("sum", 10, 803), ("free", 30, 15)]
)
def test_fewer_chapters_are_accepted(make_sandbox, interfaces, chapters, cost):
    call = Client(make_sandbox(graphql_interfaces=interfaces))

    answer = call.graphql(CURRICULUM, id="3001", c=chapters, l=40)

    assert answer["data"]["course"]
    assert answer["extensions"]["rateLimit"]["cost"] == cost


def test_more_rows_than_a_site_gives_are_paid_for_but_do_not_come(make_sandbox):
    call = Client(make_sandbox(graphql_max_first=50))

    answer = call.graphql(SUBMISSIONS, n=249)

    page = answer["data"]["site"]["quizSubmissions"]
    assert len(page["nodes"]) == 50
    assert page["pageInfo"]["hasNextPage"] is True
    assert answer["extensions"]["rateLimit"]["cost"] == 500


def test_an_exhausted_budget_is_told_under_200(make_sandbox):
    call = Client(make_sandbox(graphql_points=30, rate_window=3600))
    call.graphql(SUBMISSIONS, n=10)

    answer = call.graphql(SUBMISSIONS, n=10)

    assert answer["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
    assert answer["extensions"]["rateLimit"]["remaining"] == 8
    assert "data" not in answer
