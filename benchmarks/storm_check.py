"""Whether both sides are equal after a kill storm, by asking Thinkific for everything. Needs Django."""

from collections import Counter
from typing import Any

from django.utils import timezone

from core.models import (
    BundleItem,
    Enrollment,
    GroupMembership,
    OutboxEntry,
    SiteSettings,
    ThinkificGroup,
    User,
)
from integrations.models import SyncRun
from integrations.thinkific import schemas
from integrations.thinkific.client import ThinkificClient
from integrations.thinkific.credentials import Credentials
from integrations.thinkific.sync import runs
from integrations.thinkific.sync.execute import carry_out
from integrations.thinkific.sync.owner import this_process
from integrations.thinkific.sync.push_people import FIELDS, body_of

KINDS = ("users", "enrollments", "groups")

SHOWN = 20


def compare() -> dict[str, Any]:
    """Counts, and what is wrong in sentences."""
    client = ThinkificClient(Credentials.from_settings())
    users = {user.id: user for user in client._walk("/users", schemas.User, {})}
    rows = list(client._walk("/enrollments", schemas.Enrollment, {}))
    groups = {group.id: group for group in client._walk("/groups", schemas.Group, {})}
    wrong = [*_entries(), *_people(users), *_enrollments(rows), *_groups(groups, client), *_pulls()]
    states = Counter(OutboxEntry.objects.order_by().values_list("status", flat=True))
    return {
        "users": len(users),
        "enrollments": len(rows),
        "groups": len(groups),
        "entries": dict(states),
        "wrong": wrong[:SHOWN],
    }


def _entries() -> list[str]:
    unsent = OutboxEntry.objects.unsent()
    return [f"{entry} is {entry.status}: {entry.error}" for entry in unsent]


def _people(users: dict[int, schemas.User]) -> list[str]:
    wrong, settings = [], SiteSettings.load()
    here = {user.thinkific_id: user for user in User.objects.filter(removed_at__isnull=True)}
    for user in User.objects.filter(thinkific_id__isnull=True, email__contains="@storm.example"):
        wrong.append(f"{user.email} has no account")
    wrong += [f"user {users[number].email} is not here" for number in set(users) - set(here)]
    for number, user in here.items():
        remote = users.get(number or 0)
        if number is None or remote is None:
            wrong += [f"{user.email} is gone there"] if number else []
            continue
        ours = body_of(user, settings)
        for name in FIELDS:
            theirs = getattr(remote, name) or ""
            if theirs != ours[name] and (theirs or getattr(user, name)):
                wrong.append(f"{user.email}: {name} is {ours[name]!r} here, {theirs!r} there")
    emails = Counter((user.email or "").lower() for user in users.values())
    return wrong + [f"{count} accounts for {email}" for email, count in emails.items() if count > 1]


def _enrollments(rows: list[schemas.Enrollment]) -> list[str]:
    pairs = Counter((row.user_id, row.course_id) for row in rows)
    wrong = [f"{count} enrollments of {pair}" for pair, count in pairs.items() if count > 1]
    here = Enrollment.objects.filter(product__productable_type="Course", removed_at__isnull=True)
    known = {e.thinkific_id: e for e in here.select_related("user", "product")}
    wrong += [f"enrollment {row.id} is not here" for row in rows if row.id not in known]
    remotes = {row.id: row for row in rows}
    now = timezone.now()
    for number, enrollment in known.items():
        remote = remotes.get(number or 0)
        if remote is None:
            if number is not None or enrollment.expiry_date is None or enrollment.expiry_date > now:
                wrong.append(f"{enrollment} is not there")
        elif _whole(remote.expiry_date) != _whole(enrollment.expiry_date):
            wrong.append(f"{enrollment} ends {enrollment.expiry_date} here, {remote.expiry_date} there")
    return wrong + _bundles(pairs)


def _bundles(pairs: "Counter[tuple[int | None, int | None]]") -> list[str]:
    wrong = []
    held = Enrollment.objects.filter(product__productable_type="Bundle").giving_access()  # type: ignore[attr-defined]
    for bundle in held.select_related("user", "product"):
        for item in BundleItem.objects.filter(bundle=bundle.product).select_related("course"):
            if not pairs[bundle.user.thinkific_id, item.course.productable_id]:
                wrong.append(f"{bundle} lacks {item.course}")
    return wrong


def _whole(moment: Any) -> Any:
    return moment and moment.replace(microsecond=0)


def _groups(groups: dict[int, schemas.Group], client: ThinkificClient) -> list[str]:
    names = Counter(group.name for group in groups.values())
    wrong = [f"{count} groups called {name}" for name, count in names.items() if count > 1]
    for group in ThinkificGroup.objects.filter(removed_at__isnull=True):
        if group.thinkific_id not in groups:
            wrong.append(f"the group {group} is not there")
            continue
        path = client._walk("/users", schemas.User, {"group_id": group.thinkific_id})
        there = {user.id for user in path}
        rows = GroupMembership.objects.filter(group=group, removed_at__isnull=True)
        here = set(rows.values_list("user__thinkific_id", flat=True))
        if there != here:
            wrong.append(
                f"{group}: {sorted(here - there, key=str)} only here, {sorted(there - here)} only there"
            )
    return wrong


def _pulls() -> list[str]:
    """The pull after everything was sent makes and removes nothing, and the next one finds nothing at all.

    The first may still learn what our own requests moved: a worker was killed between a request and the
    re-read, and the retry found everything sent.
    """
    entries = OutboxEntry.objects.count()
    wrong = [words for kind in KINDS for words in _pull(kind, ("created", "removed", "failed"))]
    wrong += [words for kind in KINDS for words in _pull(kind, ("created", "updated", "removed", "failed"))]
    if OutboxEntry.objects.count() != entries:
        wrong.append("the pulls marked something stale")
    return wrong


def _pull(kind: str, counts: tuple[str, ...]) -> list[str]:
    run, _ = runs.open_run(kind, full=True)
    claimed = runs.claim(run.pk, worker=this_process())
    assert claimed is not None
    carry_out(claimed)
    run = SyncRun.objects.get(pk=run.pk)
    changed = {name: getattr(run, name) for name in counts if getattr(run, name)}
    if not changed and run.status == SyncRun.Status.SUCCEEDED:
        return []
    return [f"the pull of {kind} ended {run.status} with {changed} {run.errors[:3]}"]
