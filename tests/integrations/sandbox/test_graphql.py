import pytest

from .conftest import Client

SUBMISSIONS = """
query QuizResults($n: Int!, $after: String, $f: QuizSubmissionFilter) {
  site { quizSubmissions(first: $n, after: $after, filter: $f) {
    nodes { id attempts correctCount incorrectCount passed completedAt createdAt
      quiz { id name passingScore } user { id gid email firstName lastName } }
    pageInfo { hasNextPage endCursor } } } }
"""
CURRICULUM = """
query Curriculum($id: ID!, $c: Int!, $cAfter: String, $l: Int!) {
  course(id: $id) { id name
    curriculum { chaptersCount lessonsCount
      chapters(first: $c, after: $cAfter) {
        nodes { id position title
          lessons(first: $l) { nodes { id title lessonType takeUrl
            content { __typename id contentType ... on QuizContent { quiz { id name } } } }
            pageInfo { hasNextPage endCursor } } }
        pageInfo { hasNextPage endCursor } } } } }
"""


def submissions(call, **wanted):
    rows, after = [], None
    while True:
        answer = call.graphql(SUBMISSIONS, n=50, after=after, f=wanted or None)["data"]["site"][
            "quizSubmissions"
        ]
        rows += answer["nodes"]
        if not answer["pageInfo"]["hasNextPage"]:
            return rows
        after = answer["pageInfo"]["endCursor"]


def test_quiz_submissions_are_walked_by_cursor_each_once(call, sandbox):
    rows = submissions(call)

    assert [int(r["id"]) for r in rows] == sandbox.site.submissions.ids()
    assert len(rows) > 50
    assert all(isinstance(r["id"], str) and isinstance(r["user"]["id"], str) for r in rows)


def test_quiz_submissions_are_filtered_by_user_course_group_and_time(call, sandbox):
    rows = submissions(call)
    user, moment = rows[0]["user"]["id"], sorted(r["completedAt"] for r in rows if r["completedAt"])[20]
    group_id = sandbox.site.groups.listing[0]["id"]

    assert {r["user"]["id"] for r in submissions(call, userIds=[user])} == {user}
    since = submissions(call, completedAt={"from": moment})
    assert {r["id"] for r in since} == {
        r["id"] for r in rows if r["completedAt"] and r["completedAt"] >= moment
    }
    members = {str(u) for u in sandbox.site.members[group_id]}
    assert {r["user"]["id"] for r in submissions(call, groupIds=[str(group_id)])} <= members
    of_course = {"Check: Why safety matters", "Check: When something happens"}
    expected = {r["id"] for r in rows if r["quiz"]["name"] in of_course}
    assert {r["id"] for r in submissions(call, courseIds=["3001"])} == expected != set()


def test_the_curriculum_of_any_course_is_there_with_its_quizzes(call, sandbox):
    hidden = next(iter(sandbox.site.builder_courses))
    course = call.graphql(CURRICULUM, id=str(hidden), c=10, l=10)["data"]["course"]

    chapters = course["curriculum"]["chapters"]["nodes"]
    assert len(chapters) == course["curriculum"]["chaptersCount"] == 3
    contents = [lesson["content"] for chapter in chapters for lesson in chapter["lessons"]["nodes"]]
    quizzes = [content["quiz"]["id"] for content in contents if content["__typename"] == "QuizContent"]
    assert len(quizzes) == 2
    assert all("quiz" not in content for content in contents if content["__typename"] != "QuizContent")


def test_products_of_the_newer_builder_are_listed(call, sandbox):
    query = "query P { site { products(first: 100) { nodes { itemId itemType status } } } }"
    nodes = call.graphql(query)["data"]["site"]["products"]["nodes"]

    shown = {int(n["itemId"]) for n in nodes if n["itemType"] == "COURSE"}
    assert sandbox.site.builder_courses <= shown
    assert {n["status"] for n in nodes} == {"PUBLISHED", "DRAFT"}


def test_certificates_come_by_course_and_by_person(call, sandbox):
    query = """query C($id: ID!) { course(id: $id) { certificates(first: 100) { totalCount
        nodes { issuedId issuedAt pdfDownloadPath user { email } course { id product { itemId } } } } } }"""
    certificates = call.graphql(query, id=3001)["data"]["course"]["certificates"]
    assert certificates["totalCount"] == len(certificates["nodes"]) > 0

    query = """query U($e: EmailAddress!) {
        userByEmail(email: $e) { certificates(first: 50) { nodes { issuedId } } } }"""
    mine = call.graphql(query, e=certificates["nodes"][0]["user"]["email"])["data"]["userByEmail"]
    assert certificates["nodes"][0]["issuedId"] in [c["issuedId"] for c in mine["certificates"]["nodes"]]
    assert call.graphql(query, e="nobody@example.org")["data"] == {"userByEmail": None}


