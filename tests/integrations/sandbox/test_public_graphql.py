"""The GraphQL requests of the SDK by the makers of the commercial dashboard (MCKLtech/thinkific-saloon, as of
August 2026), with the page sizes that it asks for, walked to their ends."""

import pytest

from tests.integrations.sandbox.conftest import Client

INFO = "pageInfo { endCursor hasNextPage hasPreviousPage startCursor }"
PERSON = "id gid email firstName lastName"
USER = f"""{PERSON} hasAdminRole
  customProfileFields(first: $fields) {{ edges {{ cursor node {{ id label required type typeId value }} }} }}
  profile {{ avatar {{ altText url }} }}"""
PRODUCT = "product { id ITEM_ID status slug name }"
CERTIFICATE = "id NUMBER issuedAt expiryDate pdfDownloadPath"
SUBMITTED = """id reviewedAt status updatedAt createdAt file { name type url }
  assignment { lesson { id title chapter { id title } course { product { id name } } } }"""
NAMES = {"new": ("itemId", "issuedId"), "old": ("productableId", "credentialId")}

# what is asked of the site, its page size, the other variables
LISTS = {
    "users": (f"users(PAGE) {{ {INFO} edges {{ node {{ {USER} }} }} }}", 100, {"fields": 50}),
    "groups": (f"groups(PAGE) {{ {INFO} nodes {{ name id createdAt }} }}", 100, {}),
    "courses": (f"courses(PAGE) {{ {INFO} nodes {{ name id title slug }} }}", 100, {}),
    "products": (
        f"""products(PAGE) {{ {INFO} edges {{ node {{ id name slug status
        item {{ ... on Course {{ id name slug certificates(first: 1) {{ totalCount }} }} }} }} }} }}""",
        100,
        {},
    ),
    "quizSubmissions": (
        f"""quizSubmissions(PAGE, filter: $quizzes) {{ {INFO} nodes {{
        id attempts correctCount incorrectCount passed completedAt createdAt
        quiz {{ id name passingScore }} user {{ id email firstName lastName }}
        userAnswers(first: $answers) {{ pageInfo {{ endCursor hasNextPage }} nodes {{
          question {{ id prompt position type }} choices {{ id text correct position }} }} }} }} }}""",
        10,
        {"answers": 10, "quizzes": None},
    ),
    "quizzes": (
        f"""quizzes(PAGE, filter: $wanted) {{ {INFO} nodes {{ id name
        questions(first: $questions) {{ pageInfo {{ endCursor hasNextPage }} nodes {{ id prompt position type
          choices(first: $choices) {{ pageInfo {{ endCursor hasNextPage }}
            nodes {{ id text position correct }} }} }} }} }} }}""",
        25,
        {"questions": 25, "choices": 15, "wanted": None},
    ),
    "surveys": (
        f"""surveys(PAGE) {{ {INFO} nodes {{ createdAt id name questions(first: $questions) {{ nodes {{
        questionType id prompt position
        choices(first: $choices) {{ nodes {{ text position id }} }} }} }} }} }}""",
        25,
        {"questions": 50, "choices": 25},
    ),
    "surveySubmissions": (
        f"""surveySubmissions(PAGE, filter: $surveys) {{ {INFO} nodes {{ completedAt createdAt id
        user {{ email id firstName lastName }} survey {{ id }}
        userAnswers(first: $answers) {{ pageInfo {{ endCursor hasNextPage }} nodes {{
          textResponse question {{ id }} skipped choices {{ text id }} }} }} }} }}""",
        10,
        {"answers": 25, "surveys": None},
    ),
    "assignmentSubmissions": (
        f"assignmentSubmissions(PAGE) {{ {INFO} edges {{ node {{ {SUBMITTED} user {{ {PERSON} }} }} }} }}",
        50,
        {},
    ),
}
TYPES = {
    "first": "Int",
    "after": "String",
    "fields": "Int",
    "answers": "Int",
    "questions": "Int",
    "choices": "Int",
    "quizzes": "QuizSubmissionFilter",
    "wanted": "QuizFilter",
    "surveys": "SurveySubmissionsFilter",
}


