"""Creating enrollments and setting their dates, also by bundles. An `expiry_date` in the past ends one."""

from typing import TYPE_CHECKING, Any

from integrations.thinkific.sandbox.site.clock import iso, parse_moment
from integrations.thinkific.sandbox.site.enrollment_builder import add_enrollment
from integrations.thinkific.sandbox.site.rows import Enrollment
from integrations.thinkific.sandbox.web.problems import invalid_fields, invalid_list, not_found
from integrations.thinkific.sandbox.writes.people import person_in_event

if TYPE_CHECKING:
    from integrations.thinkific.sandbox.site.site import Site

DATES = ("activated_at", "expiry_date")


def enroll(site: "Site", *, user_id: Any, course_id: Any, dates: dict[str, str | None]) -> Enrollment:
    problems = []
    if not isinstance(course_id, int) or course_id not in site.courses:
        problems.append("Course could not be found.")
    if not isinstance(user_id, int) or user_id not in site.users:
        problems.append("User could not be found.")
    if problems:
        raise invalid_list(*problems)
    moments = read_dates(dates)
    existing = site.enrollments_for(user_id, course_id)
    if existing and site.options.repost == "reject":
        raise invalid_list("User is already enrolled in this course.")
    if existing and site.options.repost == "update":
        _apply_dates(site, existing[0], moments)
        return existing[0]
    now = site.clock.now()
    row = Enrollment(
        id=site.enrollments.new_id(),
        user_id=user_id,
        course_id=course_id,
        created_at=now,
        updated_at=now,
        activated_at=moments.get("activated_at"),
        expiry_date=moments.get("expiry_date"),
    )
    add_enrollment(site, row)
    topic = "enrollment.trial" if row.activated_at is None else "enrollment.created"
    site.announce(topic, event_enrollment(site, row))
    return row


def set_dates(site: "Site", *, enrollment_id: int, dates: dict[str, str | None]) -> None:
    moments = read_dates(dates)
    _check_no_end(site, moments)
    _apply_dates(site, site.enrollments[enrollment_id], moments)


def hold_bundle(site: "Site", *, bundle_id: int, user_id: Any, dates: dict[str, str | None]) -> None:
    """Enroll a person in every course of the bundle. Courses that they have already get the dates."""
    _check_holder(site, bundle_id, user_id)
    moments = read_dates(dates)
    site.holders[bundle_id][user_id] = None
    for course_id in site.bundles[bundle_id]["course_ids"]:
        existing = site.enrollments_for(user_id, course_id)
        if existing:
            _apply_dates(site, existing[0], moments)
        elif course_id in site.courses:
            site.write("enroll", user_id=user_id, course_id=course_id, dates=dates)


def set_bundle_dates(site: "Site", *, bundle_id: int, user_id: Any, dates: dict[str, str | None]) -> None:
    _check_holder(site, bundle_id, user_id)
    if user_id not in site.holders[bundle_id]:
        raise invalid_fields(user_id="is not enrolled in this bundle")
    moments = read_dates(dates)
    _check_no_end(site, moments)
    for course_id in site.bundles[bundle_id]["course_ids"]:
        for row in site.enrollments_for(user_id, course_id):
            _apply_dates(site, row, moments)


def read_dates(dates: dict[str, Any]) -> dict[str, int | None]:
    moments: dict[str, int | None] = {}
    for name in DATES:
        if name not in dates:
            continue
        try:
            moments[name] = parse_moment(dates[name]) if dates[name] else None
        except (ValueError, TypeError):
            raise invalid_list(f"{name} is not a valid date") from None
    return moments


def event_enrollment(site: "Site", row: Enrollment) -> dict[str, Any]:
    course = site.courses.get(row.course_id)
    return {
        "activated_at": iso(row.activated_at),
        "completed_at": iso(row.completed_at),
        "course": {"id": row.course_id, "name": course["name"] if course else None},
        "course_id": row.course_id,
        "created_at": iso(row.created_at),
        "expiry_date": iso(row.expiry_date),
        "free_trial": row.activated_at is None,
        "id": row.id,
        "percentage_completed": row.percentage_completed,
        "started_at": iso(row.started_at),
        "updated_at": iso(row.updated_at),
        "user": person_in_event(site, row.user_id),
    }


def changed(site: "Site", row: Enrollment) -> None:
    # Always later than before: a client that reads changes since its last pull would miss an earlier time.
    row.updated_at = max(site.clock.now(), row.updated_at + 1)
    row.cache = None


def _check_no_end(site: "Site", moments: dict[str, int | None]) -> None:
    if site.options.null_expiry_refused and "expiry_date" in moments and moments["expiry_date"] is None:
        raise invalid_list("expiry_date is not a valid date")


def _apply_dates(site: "Site", row: Enrollment, moments: dict[str, int | None]) -> None:
    for name, moment in moments.items():
        if name == "expiry_date" and moment is None and not site.options.null_expiry_clears:
            continue
        setattr(row, name, moment)
        if row.raw:
            row.raw.pop(name, None)
    changed(site, row)


def _check_holder(site: "Site", bundle_id: int, user_id: Any) -> None:
    if bundle_id not in site.bundles:
        raise not_found()
    if not isinstance(user_id, int) or user_id not in site.users:
        raise invalid_fields(user_id="could not be found")
