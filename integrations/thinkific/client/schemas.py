"""The objects that Thinkific sends, typed, with the fields that we read. Only ids are required, because real
answers leave out almost any other field or send null.

Numbers that Thinkific sends as text (`"0.42"`, `"49.0"`) stay as they are: mapping.py reads them. Datetimes
always have a time zone. Text may contain NULs and lone surrogates, which mapping.py removes.
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


# gc=False: these rows cannot be part of a reference cycle, so the garbage collector need not look at them.
class CustomField(Struct, gc=False):
    value: str | int | float | bool | None = None
    label: str | None = None
    custom_profile_field_definition_id: Id | None = None


class User(Struct):
    """A person, without a date of change. Students have no roles."""

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
    """A product. `productable_id` is the id of its course or its bundle, as `productable_type` says."""

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
    """A course of REST, which has no courses of the new course builder."""

    id: Id
    product_id: Id | None = None
    name: str | None = None


class Chapter(Struct):
    id: Id
    name: str | None = None
    position: Count | None = None


class Content(Struct, gc=False):
    """A lesson of REST. `contentable_type` may have values that we do not know."""

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
