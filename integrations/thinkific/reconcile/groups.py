"""Compares groups and their members."""

from collections.abc import Callable
from functools import partial

from django.db.models import QuerySet

from core.models import GroupMembership, ThinkificGroup
from core.services.mirror.groups import GROUPS, apply_groups, apply_members, remove_members
from core.services.mirror.table import Values, mark_removed
from integrations.models import Drift, DriftReport
from integrations.thinkific.cleaning import Notes
from integrations.thinkific.client import schemas
from integrations.thinkific.client.decoding import BadRow
from integrations.thinkific.client.errors import NotFound, RetryLater
from integrations.thinkific.mapping import group_row
from integrations.thinkific.pull.people import primary_keys
from integrations.thinkific.reconcile import listing, stored
from integrations.thinkific.reconcile.findings import (
    Finding,
    Look,
    Sort,
    difference,
    nothing_passed,
    sort_keys,
    sort_out,
)
from integrations.thinkific.runs.context import RunContext
from integrations.thinkific.runs.jobs import Ask, Job
from integrations.thinkific.runs.pages import RawRow, decode_row
from integrations.thinkific.runs.state import Place


def compare_groups(context: RunContext, report: DriftReport) -> str:
    return listing.compare_list(context, report, "groups", "/groups", _compare_rows)


def _compare_rows(rows: list[RawRow], passed: Callable[[int], bool]) -> Look:
    look, groups = Look(), []
    for row in rows:
        group = decode_row(row, schemas.Group)
        if isinstance(group, BadRow):
            known = ThinkificGroup.objects.filter(thinkific_id=row.id).values_list("pk", flat=True).first()
            look.fail(f"Group {row.id}", group.message, pk=known, number=row.id)
        else:
            groups.append(group)
    return look_at(groups, look, passed)


def look_at(
    groups: list[schemas.Group], look: Look | None = None, passed: Callable[[int], bool] = nothing_passed
) -> Look:
    look = look or Look()
    notes = Notes()
    rows = [group_row(group, notes) for group in groups]
    have = GROUPS.stored(thinkific_id__in=[row["thinkific_id"] for row in rows])
    names = [row["name"] for row in rows if row["thinkific_id"] not in have]
    # As in the mirror, a group created here and one of the same name in Thinkific are the same group.
    unlinked = ThinkificGroup.objects.filter(thinkific_id__isnull=True, name__in=names)
    ours = {values["name"]: (pk, values) for pk, values in _by_pk(unlinked).items()}
    pairs, links = [], {}
    for row in rows:
        found = have.get(row["thinkific_id"])
        if found is None and row["name"] in ours:
            found = ours.pop(row["name"])
            links[found[0]] = [difference("thinkific_id", None, row["thinkific_id"])]
        pairs.append((row, found))
    sort_out(GROUPS, pairs, look, passed=passed, more=links, describe=_only_there)
    return look


def _by_pk(groups: QuerySet) -> dict[int, Values]:
    rows = groups.values_list("pk", *GROUPS.fields)
    return {row[0]: dict(zip(GROUPS.fields, row[1:], strict=True)) for row in rows}


def _only_there(row: Values) -> Finding:
    return Finding(Sort.ONLY_THERE, row["name"], thinkific_id=row["thinkific_id"])


def take(context: RunContext, row: Drift, found: list[schemas.Group]) -> list[str]:
    """Store the group as Thinkific has it. Returns the problems."""
    if not found:
        mark_removed(ThinkificGroup, [row.object_id or 0], source=context.source, now=context.now)
        return []
    applied = apply_groups([group_row(group, Notes()) for group in found], source=context.source)
    return [issue.message for issue in applied.issues] if applied.failed else []


# --- members ------------------------------------------------------------------------------------------


class MembersPlace(Place, rename={"done": "members of", "unread": "groups unread"}):
    done: int = 0  # the last group (primary key) whose members are compared
    unread: list[str] = []  # names of groups whose lists were not complete


