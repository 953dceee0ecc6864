"""Checks that both sides are equal after a kill storm, by reading everything from Thinkific."""

from collections import Counter
from typing import Any

from django.apps import apps
from django.db.models import Q
from django.utils import timezone

from benchmarks.storm import pulls
from core.models import (
    BundleItem,
    Enrollment,
    GroupMembership,
    OutboxEntry,
    SiteSettings,
    ThinkificGroup,
    User,
)
from core.services.enrollments.grants import access_until
from integrations.thinkific.client import schemas
from integrations.thinkific.client.client import ThinkificClient
from integrations.thinkific.client.credentials import Credentials
from integrations.thinkific.push.people import body_of

SHOWN = 20
Status = OutboxEntry.Status


def compare() -> dict[str, Any]:
    """Returns counts, and sentences about what is wrong."""
    client = ThinkificClient(Credentials.from_settings())
    users = {user.id: user for user in client.rest.list_all("/users", schemas.User)}
    rows = list(client.rest.list_all("/enrollments", schemas.Enrollment))
    groups = {group.id: group for group in client.rest.list_all("/groups", schemas.Group)}
    wrong = [
        *_entries(),
        *_people(users),
        *_enrollments(rows),
        *_bundles(rows),
        *_groups(groups, client),
        *pulls.differences(may_join=False),
    ]
    states = Counter(OutboxEntry.objects.order_by().values_list("status", flat=True))
    return {
        "users": len(users),
        "enrollments": len(rows),
        "groups": len(groups),
        "entries": dict(states),
        "wrong": wrong[:SHOWN],
    }


def _entries() -> list[str]:
    """Check that each change was sent. A discarded entry must have a later entry of the same object, or be
    about an object that was deleted here."""
    wrong = [f"{entry} is {entry.status}: {entry.error}" for entry in OutboxEntry.objects.unsent()]
    last: dict[tuple[str, int], OutboxEntry] = {}
    for entry in OutboxEntry.objects.order_by("pk"):
        last[entry.entity, entry.object_id] = entry
    given_up = [entry for entry in last.values() if entry.status == Status.DISCARDED]
    wrong += [f"{entry} was lost" for entry in given_up if _is_here(entry)]
    for rows in (Enrollment.objects.all(), GroupMembership.objects.all()):
        wrong += [f"{row} is called {row.push_state}" for row in rows.exclude(push_state="clean")]
    return wrong


def _is_here(entry: OutboxEntry) -> bool:
    model = apps.get_model("core", entry.entity)
    return bool(model._default_manager.filter(pk=entry.object_id).exists())


def _people(users: dict[int, schemas.User]) -> list[str]:
    wrong, settings = [], SiteSettings.load()
    here = {user.thinkific_id: user for user in User.objects.filter(removed_at__isnull=True)}
    never_asked = Q(owned_teams__isnull=False) | Q(is_superuser=True)
    for user in User.objects.filter(thinkific_id__isnull=True).exclude(never_asked):
        wrong.append(f"{user.email} has no account")
    wrong += [f"user {users[number].email} is not here" for number in set(users) - set(here)]
    for number, user in here.items():
        remote = users.get(number or 0)
        if number is None or remote is None:
            wrong += [f"{user.email} is gone there"] if number else []
            continue
        ours = body_of(user, settings)
        for name in User.SHARED:
            theirs = getattr(remote, name) or ""
            if name == "email":
                theirs = theirs.lower()
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
            continue
        for name in ("activated_at", "expiry_date"):
            ours, theirs = getattr(enrollment, name), getattr(remote, name)
            if _whole(ours) != _whole(theirs):
                wrong.append(f"{enrollment} (number {number}): {name} is {ours} here, {theirs} there")
    return wrong


def _bundles(rows: list[schemas.Enrollment]) -> list[str]:
    """Check that each course of a granted bundle is open, until the latest end of all that gives access."""
    wrong = []
    ends = {(row.user_id, row.course_id): row.expiry_date for row in rows}
    bundles = Enrollment.objects.filter(product__productable_type="Bundle", granted=True)
    for bundle in bundles.giving_access().select_related("user", "product"):
        for item in BundleItem.objects.filter(bundle=bundle.product).select_related("course"):
            pair = (bundle.user.thinkific_id, item.course.productable_id)
            course = Enrollment.objects.filter(user=bundle.user, product=item.course).first()
            if pair not in ends or course is None:
                wrong.append(f"{bundle} lacks {item.course}")
            elif _whole(ends[pair]) != _whole(access_until(course)):
                wrong.append(f"{course} ends {ends[pair]} there; {access_until(course)} was given here")
    return wrong


def _whole(moment: Any) -> Any:
    return moment and moment.replace(microsecond=0)


def _groups(groups: dict[int, schemas.Group], client: ThinkificClient) -> list[str]:
    names = Counter(group.name for group in groups.values())
    wrong = [f"{count} groups called {name}" for name, count in names.items() if count > 1]
    here = ThinkificGroup.objects.filter(removed_at__isnull=True)
    known = set(here.values_list("thinkific_id", flat=True))
    wrong += [f"the group {group.name} is not here" for group in groups.values() if group.id not in known]
    for group in here:
        if group.thinkific_id not in groups:
            wrong.append(f"the group {group} is not there")
            continue
        listed = client.rest.list_all("/users", schemas.User, {"group_id": group.thinkific_id})
        there = {user.id for user in listed}
        members = GroupMembership.objects.filter(group=group, removed_at__isnull=True)
        ours = set(members.values_list("user__thinkific_id", flat=True))
        if there != ours:
            wrong.append(
                f"{group}: {sorted(ours - there, key=str)} only here, {sorted(there - ours)} only there"
            )
    return wrong
