import pytest
from graphql import parse, validate

from integrations.thinkific.client.graphql import queries
from integrations.thinkific.sandbox.graphql.schema import schema_for
from tests.integrations.sandbox.conftest import Client

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
    assert error["errors"][0]["message"].startswith(
        f"Cannot query field '{unknown}' on type 'CertificateRecord'."
    )
    assert "data" not in error


MISFITS = [
    ("query Q { site { users { nodes { id } } } }", "provide a 'first' or 'last' value"),
    ("query Q { site { users(first: -1) { nodes { id } } } }", "must not be negative"),
    ("query Q { site { users(first: 1, colour: 2) { nodes { id } } } }", "Unknown argument 'colour'"),
    ("query Q { site }", "must have a selection of subfields"),
    ("query Q { site { id { x } } }", "must not have a selection"),
    ("query Q { site { users(first: 1) { rows { id } } } }", "'rows' on type 'UserConnection'"),
    ("query Q { site { ...Nothing } }", "Unknown fragment 'Nothing'"),
    ("query Q { site { id } } fragment F on Site { id }", "Fragment 'F' is never used"),
    ("query Q($n: Int) { site { id } }", "Variable '$n' is never used"),
    ("query Q($n: Int!) { site { users(first: $n) { nodes { id } } } }", "'$n' has invalid value"),
    ("query Q($n: String) { site { users(first: $n) { nodes { id } } } }", "expecting type 'Int'"),
    ("query Q { site { users(first: $n) { nodes { id } } } }", "Variable '$n' is not defined"),
    ("query Q { site { id id: name } }", "Fields 'id' conflict"),
    ("query Q { user { id } }", "Argument 'Query.user(gid:)' of type 'ID!' is required"),
    (
        'query Q { site { quizSubmissions(first: 1, filter: {who: "x"}) { nodes { id } } } }',
        "'who'",
    ),
    (
        'query Q { site { surveySubmissions(last: 1, filter: {completedAt: {to: "soon"}}) { __typename } } }',
        "soon",
    ),
    ("query Q { site { id ", "Syntax Error"),
    ("query Q { site { id } } query R { site { id } }", "Must provide operation name"),
    ("{ site { id } }", "must be named"),
]


def test_a_query_that_does_not_fit_the_schema_says_why_under_200(call):
    for query, message in MISFITS:
        answer = call.graphql(query)

        assert message in answer["errors"][0]["message"], query
        assert "code" not in answer["errors"][0].get("extensions", {})
        assert "data" not in answer


def test_all_that_is_wrong_with_a_query_is_told_with_its_place(call):
    errors = call.graphql("query Q { site { colour } \n user { id } }")["errors"]

    assert [error["locations"] for error in errors] == [
        [{"line": 1, "column": 18}],
        [{"line": 2, "column": 2}],
    ]


def test_variables_are_read_as_their_types_say(call):
    """As public clients send them: one id instead of a list, a number instead of a text."""
    user = submissions(call)[0]["user"]["id"]

    for given in (user, int(user), [user]):
        assert {row["user"]["id"] for row in submissions(call, userIds=given)} == {user}
    query = (
        'query Q { site { quizSubmissions(first: 1, filter: {userIds: "%s"}) { nodes { user { id } } } } }'
    )
    assert call.graphql(query % user)["data"]["site"]["quizSubmissions"]["nodes"] == [{"user": {"id": user}}]


def test_the_same_query_with_other_variables_is_answered_anew(call):
    query = """query Q($n: Int!, $more: Boolean = false) { site { users(first: $n) {
        nodes { id } totalCount @include(if: $more) } } }"""

    assert len(call.graphql(query, n=1)["data"]["site"]["users"]["nodes"]) == 1
    assert len(call.graphql(query, n=3)["data"]["site"]["users"]["nodes"]) == 3
    assert call.graphql(query, n=1, more=True)["data"]["site"]["users"]["totalCount"] == 60
    assert "totalCount" not in call.graphql(query, n=1)["data"]["site"]["users"]


def test_the_schema_can_be_asked_for(call):
    query = """query S { site { id }
        __type(name: "CertificateRecord") { fields { name } } __schema { types { name } } }"""
    answer = call.graphql(query)["data"]

    assert {"id", "issuedId"} <= {field["name"] for field in answer["__type"]["fields"]}
    assert {"Site", "Content", "UserConnection"} <= {kind["name"] for kind in answer["__schema"]["types"]}
    assert answer["site"] == {"id": "55501"}


def test_a_field_that_breaks_is_null_beside_the_others(call, sandbox):
    sandbox.site.courses.listing[0].pop("course_card_image_url")

    answer = call.graphql(
        "query C { courses: site { courses(first: 2) { nodes { id cardImage { url } } } } }"
    )

    first, second = answer["data"]["courses"]["courses"]["nodes"]
    assert first == {"id": "3001", "cardImage": None} and second["cardImage"]
    error = answer["errors"][0]
    assert error["path"] == ["courses", "courses", "nodes", 0, "cardImage"]
    assert error["extensions"]["code"] == "SERVER_ERROR"
    assert error["extensions"]["request_id"] in error["message"]


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


@pytest.mark.once
@pytest.mark.parametrize("generation", ["new", "old"])
def test_every_query_of_ours_fits_the_schema_in_the_spelling_of_its_generation(generation):
    spelling = ["new", "old"].index(generation)
    parts = {
        "item": queries.ITEM[spelling],
        "number": queries.NUMBER[spelling],
        "lesson": queries.LESSON,
        "name": "Change",
        "type": "BulkAddUsersToGroups",
        "field": "bulkAddUsersToGroups",
        "alias": "l1",
        "id": "1",
    }
    texts = [text for text in vars(queries).values() if isinstance(text, str) and "{" in text]
    texts = [text % parts for text in texts if text is not queries.LESSON]

    assert len([text for text in texts if "query " in text or "mutation " in text]) >= 8
    for text in texts:
        if "query " in text or "mutation " in text:
            assert validate(schema_for(generation).graph, parse(text)) == [], text