def compare_members(context: RunContext, report: DriftReport) -> str:
    """Compare the members group by group, because Thinkific does not list the groups of an account."""
    groups = ThinkificGroup.objects.filter(thinkific_id__isnull=False, removed_at__isnull=True)
    place = context.place(MembersPlace)
    todo = groups.filter(pk__gt=place.done).order_by("pk")
    coming = ((group.pk, group.thinkific_id) for group in todo)
    lists = (
        ("/users", {"group_id": number}) for pk, number in coming if f"members {pk}" not in context.cursor
    )
    with context.lists.ahead(lists):
        for group in todo:
            _compare_group(context, report, group)
    if not place.unread:
        return ""
    return (
        f"{listing.NOT_JUDGED} in these groups, whose lists were not whole: {', '.join(place.unread[:20])}."
    )


def _compare_group(context: RunContext, report: DriftReport, group: ThinkificGroup) -> None:
    name = f"members {group.pk}"
    compare = partial(_compare_members, group)
    filters = {"group_id": group.thinkific_id}
    walked = listing.walk_list(context, report, name, "/users", compare, filters=filters)
    why = listing.WHY_NOT[walked.verdict]
    expected = stored.expected(report.kind).filter(group=group)
    listing.find_only_here(context, report, name, expected, top=walked.top, unread=why)

    def done() -> None:
        place = context.place(MembersPlace)
        if why:
            place.unread.append(str(group)[:100])
        context.state.drop(name)
        place.done = group.pk

    context.store(done)


def _compare_members(group: ThinkificGroup, rows: list[RawRow], passed: Callable[[int], bool]) -> Look:
    look = Look()
    people = [decode_row(row, schemas.User) for row in rows]
    return look_at_members(group, [one for one in people if not isinstance(one, BadRow)], look, passed)


def look_at_members(
    group: ThinkificGroup,
    people: list[schemas.User],
    look: Look,
    passed: Callable[[int], bool] = nothing_passed,
) -> Look:
    users = primary_keys(person.id for person in people)
    rows = GroupMembership.objects.filter(group=group, user__in=users.values())
    memberships = {user: (pk, removed) for pk, user, removed in rows.values_list("pk", "user", "removed_at")}
    there, differences = [], {}
    for person in people:
        known = memberships.get(users.get(person.id, 0))
        if known is None:
            look.findings.append(_member_only_there(group, person, users.get(person.id)))
            look.new.add(person.id)
            continue
        there.append(known[0])
        if known[1] is not None:
            differences[known[0]] = [difference("removed_at", known[1], None)]
    look.met += there
    sort_keys("groupmembership", there, differences, look, numbers={}, passed=passed)
    return look


def _member_only_there(group: ThinkificGroup, person: schemas.User, user: int | None) -> Finding:
    pointers = {"theirs": f"{person.id} in {group.pk}", "group": group.pk, "account": person.id, "user": user}
    return Finding(Sort.ONLY_THERE, f"{person.email or person.id} in {group}", pointers=pointers)


def read_member(context: RunContext, row: Drift) -> Job[list[schemas.User]]:
    """Returns the person if they are in the group now; otherwise empty."""
    membership = GroupMembership.objects.filter(pk=row.object_id or 0).select_related("group", "user").first()
    account = membership.user.thinkific_id if membership else row.pointers.get("account")
    group = group_of(row)
    if account is None or group is None or group.thinkific_id is None:
        return []
    try:
        [person] = yield [Ask(partial(context.client.rest.get_user, account))]
    except NotFound:
        return []
    ask = partial(context.client.rest.users_page, email=person.email, group_id=group.thinkific_id)
    [page] = yield [Ask(ask)]
    found = [one for one in page.items if one.id == account]
    if not found and not (page.is_last and page.total_items == page.fetched):
        raise RetryLater(f"Thinkific's list of the members of {group} does not say who is missing in it.")
    return found


def group_of(row: Drift) -> ThinkificGroup | None:
    if row.object_id is not None:
        return ThinkificGroup.objects.filter(memberships=row.object_id).first()
    return ThinkificGroup.objects.filter(pk=row.pointers.get("group")).first()


def take_member(context: RunContext, row: Drift, found: list[schemas.User]) -> list[str]:
    """Store the membership as Thinkific has it. Returns the problems."""
    group = group_of(row)
    if group is None:
        return ["The group is no longer here."]
    if not found:
        remove_members(group, [row.object_id or 0], now=context.now)
        return []
    users = primary_keys(person.id for person in found)
    if not users:
        return ["This person is not here yet. Repair the users first: take Thinkific's there."]
    apply_members(group, users.values(), now=context.now)
    return []