def rows_of(connection):
    return connection["nodes"] if "nodes" in connection else [edge["node"] for edge in connection["edges"]]


def walk(call, name, **changed):
    """Every row, page after page."""
    text, first, variables = LISTS[name]
    variables = variables | {"first": first, "after": None} | changed
    heads = ", ".join(f"${key}: {TYPES[key]}" for key in variables)
    query = f"query Q({heads}) {{ site {{ {text.replace('PAGE', 'first: $first, after: $after')} }} }}"
    rows = []
    while True:
        answer = call.graphql(query, **variables)
        assert "errors" not in answer, (name, answer)
        connection = answer["data"]["site"][name]
        rows += rows_of(connection)
        if not connection["pageInfo"]["hasNextPage"]:
            return rows
        variables["after"] = connection["pageInfo"]["endCursor"]


@pytest.fixture
def call(make_sandbox):
    return Client(make_sandbox(graphql_points=0))


def test_every_list_of_the_sdk_is_read_to_its_end_within_the_cost_of_a_query(call):
    site = call.sandbox.site
    found = {name: walk(call, name) for name in LISTS}

    for name, rows in found.items():
        assert len({row["id"] for row in rows}) == len(rows) > 0, name
    for name, table in (
        ("users", site.users),
        ("groups", site.groups),
        ("courses", site.courses),
        ("products", site.products),
        ("quizSubmissions", site.submissions),
        ("quizzes", site.quizzes),
    ):
        assert len(found[name]) == len(table), name
    quiz = rows_of(found["quizzes"][0]["questions"])
    assert all(sum(choice["correct"] for choice in rows_of(question["choices"])) == 1 for question in quiz)
    answers = rows_of(found["surveySubmissions"][0]["userAnswers"])
    assert {bool(answer["choices"]) for answer in answers} == {True, False}


def test_answers_of_one_person_are_found_by_number_as_the_sdk_sends_it(call):
    user = int(walk(call, "surveySubmissions")[0]["user"]["id"])

    assert {int(row["user"]["id"]) for row in walk(call, "surveySubmissions", surveys={"userIds": user})} == {
        user
    }
    assert walk(call, "surveySubmissions", surveys={"userIds": user + 1_000_000}) == []


def test_a_person_is_read_with_profile_groups_and_assignments(call):
    known = call.sandbox.site.users.listing[3]
    known.avatar_url = "https://harborlight.example/a.png"
    email = known.email

    query = f"query U($email: EmailAddress!, $fields: Int) {{ userByEmail(email: $email) {{ {USER} }} }}"
    user = call.graphql(query, email=email, fields=50)["data"]["userByEmail"]
    assert user["profile"]["avatar"] == {"url": known.avatar_url, "altText": known.full_name}
    query = f"query U($gid: ID!, $fields: Int) {{ user(gid: $gid) {{ {USER} }} }}"
    assert call.graphql(query, gid=user["gid"], fields=50)["data"]["user"] == user

    query = f"""query U($gid: ID!) {{ user(gid: $gid) {{ {PERSON}
        groups(first: 100) {{ nodes {{ createdAt id name }} }} }} }}"""
    groups = rows_of(call.graphql(query, gid=user["gid"])["data"]["user"]["groups"])
    query = f"""query G($groupId: ID!, $after: String, $first: Int) {{ group(id: $groupId) {{
        createdAt id name
        users(first: $first, after: $after) {{ {INFO} edges {{ node {{ {PERSON} }} }} }} }} }}"""
    members = call.graphql(query, groupId=groups[0]["id"], first=100)["data"]["group"]["users"]
    assert user["id"] in {member["id"] for member in rows_of(members)}

    author = walk(call, "assignmentSubmissions")[0]["user"]
    query = f"""query A($gid: ID!, $first: Int) {{ user(gid: $gid) {{ {PERSON}
        assignmentSubmissions(first: $first) {{ {INFO} edges {{ node {{ {SUBMITTED} }} }} }} }} }}"""
    answer = call.graphql(query, gid=author["gid"], first=100)["data"]["user"]
    assert rows_of(answer["assignmentSubmissions"])
    assert call.graphql("query Me { me { id } }")["data"]["me"]["id"]


