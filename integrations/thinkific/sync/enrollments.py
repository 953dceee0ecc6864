"""Pulling enrollments: what changed, or all, and then who holds which bundle."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import partial

from django.utils import timezone

from core.models import Enrollment, Product
from core.services.mirror.catalog import ensure_courses
from core.services.mirror.enrollments import (
    apply_bundle_rows,
    apply_enrollments,
    known_digests,
    remove_enrollments,
    total_up_bundles,
)
from core.services.mirror.outcome import Applied
from integrations.models import Kind, SyncRun
from integrations.thinkific import schemas
from integrations.thinkific.decoding import BadRow
from integrations.thinkific.errors import NotFound
from integrations.thinkific.mapping import Notes, enrollment_row, person_of_enrollment
from integrations.thinkific.sync.pages import RawPage, RawRow, decode_row
from integrations.thinkific.sync.people import ensure_users
from integrations.thinkific.sync.pull import Pull
from integrations.thinkific.sync.walks import mark_missing, not_judged, walk

# Their filter is exclusive and its behaviour within a second undocumented, and rows move between pages
# while we read: what changed shortly before the last look is looked at again.
OVERLAP = timedelta(minutes=5)
AT_ONCE = 1000


def pull_enrollments(pull: Pull) -> None:
    """What changed since the last pull, or with `full` everything, gone rows and bundle holders included."""
    since = None if pull.run.full else last_watermark()
    if since is None:
        pull.run.full = True
    if "since" not in pull.cursor:
        pull.cursor["since"] = since.isoformat() if since else None
    since = datetime.fromisoformat(pull.cursor["since"]) if pull.cursor["since"] else None
    walked = walk(
        pull,
        "enrollments",
        "/enrollments",
        lambda pages: apply_pages(pages, source=pull.source, now=pull.now, pull=pull),
        stored=Enrollment.objects.all() if since is None else None,
        filters={"updated_after": since - OVERLAP} if since else None,
    )
    if since is not None:
        return
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


def last_watermark() -> datetime | None:
    """The newest change that a finished pull has seen, in Thinkific's own time; None before the first."""
    done = (SyncRun.Status.SUCCEEDED, SyncRun.Status.PARTIAL)
    runs = SyncRun.objects.filter(kind=Kind.ENROLLMENTS, status__in=done, cursor__has_key="watermark")
    for cursor in runs.order_by("-id").values_list("cursor", flat=True)[:1]:
        return datetime.fromisoformat(cursor["watermark"])
    return None


def apply_pages(pages: list[RawPage], *, source: str, now: datetime, pull: Pull | None = None) -> Applied:
    """Store the enrollments on these pages; with `pull`, move its watermark."""
    rows = list({row.id: row for page in pages for row in page.rows}.values())
    known = known_digests([row.id for row in rows])
    applied = Applied()
    changed: list[RawRow] = []
    for row in rows:
        pk, digest = known.get(row.id, (0, None))
        if digest == row.digest:
            applied.unchanged += 1
            applied.met.append(pk)
        else:
            changed.append(row)
    if changed:
        applied += apply_rows(changed, known, source=source, now=now, pull=pull)
    return applied


def apply_rows(
    rows: list[RawRow],
    known: dict[int | None, tuple[int, int | None]],
    *,
    source: str,
    now: datetime,
    pull: Pull | None = None,
) -> Applied:
    """Store these enrollments; students and courses that we have not met are stored with what is told here."""
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
        _move_watermark(pull, [e.updated_at for e, _ in readable if e.updated_at])
    applied += apply_typed(readable, known, source=source, now=now)
    return applied


def apply_typed(
    rows: list[tuple[schemas.Enrollment, int | None]],
    known: dict[int | None, tuple[int, int | None]],
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


def _fail(
    number: int, message: str, known: dict[int | None, tuple[int, int | None]], applied: Applied
) -> None:
    applied.fail(f"Enrollment {number}", message)
    if number in known:
        applied.met.append(known[number][0])


def _move_watermark(pull: Pull, moments: list[datetime]) -> None:
    # A clock of theirs that runs ahead must not make us skip what comes after.
    newest = min(max(moments, default=datetime.min.replace(tzinfo=UTC)), timezone.now())
    known = pull.cursor.get("watermark")
    if known is None or datetime.fromisoformat(known) < newest:
        pull.cursor["watermark"] = newest.isoformat()


def _pull_bundles(pull: Pull) -> None:
    """Who holds which bundle: Thinkific has no bundle enrollments, only a list per bundle of the course
    enrollments that came through it."""
    for bundle in Product.objects.bundles().filter(removed_at__isnull=True).order_by("pk"):
        name = f"bundle {bundle.productable_id}"
        state = pull.cursor.get(name, {})
        if state.get("judged"):
            continue
        held = Enrollment.objects.filter(product=bundle, removed_at__isnull=True)
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
            continue
        if walked.complete:
            _end_lost_holdings(pull, bundle)
        _total_up(pull, held.values_list("pk", flat=True))

        def done(name: str = name) -> None:
            pull.cursor[name] = {"judged": True}
            pull.seen(name).clear()

        pull.store(done)


def _apply_holders(pull: Pull, bundle: Product, pages: list[RawPage]) -> Applied:
    ids = list({row.id for page in pages for row in page.rows})
    courses, holders = apply_bundle_rows(bundle, ids, now=pull.now)
    pull.seen("holders").add(holders)
    # What is listed here and unknown to us came after the list of all enrollments was read.
    return Applied(met=courses, skipped=len(ids) - len(courses))


def _end_lost_holdings(pull: Pull, bundle: Product) -> None:
    """Bundle enrollments that no row of the list belongs to any more."""
    seen = pull.seen("holders")
    held = Enrollment.objects.filter(
        product=bundle, removed_at__isnull=True, origin=Enrollment.Origin.THINKIFIC, push_state="clean"
    )
    gone = [pk for pk in held.values_list("pk", flat=True).iterator(chunk_size=5000) if pk not in seen]
    for start in range(0, len(gone), AT_ONCE):
        part = gone[start : start + AT_ONCE]

        def write(part: list[int] = part) -> None:
            remove_enrollments(part, source=pull.source, now=pull.now)

        pull.store(write)


def _total_up(pull: Pull, held: Iterable[int]) -> None:
    pks = list(held)
    for start in range(0, len(pks), AT_ONCE):
        part = pks[start : start + AT_ONCE]

        def write(part: list[int] = part) -> None:
            total_up_bundles(part, source=pull.source)

        pull.store(write)
