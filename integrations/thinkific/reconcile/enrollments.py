"""Compares enrollments in courses. Bundle enrollments exist only here: they are derived from those."""

from collections.abc import Callable
from datetime import datetime
from functools import partial

from django.utils import timezone

from core.models import Enrollment, Product
from core.services.mirror.catalog import product_ids
from core.services.mirror.enrollments import ENROLLMENTS, remove_enrollments, stored_pairs
from core.services.mirror.outcome import Applied
from core.services.mirror.table import Values
from integrations.models import Drift, DriftReport
from integrations.thinkific.client import schemas
from integrations.thinkific.client.decoding import BadRow
from integrations.thinkific.mapping import enrollment_row
from integrations.thinkific.pull import departed_people
from integrations.thinkific.pull.changed_rows import Known
from integrations.thinkific.pull.enrollments import apply_typed, named_person
from integrations.thinkific.pull.people import primary_keys
from integrations.thinkific.reconcile import listing
from integrations.thinkific.reconcile.findings import (
    Difference,
    Finding,
    Look,
    Pair,
    Sort,
    difference,
    nothing_passed,
    sort_out,
)
from integrations.thinkific.reconcile.people import DECIDE
from integrations.thinkific.runs.context import RunContext
from integrations.thinkific.runs.pages import RawRow, decode_row


def compare_enrollments(context: RunContext, report: DriftReport) -> str:
    compare = partial(_compare_rows, since=context.run.started_at)
    return listing.compare_list(context, report, "enrollments", "/enrollments", compare)


def _compare_rows(rows: list[RawRow], passed: Callable[[int], bool], *, since: datetime | None) -> Look:
    """Compare rows. Enrollments that changed `since` the walk began are not compared: the next pull or an
    event brings them."""
    look, found, bad, moving = Look(), [], {}, []
    for row in rows:
        enrollment = decode_row(row, schemas.Enrollment)
        if isinstance(enrollment, BadRow):
            bad[row.id] = enrollment.message
        elif enrollment.user_id is None or enrollment.course_id is None:
            bad[row.id] = "It names no student or no course."
        elif since and enrollment.updated_at and enrollment.updated_at >= since:
            moving.append(enrollment.id)
        else:
            found.append(enrollment)
    if moving:
        rows_here = Enrollment.objects.filter(thinkific_id__in=moving)
        here = dict(rows_here.values_list("thinkific_id", "pk"))
        look.met += here.values()
        look.new |= set(moving) - here.keys()
    if bad:
        known = dict(Enrollment.objects.filter(thinkific_id__in=bad).values_list("thinkific_id", "pk"))
        for number, message in bad.items():
            look.fail(f"Enrollment {number}", message, pk=known.get(number), number=number)
    return look_at(found, look, passed)


def look_at(
    enrollments: list[schemas.Enrollment],
    look: Look | None = None,
    passed: Callable[[int], bool] = nothing_passed,
) -> Look:
    look = look or Look()
    now = timezone.now()
    users = primary_keys({e.user_id for e in enrollments if e.user_id})
    unknown = [one for e in enrollments if e.user_id not in users and (one := named_person(e)) is not None]
    departed = departed_people.who_is_gone(unknown, Applied(), now=now)
    courses = product_ids((Product.Type.COURSE, e.course_id) for e in enrollments if e.course_id)
    rows: dict[int, Values] = {}
    names = {e.id: f"{e.user_email or e.user_id} in {e.course_name or e.course_id}" for e in enrollments}
    for e in enrollments:
        user, course = users.get(e.user_id or 0), courses.get((Product.Type.COURSE, e.course_id or 0))
        if e.user_id in departed:
            look.new.add(e.id)
        elif user is None or course is None:
            look.findings.append(Finding(Sort.ONLY_THERE, names[e.id], thinkific_id=e.id))
            look.new.add(e.id)
        else:
            rows[e.id] = enrollment_row(e, user_id=user, product_id=course, digest=None, now=now)
    pairs, links = _matched(list(rows.values()), look)

    def only_there(row: Values) -> Finding:
        number = row["thinkific_id"]
        return Finding(Sort.ONLY_THERE, names[number], thinkific_id=number)

    sort_out(ENROLLMENTS, pairs, look, passed=passed, more=links, describe=only_there)
    return look


def _matched(rows: list[Values], look: Look) -> tuple[list[Pair], dict[int, list[Difference]]]:
    """Returns the stored enrollment of each row, found by Thinkific id, then by student and course; and the
    Thinkific ids that are missing here, as differences."""
    by_id = ENROLLMENTS.stored_of(rows, None)
    by_pair = stored_pairs([row for row in rows if row["thinkific_id"] not in by_id])
    pairs: list[Pair] = []
    links: dict[int, list[Difference]] = {}
    for row in rows:
        have = by_id.get(row["thinkific_id"])
        known = by_pair.get((row["user_id"], row["product_id"]))
        if have is None and known is not None:
            pk, number, values = known
            if number is not None:  # a second enrollment of the student in the course, which is not stored
                look.new.add(row["thinkific_id"])
                continue
            have = (pk, values)
            links[pk] = [difference("thinkific_id", None, row["thinkific_id"])]
        pairs.append((row, have))
    return pairs, links


def take(context: RunContext, row: Drift, found: list[schemas.Enrollment]) -> list[str]:
    """Store the enrollment as Thinkific has it. Returns the problems."""
    if not found:
        remove_enrollments([row.object_id or 0], source=context.source, now=context.now)
        return []
    known = dict(Enrollment.objects.filter(thinkific_id=found[0].id).values_list("thinkific_id", "pk"))
    stored_now: Known = {number: (pk, None) for number, pk in known.items() if number is not None}
    # Without a stored moment, the mirror takes Thinkific's values whatever their moment is.
    Enrollment.objects.filter(thinkific_id=found[0].id).update(remote_updated_at=None)
    applied = apply_typed([(one, None) for one in found], stored_now, source=context.source, now=context.now)
    undecided = [DECIDE] if applied.withheld else []
    return undecided + ([issue.message for issue in applied.issues] if applied.failed else [])
