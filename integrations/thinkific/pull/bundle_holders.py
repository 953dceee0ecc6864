"""Pulls who has which bundle. Thinkific has no bundle enrollments, only a list for each bundle with the
course enrollments that came through it."""

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial

from msgspec import UNSET, UnsetType

from core.models import Enrollment, Product
from core.services.mirror.bundles import (
    apply_bundle_rows,
    point_to_bundles,
    possible_bundles,
    total_up_bundles,
)
from core.services.mirror.enrollments import remove_enrollments
from core.services.mirror.outcome import Applied
from integrations.thinkific.client import schemas
from integrations.thinkific.client.client import ThinkificClient
from integrations.thinkific.client.errors import NotFound, RetryLater
from integrations.thinkific.pull.watermarks import Changes
from integrations.thinkific.runs.context import RunContext
from integrations.thinkific.runs.deletion_guard import is_suddenly_empty, mark_missing
from integrations.thinkific.runs.list_walk import Pulled, note_incomplete, walk
from integrations.thinkific.runs.pages import RawPage
from integrations.thinkific.runs.state import SHORT, ListState, Place

AT_ONCE = 1000
MOST_REQUESTS = 3  # that a pull of changes sends to find new students of bundles
RECENT = timedelta(hours=1)  # enrollments count as new if created at most this long before the last pull


class HoldersPlace(Place):
    """The state that concerns all bundles, at the root of the cursor."""

    unread: list[int] = []  # bundles (primary keys) whose lists were not complete
    fresh: list[list[int | None]] | UnsetType = UNSET  # people and courses (Thinkific ids) of new enrollments


class BundleDone(Place):
    """Whether the list of a bundle is done, stored under the name of the list."""

    judged: bool = False


def pull_holders(context: RunContext, *, top: int) -> None:
    """Pull the holders of all bundles, after all enrollments. Bundle enrollments of people who no longer hold
    the bundle are marked as removed. `top` is the largest primary key of an enrollment when the walk over the
    enrollments began."""
    place = context.place(HoldersPlace)
    bundles = Product.objects.bundles().filter(removed_at__isnull=True).order_by("pk")
    todo = [one for one in bundles if not _is_done(context, one)]
    with context.lists.ahead((_path(one), None) for one in todo if _name(one) not in context.cursor):
        for bundle in todo:
            _pull_holders(context, bundle)
    # By primary keys: with a join to the products, the database would read every enrollment.
    read = list(Product.objects.bundles().exclude(pk__in=place.unread).values_list("pk", flat=True))
    mark_missing(
        context,
        "holders",
        Enrollment.objects.filter(
            product__in=read,
            removed_at__isnull=True,
            origin=Enrollment.Origin.THINKIFIC,
            push_state=Enrollment.PushState.CLEAN,
        ),
        lambda pks, **how: remove_enrollments(pks, **how) * 0,  # bundle enrollments are not counted
        top=top,
        what="bundle enrollments",
    )


def _name(bundle: Product) -> str:
    return f"bundle {bundle.productable_id}"


def _is_done(context: RunContext, bundle: Product) -> bool:
    return _name(bundle) in context.cursor and context.state.read(BundleDone, _name(bundle)).judged


def _path(bundle: Product) -> str:
    return f"/bundles/{bundle.productable_id}/enrollments"


