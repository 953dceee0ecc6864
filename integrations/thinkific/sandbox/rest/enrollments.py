"""`/enrollments` and `/bundles/{id}/enrollments`"""

from integrations.thinkific.sandbox.rest.context import Context, created, no_content
from integrations.thinkific.sandbox.rest.filters import (
    BUNDLE_FILTERS,
    ENROLLMENT_FILTERS,
    EnrollmentFilter,
    read_filter,
)
from integrations.thinkific.sandbox.site.rows import Enrollment
from integrations.thinkific.sandbox.web.http import Response
from integrations.thinkific.sandbox.web.problems import malformed, not_found


def list_enrollments(context: Context) -> Response:
    site = context.site
    wanted = read_filter(context, ENROLLMENT_FILTERS)
    if not wanted.given:
        return context.page_of(site.enrollments.listing, site.render.enrollments_encoded)
    rows = site.answer(
        ("enrollments", wanted.given), lambda: wanted.select(_candidates(context, wanted), site)
    )
    return context.page_of(rows, site.render.enrollments_encoded)


def _candidates(context: Context, wanted: EnrollmentFilter) -> list[Enrollment]:
    """Returns the shortest list that contains all rows that can match."""
    site = context.site
    if wanted.user_id is not None:
        return site.enrollments_of.get(wanted.user_id, [])
    if wanted.email is not None:
        user = site.user_by_email(wanted.email)
        return site.enrollments_of.get(user.id, []) if user else []
    if wanted.course_id is not None:
        return site.enrollments_in.get(wanted.course_id, [])
    return site.enrollments.listing


def create(context: Context) -> Response:
    body = context.body()
    row = context.site.write(
        "enroll", user_id=body.get("user_id"), course_id=body.get("course_id"), dates=_dates(context)
    )
    return created(context.site.render.enrollment(row, context.site.clock.now()))


def show(context: Context) -> Response:
    return Response(200, context.site.render.enrollments_encoded([_addressed(context)]))


def update(context: Context) -> Response:
    """Change the two dates; other fields are ignored."""
    context.site.write("set_dates", enrollment_id=_addressed(context).id, dates=_dates(context))
    return no_content()


def list_bundle_enrollments(context: Context) -> Response:
    site, bundle_id = context.site, _bundle_id(context)
    wanted = read_filter(context, BUNDLE_FILTERS)
    rows = site.answer(
        ("bundle", bundle_id, wanted.given), lambda: wanted.select(site.bundle_enrollments(bundle_id), site)
    )
    return context.page_of(rows, site.render.enrollments_encoded)


def create_in_bundle(context: Context) -> Response:
    """Enroll in a bundle: at once with 201, or `bundle_delay` seconds later with 202.

    The answer has no body.
    """
    site, user_id = context.site, context.body().get("user_id")
    arguments = {"bundle_id": _bundle_id(context), "user_id": user_id, "dates": _dates(context)}
    if not context.options.bundle_delay:
        site.write("hold_bundle", **arguments)
        return created()
    if user_id not in site.users:
        site.write("hold_bundle", **arguments)  # raises at once
    site.write("postpone", seconds=context.options.bundle_delay, write="hold_bundle", arguments=arguments)
    return Response(202)


def update_in_bundle(context: Context) -> Response:
    context.site.write(
        "set_bundle_dates",
        bundle_id=_bundle_id(context),
        user_id=context.body().get("user_id"),
        dates=_dates(context),
    )
    return no_content()


def _dates(context: Context) -> dict[str, str | None]:
    body = context.body()
    return {name: body[name] for name in ("activated_at", "expiry_date") if name in body}


def _addressed(context: Context) -> Enrollment:
    row = context.site.enrollments.get(context.id())
    if row is None:
        raise not_found()
    return row


def _bundle_id(context: Context) -> int:
    bundle_id = context.id()
    if bundle_id not in context.site.bundles:
        raise not_found()
    if context.request.method != "GET" and not context.body():
        raise malformed("Parameter user_id is required.")
    return bundle_id
