"""The known part of the stable graph, from Thinkific's documentation and from queries of public clients.

Thinkific has published no schema. Connections and edges have the documented form, so text_for() writes them
for each type that has a connection.
"""

PAGING = "after: String, before: String, first: Int, last: Int"
# Older and newer names of the same fields. A site knows only one of the two.
NAMES = {
    "new": {"ITEM_ID": "itemId", "ITEM_TYPE": "itemType", "NUMBER": "issuedId"},
    "old": {"ITEM_ID": "productableId", "ITEM_TYPE": "productableType", "NUMBER": "credentialId"},
}
# Types with a connection, and whether the connection has totalCount.
CONNECTIONS = {
    "AssignmentSubmission": False,
    "CertificateRecord": True,
    "Chapter": False,
    "Course": True,
    "CustomProfileField": False,
    "Group": False,
    "Lesson": False,
    "Product": False,
    "Quiz": False,
    "QuizChoice": False,
    "QuizQuestion": False,
    "QuizSubmission": False,
    "Survey": False,
    "SurveyAnswer": False,
    "SurveyChoice": False,
    "SurveyQuestion": False,
    "SurveySubmission": False,
    "User": True,
    "UserAnswer": False,
}

ROOTS = """
scalar EmailAddress
scalar ISO8601DateTime

type Query {
  me: User
  site: Site
  user(gid: ID!): User
  userByEmail(email: EmailAddress!): User
  course(id: ID!): Course
  courseBySlug(slug: String!): Course
  chapter(id: ID!): Chapter
  lesson(id: ID!): Lesson
  bundle(id: ID!): Bundle
  product(id: ID!): Product
  category(id: ID!): Category
  group(id: ID!): Group
}
type Mutation {
  bulkAddUsersToGroups(input: BulkAddUsersToGroupsInput!): BulkGroupPayload
  bulkRemoveUsersFromGroups(input: BulkRemoveUsersFromGroupsInput!): BulkGroupPayload
  updateAssignmentSubmissionStatus(
    input: UpdateAssignmentSubmissionStatusInput!
  ): UpdateAssignmentSubmissionStatusPayload
}
input BulkAddUsersToGroupsInput { userIds: [ID!]! groupIds: [ID!]! }
input BulkRemoveUsersFromGroupsInput { userIds: [ID!]! groupIds: [ID!]! }
input UpdateAssignmentSubmissionStatusInput {
  submissionId: ID! status: AssignmentSubmissionStatus! message: String
}
type BulkGroupPayload { message: String userErrors: [UserError!]! }
type UpdateAssignmentSubmissionStatusPayload { submission: AssignmentSubmission userErrors: [UserError!]! }
type UserError { code: String message: String path: [String!] }
type PageInfo { endCursor: String hasNextPage: Boolean! hasPreviousPage: Boolean! startCursor: String }
"""
SITE = """
type Site {
  id: ID! name: String subdomain: String url: String currency: String supportEmail: String
  courses(filter: CourseFilter, PAGING): CourseConnection!
  users(PAGING): UserConnection!
  groups(PAGING): GroupConnection!
  products(PAGING): ProductConnection!
  quizzes(filter: QuizFilter, PAGING): QuizConnection!
  quizSubmissions(filter: QuizSubmissionFilter, PAGING): QuizSubmissionConnection!
  surveys(filter: SurveysFilter, PAGING): SurveyConnection!
  surveySubmissions(filter: SurveySubmissionsFilter, PAGING): SurveySubmissionConnection!
  assignmentSubmissions(filter: AssignmentSubmissionFilter, PAGING): AssignmentSubmissionConnection!
}
input DateTimeRange { from: ISO8601DateTime to: ISO8601DateTime }
input CourseFilter { name: String }
input QuizFilter { name: String }
input QuizSubmissionFilter { userIds: [ID!] courseIds: [ID!] groupIds: [ID!] completedAt: DateTimeRange }
input SurveysFilter { name: String }
input SurveySubmissionsFilter { userIds: [ID!] courseIds: [ID!] completedAt: DateTimeRange }
input AssignmentSubmissionFilter { userIds: [ID!] }

type User {
  id: ID! gid: ID! email: EmailAddress firstName: String lastName: String
  hasAdminRole: Boolean hasAffiliateRole: Boolean createdAt: ISO8601DateTime
  profile: Profile
  customProfileFields(PAGING): CustomProfileFieldConnection!
  groups(PAGING): GroupConnection!
  courses(PAGING): CourseConnection!
  certificates(PAGING): CertificateRecordConnection!
  assignmentSubmissions(PAGING): AssignmentSubmissionConnection!
}
type Profile { avatar: Image bio: String company: String headline: String }
type Image { url: String altText: String }
type CustomProfileField {
  id: ID! label: String required: Boolean type: String typeId: ID value: String
}
type Group { id: ID! name: String createdAt: ISO8601DateTime users(PAGING): UserConnection! }
"""
CATALOG = """
type Course {
  id: ID! name: String title: String slug: String description: String
  instructor: Instructor cardImage: Image product: Product curriculum: Curriculum
  certificates(PAGING): CertificateRecordConnection!
}
type Instructor { fullName: String bio: String title: String }
type Bundle { id: ID! name: String slug: String }
union Item = Course | Bundle
type Product {
  id: ID! name: String slug: String description: String
  status: ProductStatus hidden: Boolean private: Boolean
  createdAt: ISO8601DateTime updatedAt: ISO8601DateTime publishedAt: ISO8601DateTime
  ITEM_ID: ID ITEM_TYPE: ItemType item: Item
  primaryPrice: Price cardImageUrl: String checkoutUrl: String resumeUrl: String
}
enum ProductStatus { DRAFT PENDING_APPROVAL PRESELL PUBLISHED }
enum ItemType { BUNDLE COURSE }
type Price { price: String displayPrice: String }
type Category {
  id: ID! name: String slug: String imageUrl: String default: Boolean position: Int
  createdAt: ISO8601DateTime updatedAt: ISO8601DateTime
}
type CertificateRecord {
  id: ID! NUMBER: String issuedAt: ISO8601DateTime expiryDate: ISO8601DateTime pdfDownloadPath: String
  user: User course: Course
}

type Curriculum {
  chaptersCount: Int lessonsCount: Int totalVideoContentTime: Int
  chapters(PAGING): ChapterConnection!
}
type Chapter { id: ID! position: Int title: String lessons(PAGING): LessonConnection! }
type Lesson {
  id: ID! title: String lessonType: String draft: Boolean takeUrl: String
  course: Course chapter: Chapter content: Content
}
interface Content { id: ID! contentType: String }
type QuizContent implements Content { id: ID! contentType: String quiz: Quiz }
type PdfContent implements Content { id: ID! contentType: String url: String }
type VideoContent implements Content { id: ID! contentType: String url: String }
"""
PLAIN_CONTENTS = (
    "AssignmentContent",
    "AudioContent",
    "DownloadContent",
    "MultimediaContent",
    "OtherContent",
    "PresentationContent",
    "SurveyContent",
    "TextContent",
)
RESULTS = """
type Quiz { id: ID! name: String passingScore: Int questions(PAGING): QuizQuestionConnection! }
type QuizQuestion {
  id: ID! prompt: String position: Int type: QuizQuestionType choices(PAGING): QuizChoiceConnection!
}
enum QuizQuestionType { MULTIPLE_CHOICE MULTIPLE_ANSWERS }
type QuizChoice { id: ID! text: String position: Int correct: Boolean }
type QuizSubmission {
  id: ID! attempts: Int correctCount: Int incorrectCount: Int passed: Boolean
  completedAt: ISO8601DateTime createdAt: ISO8601DateTime
  quiz: Quiz user: User userAnswers(PAGING): UserAnswerConnection
}
type UserAnswer { question: QuizQuestion choices: [QuizChoice!] }

type Survey {
  id: ID! name: String createdAt: ISO8601DateTime questions(PAGING): SurveyQuestionConnection!
}
type SurveyQuestion {
  id: ID! prompt: String position: Int questionType: String choices(PAGING): SurveyChoiceConnection!
}
type SurveyChoice { id: ID! text: String position: Int }
type SurveySubmission {
  id: ID! createdAt: ISO8601DateTime completedAt: ISO8601DateTime
  user: User survey: Survey course: Course userAnswers(PAGING): SurveyAnswerConnection
}
type SurveyAnswer { textResponse: String skipped: Boolean question: SurveyQuestion choices: [SurveyChoice!] }

type AssignmentSubmission {
  id: ID! status: AssignmentSubmissionStatus file: AssignmentFile user: User assignment: Assignment
  reviewedAt: ISO8601DateTime createdAt: ISO8601DateTime updatedAt: ISO8601DateTime
}
enum AssignmentSubmissionStatus { APPROVED PENDING REJECTED }
type AssignmentFile { name: String type: String url: String }
type Assignment { lesson: Lesson }
"""


def text_for(names: str) -> str:
    """Returns the text of the schema with the "new" or the "old" field names."""
    parts = [ROOTS, SITE, CATALOG, RESULTS]
    parts += [f"type {name} implements Content {{ id: ID! contentType: String }}" for name in PLAIN_CONTENTS]
    for name, counted in CONNECTIONS.items():
        total = " totalCount: Int!" if counted else ""
        parts.append(
            f"type {name}Connection {{ edges: [{name}Edge] nodes: [{name}] pageInfo: PageInfo!{total} }}\n"
            f"type {name}Edge {{ cursor: String! node: {name} }}"
        )
    text = "\n".join(parts).replace("PAGING", PAGING)
    for placeholder, name in NAMES[names].items():
        text = text.replace(placeholder, name)
    return text