def _pull_holders(context: RunContext, bundle: Product) -> None:
    name = _name(bundle)
    held = Enrollment.objects.filter(product=bundle).order_by()
    try:
        handler = Pulled(context, name, partial(_apply_holders, context, bundle), counted=False)
        walked = walk(_path(bundle), handler, stored=Enrollment.objects.all())
    except NotFound:
        context.note(str(bundle), "Thinkific does not know this bundle; who holds it could not be read.")
        context.partial = True
        walked = ListState()
    else:
        if not walked.complete and walked.verdict != SHORT:
            note_incomplete(context, f"enrollments through {bundle}", walked)
    is_whole = walked.complete and not is_suddenly_empty(
        context, str(bundle), walked, held.filter(removed_at__isnull=True)
    )
    if is_whole:
        through = (
            Enrollment.objects.filter(via_bundle__product=bundle).order_by().values_list("pk", flat=True)
        )
        gone = (pk for pk in through if pk not in context.seen(name))
        _in_parts(context, gone, lambda pks: point_to_bundles(dict.fromkeys(pks), source=context.source))
    met = (pk for pk in held.values_list("pk", flat=True) if pk in context.seen("holders"))
    _in_parts(context, met, lambda pks: total_up_bundles(pks, source=context.source))

    def done() -> None:
        context.state.put(BundleDone(judged=True), name)
        context.forget(name)
        if not is_whole:
            context.place(HoldersPlace).unread.append(bundle.pk)

    context.store(done)


def _apply_holders(context: RunContext, bundle: Product, pages: list[RawPage]) -> Applied:
    ids = list({row.id for page in pages for row in page.items})
    courses, holders = apply_bundle_rows(
        bundle, ids, source=context.source, now=context.now, since=context.run.created_at
    )
    context.seen("holders").add(holders)
    # Unknown rows were created after the list of all enrollments was read, or are left out on purpose.
    return Applied(met=list(courses.values()), lost=set(ids) - courses.keys())


def _in_parts(context: RunContext, pks: Iterable[int], work: Callable[[list[int]], object]) -> None:
    """Call `work` with AT_ONCE primary keys at a time, each time in a step of its own."""
    everything = list(pks)
    for start in range(0, len(everything), AT_ONCE):
        part = everything[start : start + AT_ONCE]

        def write(part: list[int] = part) -> None:
            work(part)

        context.store(write)


def note_fresh(context: RunContext, rows: Iterable[schemas.Enrollment]) -> None:
    """In a pull of changes, remember which enrollments are new: they may have come with a bundle."""
    place, since = context.place(HoldersPlace), context.place(Changes).since
    if not since:
        return
    since -= RECENT
    new = [[row.user_id, row.course_id] for row in rows if row.created_at and row.created_at >= since]
    place.fresh = [*(place.fresh or ()), *new][:AT_ONCE]


def ask_for_new_holders(context: RunContext, since: datetime) -> None:
    """Find new holders of bundles after a pull of changes, with at most MOST_REQUESTS requests. The next full
    pull finds the others."""
    place = context.place(HoldersPlace)
    fresh = {(user, course) for user, course in place.fresh or () if user and course}
    place.fresh = UNSET
    bundles = sorted(possible_bundles(fresh).items(), key=lambda found: -len(found[1]))
    for bundle, users in bundles[:MOST_REQUESTS]:
        try:
            _store_holders(context, bundle, rows_through(context.client, bundle, users, since))
        except RetryLater:
            return


def find_bundles(context: RunContext, held: Collection[tuple[int, int]]) -> None:
    """Find the bundles of one person, from all of their course enrollments (Thinkific ids of the person and
    the courses), with a request for each bundle whose courses they all have."""
    for bundle, users in possible_bundles(held).items():
        _store_holders(context, bundle, rows_through(context.client, bundle, users, context.now))


def _store_holders(context: RunContext, bundle: Product, ids: list[int]) -> None:
    def write() -> None:
        _, holders = apply_bundle_rows(bundle, ids, source=context.source, now=context.now)
        total_up_bundles(holders, source=context.source)

    context.commit(write)


def rows_through(
    client: ThinkificClient, bundle: Product, users: Sequence[int], since: datetime
) -> list[int]:
    """Returns the Thinkific ids of course enrollments that came through a bundle, by one request: of the one
    user (Thinkific id), or if there are several, of all that changed since then."""
    only = {"user_id": users[0]} if len(users) == 1 else {"updated_after": since}
    try:
        page = client.rest.list_page(_path(bundle), schemas.Enrollment, filters=only)
    except NotFound:
        return []
    return [row.id for row in page.items]
