"""The types of the stable graph that the product reads, with the field names of either generation."""

from collections.abc import Callable, Iterable
from typing import Any

from ..catalog import ACADEMY_NAME
from ..catalog_builder import SITE_HOST
from ..clock import parse_moment, to_iso
from ..render import gid
from ..rows import Certificate, Enrollment, Submission, User
from . import ids
from .lessons import LESSON_TYPES, content_type
from .mutations import INPUTS as MUTATION_INPUTS
from .mutations import MUTATION_TYPES
from .types import FieldType, Run, Schema, Types, connection, one, scalar

Wire = dict[str, Any]


def build_schema(names: str) -> Schema:
    """`names` is "new" (issuedId, itemId, itemType) or "old" (credentialId, productableId, …Type)."""
    new = names == "new"
    types: Types = {
        "Query": QUERY,
        "Site": SITE,
        "User": USER,
        "Group": GROUP,
        "Course": COURSE,
        "Bundle": {"id": _id("Bundle"), "name": _key("name"), "slug": _key("slug")},
        "Product": PRODUCT
        | {
            "itemId" if new else "productableId": FieldType(_item_id),
            "itemType" if new else "productableType": scalar(lambda p: p["productable_type"].upper()),
        },
        "Quiz": QUIZ,
        "QuizSubmission": SUBMISSION,
        "CertificateRecord": CERTIFICATE
        | {"issuedId" if new else "credentialId": scalar(lambda c: c.issued_id)},
    }
    inputs = {
        "CourseFilter": {"name": "String"},
        "QuizFilter": {"name": "String"},
        "QuizSubmissionFilter": {
            "userIds": "[ID!]",
            "courseIds": "[ID!]",
            "groupIds": "[ID!]",
            "completedAt": "DateTimeRange",
        },
        "DateTimeRange": {"from": "ISO8601DateTime", "to": "ISO8601DateTime"},
    }
    possible: dict[str, Callable[[Any], str]] = {
        "Content": content_type,
        "Item": lambda item: "Bundle" if "course_ids" in item else "Course",
    }
    return Schema(SMALL_TYPES | LESSON_TYPES | MUTATION_TYPES | types, inputs | MUTATION_INPUTS, possible)


def _key(name: str) -> FieldType:
    return scalar(lambda row: row.get(name))


def _id(kind: str) -> FieldType:
    def resolve(run: Run, row: Any, arguments: Wire) -> str:
        number = row["id"] if isinstance(row, dict) else row.id
        return ids.shown(kind, number, run.options.graphql_ids)

    return FieldType(resolve)


def moment(value: int | None) -> str | None:
    """Seconds, as the documented answers have."""
    return None if value is None else to_iso(value)[:19] + "Z"


def _item_id(run: Run, product: Wire, arguments: Wire) -> str:
    return ids.shown(product["productable_type"], product["productable_id"], run.options.graphql_ids)


def _updated_at(run: Run, product: Wire, arguments: Wire) -> str:
    changed = run.site.product_updates.get(product["id"])
    return product["created_at"] if changed is None else to_iso(changed)


def _item(run: Run, product: Wire, arguments: Wire) -> Wire | None:
    table = run.site.bundles if product["productable_type"] == "Bundle" else run.site.courses
    return table.get(product["productable_id"])


def _certificates(run: Run, **wanted: int) -> list[Certificate]:
    (name, value), *_ = wanted.items()
    return run.site.answer(
        ("certificates", name, value),
        lambda: (c for c in run.site.certificates if getattr(c, name) == value),
    )


def _submissions(run: Run, wanted: Wire) -> list[Submission]:
    site = run.site
    tests: list[Callable[[Submission], bool]] = []
    if wanted.get("userIds") is not None:
        users = set(map(ids.read, wanted["userIds"]))
        tests.append(lambda s: s.user_id in users)
    if wanted.get("groupIds") is not None:
        members = {u for g in wanted["groupIds"] for u in site.members.get(ids.read(g) or 0, ())}
        tests.append(lambda s: s.user_id in members)
    if wanted.get("courseIds") is not None:
        quizzes = set(_quizzes_in(run, map(ids.read, wanted["courseIds"])))
        tests.append(lambda s: s.quiz_id in quizzes)
    for bound, text in (wanted.get("completedAt") or {}).items():
        limit = parse_moment(text)
        if bound == "from":
            tests.append(lambda s, limit=limit: s.completed_at is not None and s.completed_at >= limit)  # type: ignore[misc]
        else:
            tests.append(lambda s, limit=limit: s.completed_at is not None and s.completed_at <= limit)  # type: ignore[misc]
    if not tests:
        return site.submissions.listing
    key = ("submissions", repr(sorted(wanted.items())))
    return site.answer(key, lambda: (s for s in site.submissions if all(test(s) for test in tests)))


