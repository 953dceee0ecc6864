"""Who holds which bundle: Thinkific has no bundle enrollments, only a list per bundle of the course
enrollments that came through it."""

from collections.abc import Callable, Iterable, Sequence
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
from integrations.thinkific.runs.deletion_guard import emptied, mark_missing
from integrations.thinkific.runs.list_walk import Pulled, not_judged, walk
from integrations.thinkific.runs.pages import RawPage
from integrations.thinkific.runs.state import SHORT, ListState, Place

AT_ONCE = 1000
MOST_REQUESTS = 3  # that a pull of what changed spends on who has a bundle now
RECENT = timedelta(hours=1)  # enrollments made so long before the last pull, and since, are new


class HoldersPlace(Place):
    """Which is of all bundles, at the root."""

    unread: list[int] = []  # bundles (primary keys) of which not everything came
    fresh: list[list[int | None]] | UnsetType = UNSET  # people and courses of new enrollments


class Judged(Place):
    """A bundle that is through, under the name of its list."""

    judged: bool = False


def pull_holders(context: RunContext, *, top: int) -> None:
    """All of them, after all enrollments: those who hold one no longer are marked. `top` is the largest
    primary key of an enrollment when the walk over these began."""
    place = context.place(HoldersPlace)
    bundles = Product.objects.bundles().filter(removed_at__isnull=True).order_by("pk")
    todo = [one for one in bundles if not _is_judged(context, one)]
    with context.lists.ahead((_path(one), None) for one in todo if _name(one) not in context.cursor):
        for bundle in todo:
            _pull_holders(context, bundle)
    # By their keys: joined to the products, the database reads every enrollment.
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
        lambda pks, **how: remove_enrollments(pks, **how) * 0,  # derived: not counted
        top=top,
        what="bundle enrollments",
    )


def _name(bundle: Product) -> str:
    return f"bundle {bundle.productable_id}"


def _is_judged(context: RunContext, bundle: Product) -> bool:
    return _name(bundle) in context.cursor and context.state.read(Judged, _name(bundle)).judged


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
            not_judged(context, f"enrollments through {bundle}", walked)
    judged = walked.complete and not emptied(
        context, str(bundle), walked, held.filter(removed_at__isnull=True)
    )
    if judged:
        through = (
            Enrollment.objects.filter(via_bundle__product=bundle).order_by().values_list("pk", flat=True)
        )
        gone = (pk for pk in through if pk not in context.seen(name))
        _in_parts(context, gone, lambda pks: point_to_bundles(dict.fromkeys(pks), source=context.source))
    met = (pk for pk in held.values_list("pk", flat=True) if pk in context.seen("holders"))
    _in_parts(context, met, lambda pks: total_up_bundles(pks, source=context.source))

    def done() -> None:
        context.state.put(Judged(judged=True), name)
        context.forget(name)
        if not judged:
            context.place(HoldersPlace).unread.append(bundle.pk)

    context.store(done)


def _apply_holders(context: RunContext, bundle: Product, pages: list[RawPage]) -> Applied:
    ids = list({row.id for page in pages for row in page.items})
    courses, holders = apply_bundle_rows(
        bundle, ids, source=context.source, now=context.now, since=context.run.created_at
    )
    context.seen("holders").add(holders)
    # What is listed here and unknown to us came after the list of all enrollments was read, or is not for us.
    return Applied(met=list(courses.values()), lost=set(ids) - courses.keys())


def _in_parts(context: RunContext, pks: Iterable[int], work: Callable[[list[int]], object]) -> None:
    """Do it for some primary keys at a time, each part in a step of its own."""
    everything = list(pks)
    for start in range(0, len(everything), AT_ONCE):
        part = everything[start : start + AT_ONCE]

        def write(part: list[int] = part) -> None:
            work(part)

        context.store(write)


def note_fresh(context: RunContext, rows: Iterable[schemas.Enrollment]) -> None:
    """In a pull of what changed, remember which enrollments are new: they may have come with a bundle."""
    place, since = context.place(HoldersPlace), context.place(Changes).since
    if not since:
        return
    since -= RECENT
    new = [[row.user_id, row.course_id] for row in rows if row.created_at and row.created_at >= since]
    place.fresh = [*(place.fresh or ()), *new][:AT_ONCE]


def ask_for_new_holders(context: RunContext, since: datetime) -> None:
    """After a pull of what changed: who has a bundle now that we did not know of. It costs few requests; what
    they do not tell, and what Thinkific does not answer, comes with the next full pull."""
    place = context.place(HoldersPlace)
    fresh = {(user, course) for user, course in place.fresh or () if user and course}
    place.fresh = UNSET
    bundles = sorted(possible_bundles(fresh).items(), key=lambda found: -len(found[1]))
    for bundle, users in bundles[:MOST_REQUESTS]:
        try:
            ids = rows_through(context.client, bundle, users, since)
        except RetryLater:
            return

        def write(bundle: Product = bundle, ids: list[int] = ids) -> None:
            _, holders = apply_bundle_rows(bundle, ids, source=context.source, now=context.now)
            total_up_bundles(holders, source=context.source)

        context.commit(write)


def rows_through(
    client: ThinkificClient, bundle: Product, users: Sequence[int], since: datetime
) -> list[int]:
    """The Thinkific ids of course enrollments that came through a bundle, by one request: of the one person
    (Thinkific id) who may have it, or of all who changed since then."""
    only = {"user_id": users[0]} if len(users) == 1 else {"updated_after": since}
    try:
        page = client.rest.list_page(_path(bundle), schemas.Enrollment, filters=only)
    except NotFound:
        return []
    return [row.id for row in page.items]
