"""The resolvers of the fields of the stable graph. Its types are in sdl.py."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from graphql import GraphQLError, GraphQLScalarType, GraphQLSchema, build_schema

from integrations.thinkific.sandbox.graphql import ids, results
from integrations.thinkific.sandbox.graphql.lessons import LESSON_TYPES, content_type
from integrations.thinkific.sandbox.graphql.moments import moment
from integrations.thinkific.sandbox.graphql.mutations import MUTATION_TYPES
from integrations.thinkific.sandbox.graphql.sdl import NAMES, text_for
from integrations.thinkific.sandbox.graphql.types import Get, Resolver, Run, Types, key
from integrations.thinkific.sandbox.site.catalog import ACADEMY_NAME
from integrations.thinkific.sandbox.site.catalog_builder import SITE_HOST
from integrations.thinkific.sandbox.site.clock import is_moment, to_iso
from integrations.thinkific.sandbox.site.rows import Certificate, Enrollment, User
from integrations.thinkific.sandbox.web.render import gid

Wire = dict[str, Any]


@dataclass(frozen=True)
class Schema:
    """The types, the resolvers of their fields, and functions that return the concrete type of a value."""

    graph: GraphQLSchema
    types: Types
    type_names: dict[str, Callable[[Any], str]]

    def source(self, type_name: str, field: str) -> Resolver | Get:
        """Returns the resolver of a field.

        A field that is not in `types` is read from the row by its name.
        """
        if field == "__typename":
            return Get(lambda _: type_name)
        return self.types.get(type_name, {}).get(field) or key(field)


@cache
def schema_for(names: str) -> Schema:
    """`names` is "new" (issuedId, itemId, itemType) or "old" (credentialId, productableId, …Type)."""
    graph = build_schema(text_for(names))
    for scalar, coerce in (("ISO8601DateTime", _moment), ("EmailAddress", _text)):
        known = graph.type_map[scalar]
        assert isinstance(known, GraphQLScalarType)
        known.coerce_input_value = coerce
    name = NAMES[names]
    types = LESSON_TYPES | MUTATION_TYPES | results.RESULT_TYPES | OWN_TYPES
    types["Product"] = PRODUCT | {
        name["ITEM_ID"]: _item_id,
        name["ITEM_TYPE"]: Get(lambda product: product["productable_type"].upper()),
    }
    types["CertificateRecord"] = CERTIFICATE | {name["NUMBER"]: Get(lambda c: c.issued_id)}
    type_names: dict[str, Callable[[Any], str]] = {
        "Content": content_type,
        "Item": lambda item: "Bundle" if "course_ids" in item else "Course",
    }
    return Schema(graph, types, type_names)


def _moment(value: Any) -> str:
    if not isinstance(value, str) or not is_moment(value):
        raise GraphQLError(f"ISO8601DateTime cannot represent value: {value!r}")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise GraphQLError(f"EmailAddress cannot represent value: {value!r}")
    return value


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


def _courses_of(run: Run, user: User, arguments: Wire) -> list[Wire]:
    rows: list[Enrollment] = run.site.enrollments_of.get(user.id, [])
    return [course for row in rows if (course := run.site.courses.get(row.course_id))]


def _named(rows: Iterable[Wire], arguments: Wire) -> list[Wire]:
    """Returns the rows whose name contains the filter's name. So a filter can also match other courses."""
    name = (arguments.get("filter") or {}).get("name")
    return [row for row in rows if not name or name.lower() in row["name"].lower()]


def _admin(run: Run, _: Any, arguments: Wire) -> User | None:
    return next((user for user in run.site.users if "site_admin" in user.roles), None)


def _profile_fields(run: Run, user: User, arguments: Wire) -> list[Wire]:
    return [run.site.profile_fields[field_id] | {"value": value} for field_id, value in user.profile]


def _groups_of(run: Run, user: User, arguments: Wire) -> list[Wire]:
    return [g for g in run.site.groups if user.id in run.site.members.get(g["id"], ())]


def _members(run: Run, group: Wire, arguments: Wire) -> list[User]:
    members = run.site.members.get(group["id"], ())
    return [user for user_id in members if (user := run.site.users.get(user_id))]


def _profile(run: Run, user: User, arguments: Wire) -> Wire:
    avatar = {"url": user.avatar_url, "altText": user.full_name} if user.avatar_url else None
    return {"avatar": avatar, "bio": user.bio, "company": user.company, "headline": user.headline}


def _instructor(run: Run, course: Wire, arguments: Wire) -> Wire | None:
    known = run.site.instructors.get(course["instructor_id"])
    if known is None:
        return None
    full_name = f"{known['first_name']} {known['last_name']}"
    return {"fullName": full_name, "bio": known["bio"], "title": known["title"]}