def _quizzes_in(run: Run, course_ids: Iterable[int | None]) -> Iterable[int]:
    for course_id in course_ids:
        course = run.site.courses.get(course_id)
        for chapter_id in course["chapter_ids"] if course else ():
            for content_id in run.site.chapters[chapter_id]["content_ids"]:
                if content_id in run.site.quiz_of_content:
                    yield run.site.quiz_of_content[content_id]


def _courses_of(run: Run, user: User, arguments: Wire) -> list[Wire]:
    rows: list[Enrollment] = run.site.enrollments_of.get(user.id, [])
    return [course for row in rows if (course := run.site.courses.get(row.course_id))]


def _named(rows: Iterable[Wire], wanted: Wire | None) -> list[Wire]:
    """Part of a name is enough, which is why filtering by name can match the wrong course."""
    name = (wanted or {}).get("name")
    return [row for row in rows if not name or name.lower() in row["name"].lower()]


def _admin(run: Run) -> User | None:
    return next((user for user in run.site.users if "site_admin" in user.roles), None)


def _profile_fields(run: Run, user: User, arguments: Wire) -> list[Wire]:
    return [run.site.profile_fields[field_id] | {"value": value} for field_id, value in user.profile]


def _by_slug(run: Run, slug: str) -> Wire | None:
    return next((course for course in run.site.courses if course["slug"] == slug), None)


