"""What Thinkific sends, typed. Nothing but an id is ever required, because live answers leave out and
null almost everything, and unknown fields are ignored.

Numbers that Thinkific writes as text (`"0.42"`, `"49.0"`) stay as they came: mapping reads them. Datetimes
are always aware. Text may hold NULs and lone surrogates: mapping removes them.
"""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from integrations.thinkific.client.graphql.ids import parse_graphql_id as parse_graphql_id

Id = Annotated[int, Meta(ge=1, le=2**63 - 1)]
Count = Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)]
Moment = Annotated[datetime, Meta(tz=True)]
Number = str | int | float  # a decimal, in any of the three ways in which Thinkific writes one
GraphId = str | int  # parse_graphql_id finds the number in it


# gc=False: rows hold nothing that could point back at them, and so cost the collector nothing.
class CustomField(Struct, gc=False):
    value: str | int | float | bool | None = None
    label: str | None = None
    custom_profile_field_definition_id: Id | None = None


class User(Struct):
    """A person; there is no date of change. Students have no roles."""

    id: Id
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    full_name: str | None = None
    company: str | None = None
    external_source: str | None = None
    created_at: Moment | None = None
    roles: list[str] | None = None
    custom_profile_fields: list[CustomField] | None = None


class Enrollment(Struct, gc=False):
    """Access of one user to one course; `course_id` is the product's productable_id."""

    id: Id
    user_id: Id | None = None
    course_id: Id | None = None
    user_email: str | None = None
    user_name: str | None = None
    course_name: str | None = None
    percentage_completed: Number | None = None
    expired: bool | None = None
    is_free_trial: bool | None = None
    created_at: Moment | None = None
    activated_at: Moment | None = None
    started_at: Moment | None = None
    completed_at: Moment | None = None
    expiry_date: Moment | None = None
    updated_at: Moment | None = None


class ProductPrice(Struct):
    is_primary: bool | None = None
    currency: str | None = None


class Product(Struct):
    """What is sold: `productable_id` is the id of its course or its bundle, by `productable_type`."""

    id: Id
    productable_id: Id | None = None
    productable_type: str | None = None
    name: str | None = None
    slug: str | None = None
    description: str | None = None
    status: str | None = None
    hidden: bool | None = None
    private: bool | None = None
    subscription: bool | None = None
    price: Number | None = None
    product_prices: list[ProductPrice] | None = None
    days_until_expiry: Count | None = None
    has_certificate: bool | None = None
    card_image_url: str | None = None
    created_at: Moment | None = None


class Course(Struct):
    """A course as REST knows it; those of the new course builder are missing there."""

    id: Id
    product_id: Id | None = None
    name: str | None = None


class Chapter(Struct):
    id: Id
    name: str | None = None
    position: Count | None = None


class Content(Struct, gc=False):
    """A lesson as REST knows it. `contentable_type` is an open list: keep unknown values."""

    id: Id
    name: str | None = None
    position: Count | None = None
    contentable_type: str | None = None
    free: bool | None = None
    take_url: str | None = None


class Bundle(Struct):
    id: Id
    course_ids: list[int] | None = None


class Group(Struct, gc=False):
    id: Id
    name: str | None = None
    token: str | None = None
    created_at: Moment | None = None


class Subscription(Struct):
    """A webhook subscription: one topic, one address. Ids are text."""

    id: str | int
    topic: str | None = None
    target_url: str | None = None
    status: str | None = None


# --- GraphQL ------------------------------------------------------------------------------------------------


class GraphUser(Struct, rename="camel"):
    id: GraphId | None = None
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None


class Quiz(Struct, rename="camel"):
    id: GraphId | None = None
    name: str | None = None
    passing_score: Number | None = None


class QuizSubmission(Struct, rename="camel"):
    """The latest result of one user in one quiz. It names neither course nor lesson."""

    id: GraphId
    attempts: Count | None = None
    correct_count: Count | None = None
    incorrect_count: Count | None = None
    passed: bool | None = None
    completed_at: Moment | None = None
    created_at: Moment | None = None
    quiz: Quiz | None = None
    user: GraphUser | None = None


class ProductNode(Struct, rename="camel"):
    """A product; `item_id` and `item_type` were called productableId and productableType before July 2026."""

    id: GraphId
    name: str | None = None
    slug: str | None = None
    description: str | None = None
    status: str | None = None
    hidden: bool | None = None
    private: bool | None = None
    item_id: GraphId | None = None
    item_type: str | None = None
    card_image_url: str | None = None
    created_at: Moment | None = None


class Certificate(Struct, rename="camel"):
    """A certificate; `issued_id`, the number on it, was called credentialId before July 2026."""

    id: GraphId
    issued_id: str | int | None = None
    issued_at: Moment | None = None
    expiry_date: Moment | None = None
    pdf_download_path: str | None = None
    user: GraphUser | None = None


class LessonContent(Struct, rename="camel"):
    content_type: str | None = None
    quiz: Quiz | None = None


class LessonNode(Struct, rename="camel"):
    id: GraphId
    title: str | None = None
    lesson_type: str | None = None
    take_url: str | None = None
    content: LessonContent | None = None


class ChapterNode(Struct, rename="camel"):
    """A chapter with all its lessons, in order."""

    id: GraphId
    title: str | None = None
    position: Count | None = None
    lessons: list[LessonNode] = []


class CurriculumSize(Struct, rename="camel"):
    chapters_count: Count | None = None
    lessons_count: Count | None = None


class CourseSize(Struct):
    """How much one course contains."""

    id: GraphId
    curriculum: CurriculumSize | None = None


class SiteInfo(Struct, rename="camel"):
    name: str | None = None