def _row(table: str) -> Resolver:
    """Returns a resolver that finds the row of this table by the argument `id`."""
    return lambda run, _, a: getattr(run.site, table).get(ids.read(a["id"]))


def _by_slug(run: Run, _: Any, arguments: Wire) -> Wire | None:
    return next((course for course in run.site.courses if course["slug"] == arguments["slug"]), None)


QUERY: dict[str, Resolver | Get] = {
    "me": _admin,
    "site": lambda run, _, a: run.site,
    "user": lambda run, _, a: run.site.users.get(ids.read(a["gid"])),
    "userByEmail": lambda run, _, a: run.site.user_by_email(a["email"]),
    "course": _row("courses"),
    "courseBySlug": _by_slug,
    "chapter": _row("chapters"),
    "lesson": _row("contents"),
    "bundle": _row("bundles"),
    "product": _row("products"),
    "category": _row("collections"),
    "group": _row("groups"),
}
SITE: dict[str, Resolver | Get] = {
    "id": Get(lambda site: "55501"),
    "name": Get(lambda site: ACADEMY_NAME),
    "subdomain": Get(lambda site: site.options.subdomain),
    "url": Get(lambda site: SITE_HOST),
    "currency": Get(lambda site: "USD"),
    "supportEmail": Get(lambda site: "support@harborlight.example"),
    "courses": lambda run, site, a: _named(site.courses, a),
    "users": lambda run, site, a: site.users.listing,
    "groups": lambda run, site, a: site.groups.listing,
    "products": lambda run, site, a: site.products.listing,
    "quizzes": lambda run, site, a: _named(site.quizzes, a),
    "quizSubmissions": results.submissions,
    "surveys": results.surveys,
    "surveySubmissions": results.survey_submissions,
    "assignmentSubmissions": results.assignment_submissions,
}
USER: dict[str, Resolver | Get] = {
    "id": ids.of("User"),
    "gid": Get(lambda user: gid(user.id)),
    "email": Get(lambda user: user.email),
    "firstName": Get(lambda user: user.first_name),
    "lastName": Get(lambda user: user.last_name),
    "hasAdminRole": Get(lambda user: "site_admin" in user.roles),
    "hasAffiliateRole": Get(lambda user: "affiliate" in user.roles),
    "createdAt": Get(lambda user: moment(user.created_at)),
    "profile": _profile,
    "customProfileFields": _profile_fields,
    "groups": _groups_of,
    "courses": _courses_of,
    "certificates": lambda run, user, a: _certificates(run, user_id=user.id),
    "assignmentSubmissions": results.assignment_submissions,
}
COURSE: dict[str, Resolver | Get] = {
    "id": ids.of("Course"),
    "title": key("name"),
    "instructor": _instructor,
    "cardImage": lambda run, course, a: {"url": course["course_card_image_url"]},
    "product": lambda run, course, a: run.site.products.get(course["product_id"]),
    "curriculum": lambda run, course, a: course,
    "certificates": lambda run, course, a: _certificates(run, course_id=course["id"]),
}
PRODUCT: dict[str, Resolver | Get] = {
    "id": ids.of("Product"),
    "status": Get(lambda product: product["status"].upper()),
    "createdAt": key("created_at"),
    "updatedAt": _updated_at,
    "publishedAt": Get(lambda product: product["created_at"] if product["status"] == "published" else None),
    "cardImageUrl": key("card_image_url"),
    "checkoutUrl": Get(lambda product: f"{SITE_HOST}/enroll/{product['id']}"),
    "resumeUrl": Get(lambda product: f"{SITE_HOST}/courses/{product['slug']}"),
    "item": _item,
    "primaryPrice": lambda run, product, a: product,
}
CERTIFICATE: dict[str, Resolver | Get] = {
    "id": ids.of("CertificateRecord"),
    "issuedAt": Get(lambda c: moment(c.issued_at)),
    "expiryDate": Get(lambda c: moment(c.expiry_date)),
    "pdfDownloadPath": Get(lambda c: f"/certificates/{c.issued_id}.pdf"),
    "user": lambda run, c, a: run.site.users.get(c.user_id),
    "course": lambda run, c, a: run.site.courses.get(c.course_id),
}
OWN_TYPES: Types = {
    "Query": QUERY,
    "Site": SITE,
    "User": USER,
    "CustomProfileField": {
        "id": ids.of("CustomProfileField"),
        "type": key("field_type"),
        "typeId": ids.of("CustomProfileFieldType"),
    },
    "Group": {"id": ids.of("Group"), "createdAt": key("created_at"), "users": _members},
    "Course": COURSE,
    "Bundle": {"id": ids.of("Bundle")},
    "Price": {"displayPrice": Get(lambda product: f"${product['price']}")},
    "Category": {
        "id": ids.of("Category"),
        "createdAt": key("created_at"),
        "updatedAt": key("created_at"),
    },
}