QUERY = {
    "me": one("User", lambda run, _, a: _admin(run)),
    "site": one("Site", lambda run, _, a: run.site),
    "user": one("User", lambda run, _, a: run.site.users.get(ids.read(a["gid"])), gid="ID!"),
    "userByEmail": one("User", lambda run, _, a: run.site.user_by_email(a["email"]), email="EmailAddress!"),
    "course": one("Course", lambda run, _, a: run.site.courses.get(ids.read(a["id"])), id="ID!"),
    "courseBySlug": one("Course", lambda run, _, a: _by_slug(run, a["slug"]), slug="String!"),
    "chapter": one("Chapter", lambda run, _, a: run.site.chapters.get(ids.read(a["id"])), id="ID!"),
    "lesson": one("Lesson", lambda run, _, a: run.site.contents.get(ids.read(a["id"])), id="ID!"),
    "bundle": one("Bundle", lambda run, _, a: run.site.bundles.get(ids.read(a["id"])), id="ID!"),
    "product": one("Product", lambda run, _, a: run.site.products.get(ids.read(a["id"])), id="ID!"),
    "group": one("Group", lambda run, _, a: run.site.groups.get(ids.read(a["id"])), id="ID!"),
}
SITE = {
    "id": scalar(lambda site: "55501"),
    "name": scalar(lambda site: ACADEMY_NAME),
    "subdomain": scalar(lambda site: site.options.subdomain),
    "url": scalar(lambda site: SITE_HOST),
    "currency": scalar(lambda site: "USD"),
    "supportEmail": scalar(lambda site: "support@harborlight.example"),
    "courses": connection(
        "Course",
        lambda run, site, a: _named(site.courses, a.get("filter")),
        counted=True,
        filter="CourseFilter",
    ),
    "users": connection("User", lambda run, site, a: site.users.listing, counted=True),
    "groups": connection("Group", lambda run, site, a: site.groups.listing),
    "products": connection("Product", lambda run, site, a: site.products.listing),
    "quizzes": connection(
        "Quiz", lambda run, site, a: _named(site.quizzes, a.get("filter")), filter="QuizFilter"
    ),
    "quizSubmissions": connection(
        "QuizSubmission",
        lambda run, site, a: _submissions(run, a.get("filter") or {}),
        filter="QuizSubmissionFilter",
    ),
}
USER = {
    "id": _id("User"),
    "gid": scalar(lambda user: gid(user.id)),
    "email": scalar(lambda user: user.email),
    "firstName": scalar(lambda user: user.first_name),
    "lastName": scalar(lambda user: user.last_name),
    "hasAdminRole": scalar(lambda user: "site_admin" in user.roles),
    "hasAffiliateRole": scalar(lambda user: "affiliate" in user.roles),
    "createdAt": scalar(lambda user: moment(user.created_at)),
    "customProfileFields": connection("CustomProfileField", _profile_fields),
    "groups": connection(
        "Group",
        lambda run, user, a: [g for g in run.site.groups if user.id in run.site.members.get(g["id"], ())],
    ),
    "courses": connection("Course", _courses_of),
    "certificates": connection("CertificateRecord", lambda run, user, a: _certificates(run, user_id=user.id)),
}
GROUP = {
    "id": _id("Group"),
    "name": _key("name"),
    "createdAt": scalar(lambda group: group["created_at"]),
    "users": connection(
        "User",
        lambda run, group, a: [
            run.site.users[user_id]
            for user_id in run.site.members.get(group["id"], ())
            if user_id in run.site.users
        ],
    ),
}
COURSE = {
    "id": _id("Course"),
    "name": _key("name"),
    "title": _key("name"),
    "slug": _key("slug"),
    "description": _key("description"),
    "instructor": one("Instructor", lambda run, course, a: {"fullName": "Dana Roth"}),
    "cardImage": one("Image", lambda run, course, a: {"url": course["course_card_image_url"]}),
    "product": one("Product", lambda run, course, a: run.site.products.get(course["product_id"])),
    "curriculum": one("Curriculum", lambda run, course, a: course),
    "certificates": connection(
        "CertificateRecord", lambda run, course, a: _certificates(run, course_id=course["id"]), counted=True
    ),
}
PRODUCT = {
    "id": _id("Product"),
    "name": _key("name"),
    "slug": _key("slug"),
    "description": _key("description"),
    "status": scalar(lambda product: product["status"].upper()),
    "hidden": _key("hidden"),
    "private": _key("private"),
    "createdAt": _key("created_at"),
    "updatedAt": FieldType(_updated_at),
    "publishedAt": scalar(
        lambda product: product["created_at"] if product["status"] == "published" else None
    ),
    "cardImageUrl": _key("card_image_url"),
    "checkoutUrl": scalar(lambda product: f"{SITE_HOST}/enroll/{product['id']}"),
    "resumeUrl": scalar(lambda product: f"{SITE_HOST}/courses/{product['slug']}"),
    "item": one("Item", _item),
    "primaryPrice": one("Price", lambda run, product, a: product),
}
QUIZ = {
    "id": _id("Quiz"),
    "name": _key("name"),
    "passingScore": _key("passing_score"),
}
SUBMISSION = {
    "id": _id("QuizSubmission"),
    "attempts": scalar(lambda s: s.attempts),
    "correctCount": scalar(lambda s: s.correct_count),
    "incorrectCount": scalar(lambda s: s.incorrect_count),
    "passed": scalar(lambda s: s.passed),
    "completedAt": scalar(lambda s: moment(s.completed_at)),
    "createdAt": scalar(lambda s: moment(s.created_at)),
    "quiz": one("Quiz", lambda run, s, a: run.site.quizzes.get(s.quiz_id)),
    "user": one("User", lambda run, s, a: run.site.users.get(s.user_id)),
    # nullable there; what somebody ticked is nothing that we read
    "userAnswers": connection("UserAnswer", lambda run, s, a: None),
}
CERTIFICATE = {
    "id": _id("CertificateRecord"),
    "issuedAt": scalar(lambda c: moment(c.issued_at)),
    "expiryDate": scalar(lambda c: moment(c.expiry_date)),
    "pdfDownloadPath": scalar(lambda c: f"/certificates/{c.issued_id}.pdf"),
    "user": one("User", lambda run, c, a: run.site.users.get(c.user_id)),
    "course": one("Course", lambda run, c, a: run.site.courses.get(c.course_id)),
}
SMALL_TYPES: Types = {
    "PageInfo": {name: _key(name) for name in ("startCursor", "endCursor", "hasNextPage", "hasPreviousPage")},
    "CustomProfileField": {
        "id": _id("CustomProfileField"),
        "label": _key("label"),
        "required": _key("required"),
        "type": _key("field_type"),
        "typeId": _id("CustomProfileFieldType"),
        "value": _key("value"),
    },
    "Instructor": {name: _key(name) for name in ("fullName", "bio", "title")},
    "Image": {name: _key(name) for name in ("url", "altText")},
    "Price": {"price": _key("price"), "displayPrice": scalar(lambda product: f"${product['price']}")},
    "UserAnswer": {"id": _key("id")},
    "Item": {},
}
