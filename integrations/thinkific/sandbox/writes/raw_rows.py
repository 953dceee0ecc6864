"""Putting rows with any values for tests, and moving rows in a list while a client reads it."""

from typing import TYPE_CHECKING, Any

from integrations.thinkific.sandbox.site.clock import parse_moment
from integrations.thinkific.sandbox.site.enrollment_builder import add_enrollment
from integrations.thinkific.sandbox.site.people import INDEPENDENT, person
from integrations.thinkific.sandbox.site.people_builder import add_user
from integrations.thinkific.sandbox.site.rows import Enrollment, User
from integrations.thinkific.sandbox.web.problems import malformed

if TYPE_CHECKING:
    from integrations.thinkific.sandbox.site.site import Site

PLAIN_TABLES = (
    "courses",
    "bundles",
    "products",
    "chapters",
    "contents",
    "groups",
    "orders",
    "profile_fields",
    "quizzes",
)


def put(site: "Site", *, kind: str, row: dict[str, Any]) -> int:
    """Put a row and return its id. Given values are sent as they are; others get normal values.

    Without an id it is a new row.
    """
    if kind == "users":
        return _put_user(site, row)
    if kind == "enrollments":
        return _put_enrollment(site, row)
    if kind not in PLAIN_TABLES:
        raise malformed(f"No rows of kind {kind}.")
    table = getattr(site, kind)
    row_id = row["id"] if "id" in row else table.new_id()
    if row_id in table:
        table.replace(row_id, table[row_id] | row)
    else:
        table.add(row_id, {"id": row_id} | row)
    return row_id


def remove(site: "Site", *, kind: str, row_ids: list[int]) -> None:
    """Remove rows without an event and without changing other rows."""
    if kind not in (*PLAIN_TABLES, "users", "enrollments"):
        raise malformed(f"No rows of kind {kind}.")
    table = getattr(site, kind)
    gone = {row_id for row_id in row_ids if row_id in table}
    if kind == "enrollments":
        for row_id in gone:
            row = site.enrollments[row_id]
            site.enrollments_of[row.user_id].remove(row)
            site.enrollments_in[row.course_id].remove(row)
    if kind == "users":
        for row_id in gone:
            site.user_id_by_email.pop((site.users[row_id].email or "").lower(), None)
    table.remove_many(gone)


def shift(site: "Site", *, kind: str, how: str) -> None:
    """Change the first row of a list: `move` it to the end, `delete` it, or `insert` another before it."""
    table = getattr(site, kind)
    if how == "move":
        table.move_first_to_end()
    elif how == "delete" and table.listing:
        first = table.listing[0].id if kind in ("users", "enrollments") else table.listing[0]["id"]
        if kind == "users":
            site.write("delete_user", user_id=first)
        else:
            remove(site, kind=kind, row_ids=[first])
    elif how == "insert" and kind == "users":
        user_id = site.users.new_id()
        someone = person(INDEPENDENT, 100_000 + user_id)
        user = User(
            id=user_id,
            created_at=site.clock.now(),
            first_name=someone.first_name,
            last_name=someone.last_name,
            email=someone.email,
        )
        add_user(site, user, first=True)
    elif how == "insert" and kind == "enrollments":
        now = site.clock.now()
        user_id, course_id = site.users.listing[-1].id, site.courses.listing[-1]["id"]
        row = Enrollment(
            id=site.enrollments.new_id(), user_id=user_id, course_id=course_id, created_at=now, updated_at=now
        )
        add_enrollment(site, row, first=True)


def _put_user(site: "Site", row: dict[str, Any]) -> int:
    known = site.users.get(row.get("id"))
    user = known or User(
        id=row.get("id") or site.users.new_id(),
        created_at=site.clock.now(),
        first_name="Planted",
        last_name="Person",
        email=None,
    )
    if known is None:
        user.email = f"planted.{user.id}@example.org"
    if "email" in row:
        site.user_id_by_email.pop((user.email or "").lower(), None)
        user.email = row["email"] if isinstance(row["email"], str) else None
    for name in ("first_name", "last_name", "company"):
        if name in row:
            setattr(user, name, row[name] if isinstance(row[name], str) else None)
    if isinstance(row.get("roles"), list):
        user.roles = tuple(map(str, row["roles"]))
    user.raw = (user.raw or {}) | row | {"id": user.id}
    user.cache = None
    if known is None:
        add_user(site, user)
    elif user.email:
        site.user_id_by_email[user.email.lower()] = user.id
    for enrollment in site.enrollments_of.get(user.id, ()):
        enrollment.cache = None
    return user.id


def _put_enrollment(site: "Site", row: dict[str, Any]) -> int:
    known = site.enrollments.get(row.get("id"))
    now = site.clock.now()
    planted = known or Enrollment(
        id=row.get("id") or site.enrollments.new_id(),
        user_id=row.get("user_id") or 0,
        course_id=row.get("course_id") or 0,
        created_at=now,
        updated_at=now,
        activated_at=now,
    )
    # so that filters such as "updated_after" use the given dates
    for name in ("created_at", "updated_at", "activated_at", "started_at", "completed_at", "expiry_date"):
        if name not in row:
            continue
        try:
            moment = parse_moment(row[name]) if row[name] else None
        except (ValueError, TypeError):
            continue
        if moment is not None or name not in ("created_at", "updated_at"):
            setattr(planted, name, moment)
    if isinstance(row.get("percentage_completed"), str):
        planted.percentage_completed = row["percentage_completed"]
    planted.raw = (planted.raw or {}) | row | {"id": planted.id}
    if "expiry_date" in row and "expired" not in row:
        planted.raw.pop("expired", None)
    planted.cache = None
    if known is None:
        add_enrollment(site, planted)
    return planted.id
