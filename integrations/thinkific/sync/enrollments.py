"""Pulling enrollments: what changed, or all, and then who holds which bundle."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import partial

from core.models import Enrollment, Product
from core.services.mirror.catalog import ensure_courses
from core.services.mirror.enrollments import (
    apply_bundle_rows,
    apply_enrollments,
    leave_bundle,
    remove_enrollments,
    total_up_bundles,
)
from core.services.mirror.outcome import Applied
from integrations.models import Kind
from integrations.thinkific import schemas
from integrations.thinkific.decoding import BadRow
from integrations.thinkific.errors import NotFound
from integrations.thinkific.mapping import enrollment_row, person_of_enrollment
from integrations.thinkific.mending import Notes
from integrations.thinkific.sync.news import Known, changed_rows
from integrations.thinkific.sync.pages import RawPage, RawRow, decode_row
from integrations.thinkific.sync.people import ensure_users
from integrations.thinkific.sync.pull import Pull
from integrations.thinkific.sync.walks import Walked, emptied, mark_missing, not_judged, walk
from integrations.thinkific.sync.watermarks import last_watermark, note_newest, set_watermark

# Their filter is exclusive and its behaviour within a second undocumented, and rows move between pages
# while we read: what changed shortly before the last look is looked at again.
OVERLAP = timedelta(minutes=5)
AT_ONCE = 1000


def pull_enrollments(pull: Pull) -> None:
    """What changed since the last pull, or with `full` everything, gone rows and bundle holders included."""
    if "since" not in pull.cursor:
        since = None if pull.run.full else last_watermark(Kind.ENROLLMENTS)
        pull.run.full = since is None
        pull.cursor.update(since=since.isoformat() if since else None, asked_at=pull.now.isoformat())
    since = datetime.fromisoformat(pull.cursor["since"]) if pull.cursor["since"] else None
    walked = walk(
        pull,
        "enrollments",
        "/enrollments",
        lambda pages: apply_pages(pages, source=pull.source, now=pull.now, pull=pull),
        stored=Enrollment.objects.all(),
        filters={"updated_after": since - OVERLAP} if since else None,
    )
    if walked.complete:
        set_watermark(pull, since)
    if since is not None:
        return  # what such a walk did not find, the next one looks for again
    if not walked.complete:
        came = len(pull.seen("enrollments")) + pull.cursor["enrollments"]["new"]
        not_judged(pull, "enrollments", walked, came)
        return
    mark_missing(
        pull,
        "enrollments",
        Enrollment.objects.filter(thinkific_id__isnull=False, removed_at__isnull=True),
        lambda pks: remove_enrollments(pks, source=pull.source, now=pull.now),
        what="enrollments",
    )
    _pull_bundles(pull)


def apply_pages(pages: list[RawPage], *, source: str, now: datetime, pull: Pull | None = None) -> Applied:
    """Store the enrollments on these pages; with `pull`, note how new they are."""
    applied = Applied()
    changed, known = changed_rows(Enrollment, pages, applied)
    if changed:
        applied += apply_rows(changed, known, source=source, now=now, pull=pull)
    return applied


def apply_rows(
    rows: list[RawRow],
    known: Known,
    *,
    source: str,
    now: datetime,
    pull: Pull | None = None,
) -> Applied:
    """Store these enrollments; students and courses that we have not met, with what is told of them here."""
    applied = Applied()
    readable: list[tuple[schemas.Enrollment, int | None]] = []
    for row in rows:
        enrollment = decode_row(row, schemas.Enrollment)
        problem = enrollment.message if isinstance(enrollment, BadRow) else _what_is_missing(enrollment)
        if isinstance(enrollment, BadRow) or problem:
            _fail(row.id, str(problem), known, applied)
        else:
            readable.append((enrollment, row.digest))
    if pull is not None:
        note_newest(pull, [e.updated_at for e, _ in readable if e.updated_at])
    applied += apply_typed(readable, known, source=source, now=now)
    return applied


def apply_typed(
    rows: list[tuple[schemas.Enrollment, int | None]],
    known: Known,
    *,
    source: str,
    now: datetime,
) -> Applied:
    """The same for enrollments that are decoded, each with its digest (None: it is not from a list)."""
    applied = Applied()
    users = ensure_users((person_of_enrollment(e) for e, _ in rows), applied, source=source, now=now)
    names = {e.course_id: Notes().text(e.course_name, 500, "", "") for e, _ in rows if e.course_id}
    courses = ensure_courses(names)
    values = []
    for e, digest in rows:
        if e.user_id not in users:
            why = f"Its student, Thinkific user {e.user_id}, is unknown here and has no e-mail."
            _fail(e.id, why, known, applied)
            continue
        user, course = users[e.user_id], courses[e.course_id or 0]
        values.append(enrollment_row(e, user_id=user, product_id=course, digest=digest, now=now))
    applied += apply_enrollments(values, known=known, source=source)
    return applied


def _what_is_missing(enrollment: schemas.Enrollment) -> str:
    if enrollment.user_id is None:
        return "It names no student."
    return "It names no course." if enrollment.course_id is None else ""


def _fail(number: int, message: str, known: Known, applied: Applied) -> None:
    applied.fail(f"Enrollment {number}", message, pk=known[number][0] if number in known else None)


def _pull_bundles(pull: Pull) -> None:
    """Who holds which bundle: Thinkific has no bundle enrollments, only a list per bundle of the course
    enrollments that came through it."""
    unread = pull.cursor.setdefault("unread", [])
    for bundle in Product.objects.bundles().filter(removed_at__isnull=True).order_by("pk"):
        if not pull.cursor.get(f"bundle {bundle.productable_id}", {}).get("judged"):
            _pull_holders(pull, bundle, unread)
    mark_missing(
        pull,
        "holders",
        Enrollment.objects.filter(
            product__productable_type=Product.Type.BUNDLE,
            removed_at__isnull=True,
            origin=Enrollment.Origin.THINKIFIC,
            push_state=Enrollment.PushState.CLEAN,
        ).exclude(product__in=unread),
        lambda pks: remove_enrollments(pks, source=pull.source, now=pull.now) * 0,  # derived: not counted
        top=pull.cursor["enrollments"]["top"],
        what="bundle enrollments",
    )


def _pull_holders(pull: Pull, bundle: Product, unread: list[int]) -> None:
    name = f"bundle {bundle.productable_id}"
    held = Enrollment.objects.filter(product=bundle).order_by()
    try:
        walked = walk(
            pull,
            name,
            f"/bundles/{bundle.productable_id}/enrollments",
            partial(_apply_holders, pull, bundle),
            stored=Enrollment.objects.all(),
            counted=False,
        )
    except NotFound:
        pull.note(str(bundle), "Thinkific does not know this bundle; who holds it could not be read.")
        pull.partial = True
        walked = Walked(complete=False, total=None)
    judged = walked.complete and not emptied(pull, str(bundle), walked, held.filter(removed_at__isnull=True))
    if judged:
        through = (
            Enrollment.objects.filter(via_bundle__product=bundle).order_by().values_list("pk", flat=True)
        )
        _in_parts(pull, (pk for pk in through if pk not in pull.seen(name)), leave_bundle)
    met = (pk for pk in held.values_list("pk", flat=True) if pk in pull.seen("holders"))
    _in_parts(pull, met, lambda pks: total_up_bundles(pks, source=pull.source))

    def done() -> None:
        pull.cursor[name] = {"judged": True}
        pull.forget(name)
        if not judged:
            unread.append(bundle.pk)

    pull.store(done)


def _apply_holders(pull: Pull, bundle: Product, pages: list[RawPage]) -> Applied:
    ids = list({row.id for page in pages for row in page.rows})
    courses, holders = apply_bundle_rows(bundle, ids, now=pull.now)
    pull.seen("holders").add(holders)
    # What is listed here and unknown to us came after the list of all enrollments was read.
    return Applied(met=courses, lost=len(ids) - len(courses))


def _in_parts(pull: Pull, pks: Iterable[int], work: Callable[[list[int]], object]) -> None:
    """Do it for some primary keys at a time, each part in a step of its own."""
    everything = list(pks)
    for start in range(0, len(everything), AT_ONCE):
        part = everything[start : start + AT_ONCE]

        def write(part: list[int] = part) -> None:
            work(part)

        pull.store(write)