@pytest.mark.parametrize("names", NAMES)
def test_certificates_are_read_by_course_and_by_person_under_either_names(make_sandbox, names):
    call = Client(make_sandbox(graphql_names=names))
    item_id, number = NAMES[names]
    course = call.sandbox.site.courses[call.sandbox.site.certificates.listing[0].course_id]
    query = f"""query C($filter: CourseFilter, $first: Int, $after: String) {{
        site {{ courses(filter: $filter, first: 1) {{ {INFO} nodes {{ name id slug title {PRODUCT}
          certificates(first: $first, after: $after) {{ totalCount {INFO}
            nodes {{ {CERTIFICATE} user {{ {PERSON} }} }} }} }} }} }} }}"""
    query = query.replace("ITEM_ID", item_id).replace("NUMBER", number)

    answer = call.graphql(query, filter={"name": course["name"]}, first=50)["data"]["site"]["courses"]
    found = answer["nodes"][0]["certificates"]
    assert found["totalCount"] == len(found["nodes"]) > 0
    query = f"""query P($email: EmailAddress!, $first: Int, $after: String) {{ userByEmail(email: $email) {{
        {PERSON} certificates(first: $first, after: $after) {{ {INFO} nodes {{ {CERTIFICATE}
          course {{ id slug title name {PRODUCT} }} }} }} }} }}"""
    query = query.replace("ITEM_ID", item_id).replace("NUMBER", number)
    email = found["nodes"][0]["user"]["email"]
    mine = call.graphql(query, email=email, first=50)["data"]["userByEmail"]["certificates"]["nodes"]
    assert found["nodes"][0][number] in {certificate[number] for certificate in mine}


def test_the_curriculum_of_the_sdk_and_an_assignment_that_it_approves(call):
    query = f"""query C(
        $courseId: ID!, $first: Int, $after: String, $lessonsFirst: Int, $lessonsAfter: String) {{
        course(id: $courseId) {{ curriculum {{ chapters(first: $first, after: $after) {{ {INFO} nodes {{
          id position title lessons(first: $lessonsFirst, after: $lessonsAfter) {{ nodes {{
            id lessonType title takeUrl content {{ contentType id }} }} }} }} }} }} }} }}"""
    course = call.graphql(query, courseId=3001, first=20, lessonsFirst=40)["data"]["course"]
    assert len(rows_of(course["curriculum"]["chapters"])) == 4

    submission = walk(call, "assignmentSubmissions")[0]
    assert (submission["status"], submission["reviewedAt"]) == ("PENDING", None)
    change = """mutation U($input: UpdateAssignmentSubmissionStatusInput!) {
        updateAssignmentSubmissionStatus(input: $input) {
          submission { id status, createdAt, updatedAt, reviewedAt } userErrors { code } } }"""
    given = {"status": "APPROVED", "submissionId": submission["id"]}
    changed = call.graphql(change, input=given)["data"]["updateAssignmentSubmissionStatus"]
    assert changed["submission"]["status"] == "APPROVED"
    assert changed["submission"]["reviewedAt"] is not None
    given["submissionId"] = "1"
    refused = call.graphql(change, input=given)["data"]["updateAssignmentSubmissionStatus"]
    assert refused == {"submission": None, "userErrors": [{"code": "NOT_FOUND"}]}
    given["status"] = "DONE"
    assert "'DONE'" in call.graphql(change, input=given)["errors"][0]["message"]