@pytest.mark.parametrize(
    ("names", "known", "unknown"),
    [("new", "issuedId", "credentialId"), ("old", "credentialId", "issuedId")],
)
def test_only_one_generation_of_names_is_known(make_sandbox, names, known, unknown):
    call = Client(make_sandbox(graphql_names=names))
    query = "query C { course(id: 3001) { certificates(first: 1) { nodes { %s } } } }"

    assert "errors" not in call.graphql(query % known)
    error = call.graphql(query % unknown)
    assert error["errors"][0]["message"] == f'Cannot query field "{unknown}" on type "CertificateRecord".'
    assert "data" not in error


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("query Q { site { users { nodes { id } } } }", '"first" or "last"'),
        ("query Q { site { users(first: 1, colour: 2) { nodes { id } } } }", 'Unknown argument "colour"'),
        ("query Q { site }", "must have a selection"),
        ("query Q { site { id { x } } }", "must not have a selection"),
        ("query Q($n: Int!) { site { users(first: $n) { nodes { id } } } }", "was not provided"),
        ("query Q { site { users(first: $n) { nodes { id } } } }", "is not defined"),
        ("query Q { user { id } }", 'argument "gid" of type "ID!" is required'),
        (
            'query Q { site { quizSubmissions(first: 1, filter: {who: "x"}) { nodes { id } } } }',
            '"who" is not defined',
        ),
        ("query Q { site { id ", "Parse error"),
        ("query Q { site { id } } query R { site { id } }", "Must provide operation name"),
        ("{ site { id } }", "must be named"),
    ],
)
def test_a_query_that_does_not_fit_the_schema_says_why_under_200(call, query, message):
    answer = call.graphql(query)

    assert message in answer["errors"][0]["message"]
    assert "code" not in answer["errors"][0].get("extensions", {})
    assert "data" not in answer


def test_fragments_aliases_directives_and_edges_work(call):
    query = """
    query Q($with: Boolean!) { site {
      people: users(first: 2) { edges { cursor node { ...Person } } totalCount } } }
    fragment Person on User { number: id email @include(if: $with)
      ... on User { firstName @skip(if: $with) } }
    """
    people = call.graphql(query, **{"with": True})["data"]["site"]["people"]

    assert people["totalCount"] == 60
    assert [e["cursor"] for e in people["edges"]] == ["MQ", "Mg"]
    assert people["edges"][0]["node"] == {"number": "90001", "email": "dana.roth@harborlight.example"}


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
query Members { group(id: "331") { users(first: 25) { nodes { id certificates(first: 25) { nodes { id } } } } } }
"""
PRODUCTS = "query P($n: Int!) { site { products(first: $n) { nodes { id } pageInfo { hasNextPage } } } }"
COURSES = "query C($n: Int!) { site { courses(first: $n) { edges { node { id product { id } } } } } }"


def test_rows_of_scalars_cost_one_hundredth_each_as_in_the_documented_example(call):
    def cost(query, **variables):
        return call.graphql(query, **variables)["extensions"]["rateLimit"]["cost"]

    assert cost(EXAMPLE) == 9  # (100 + 100 + 25 * 25) / 100
    assert cost(PRODUCTS, n=10) == 3
    assert cost(PRODUCTS, n=250) == 5
    assert cost(COURSES, n=10) == 12


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


@pytest.mark.parametrize("spelling", ["{id}", "gid", "base64"])
def test_members_are_added_and_removed_by_any_spelling_of_their_ids(make_sandbox, spelling):
    sandbox = make_sandbox(graphql_ids="base64" if spelling == "base64" else "plain")
    call = Client(sandbox)
    query = 'query U { userByEmail(email: "dana.roth@harborlight.example") { id gid } }'
    user = call.graphql(query)["data"]["userByEmail"]
    given = {"userIds": [user["gid" if spelling == "gid" else "id"]], "groupIds": ["331"]}
    change = "mutation M($i: %sInput!) { %s(input: $i) { message userErrors { code path } } }"

    added = call.graphql(change % ("BulkAddUsersToGroups", "bulkAddUsersToGroups"), i=given)
    assert added["data"]["bulkAddUsersToGroups"]["userErrors"] == []
    assert 90001 in sandbox.site.members[331]
    removed = call.graphql(change % ("BulkRemoveUsersFromGroups", "bulkRemoveUsersFromGroups"), i=given)
    assert removed["data"]["bulkRemoveUsersFromGroups"]["userErrors"] == []
    assert 90001 not in sandbox.site.members[331]


def test_a_mutation_on_an_unknown_group_changes_nothing(call, sandbox):
    change = """mutation M($i: BulkAddUsersToGroupsInput!) {
        bulkAddUsersToGroups(input: $i) { message userErrors { code message path } } }"""

    answer = call.graphql(change, i={"userIds": ["90001"], "groupIds": ["331", "1"]})

    error = {"code": "NOT_FOUND", "message": "Group not found", "path": ["groupIds"]}
    assert answer["data"]["bulkAddUsersToGroups"] == {"message": None, "userErrors": [error]}
    assert 90001 not in sandbox.site.members[331]
