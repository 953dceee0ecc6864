"""The text of the GraphQL queries; lists.py and curriculum.py send them."""

# The newer name first. The older one is an alias for it, so that one type reads both.
ITEM = ("itemType itemId", "itemType: productableType itemId: productableId")
NUMBER = ("issuedId", "issuedId: credentialId")

SUBMISSIONS = """
query QuizResults($first: Int!, $after: String, $filter: QuizSubmissionFilter) {
  site { quizSubmissions(first: $first, after: $after, filter: $filter) {
    nodes { id attempts correctCount incorrectCount passed completedAt createdAt
      quiz { id name passingScore } user { id email firstName lastName } }
    pageInfo { hasNextPage endCursor } } } }
"""
PRODUCTS = """
query Products($first: Int!, $after: String) {
  site { products(first: $first, after: $after) {
    nodes { id name slug description status hidden private createdAt cardImageUrl %(item)s }
    pageInfo { hasNextPage endCursor } } } }
"""
CURRICULUM = """
query Curriculum($id: ID!, $first: Int!, $after: String, $lessons: Int!) {
  course(id: $id) { id curriculum { chapters(first: $first, after: $after) {
    nodes { id position title
      lessons(first: $lessons) { nodes { %(lesson)s } pageInfo { hasNextPage endCursor } } }
    pageInfo { hasNextPage endCursor } } } } }
"""
CHAPTER = """
query ChapterLessons($id: ID!, $first: Int!, $after: String) {
  chapter(id: $id) { id lessons(first: $first, after: $after) {
    nodes { %(lesson)s } pageInfo { hasNextPage endCursor } } } }
"""
LESSON = (
    "id title lessonType takeUrl content { contentType ... on QuizContent { quiz { id name passingScore } } }"
)
SIZES = """
query CourseSizes($first: Int!, $after: String) {
  site { courses(first: $first, after: $after) {
    nodes { id curriculum { chaptersCount lessonsCount } }
    pageInfo { hasNextPage endCursor } } } }
"""
QUIZ_OF_LESSON = (
    "%(alias)s: lesson(id: %(id)s) { content { ... on QuizContent { quiz { id name passingScore } } } }"
)
CERTIFICATES = """
query CourseCertificates($id: ID!, $first: Int!, $after: String) {
  course(id: $id) { id certificates(first: $first, after: $after) {
    nodes { id %(number)s issuedAt expiryDate pdfDownloadPath user { id email firstName lastName } }
    pageInfo { hasNextPage endCursor } } } }
"""
USER_CERTIFICATES = """
query UserCertificates($email: EmailAddress!, $first: Int!, $after: String) {
  userByEmail(email: $email) { id certificates(first: $first, after: $after) {
    nodes { id %(number)s issuedAt expiryDate pdfDownloadPath }
    pageInfo { hasNextPage endCursor } } } }
"""
SITE = "query Site { site { name } }"
USER_IDS = "query UserIds($email: EmailAddress!) { userByEmail(email: $email) { id gid } }"
GROUP_CHANGE = """
mutation %(name)s($input: %(type)sInput!) {
  %(field)s(input: $input) { message userErrors { code message path } } }
"""
