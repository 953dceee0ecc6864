"""Pulls groups and their members, and adds members to the teams that pull from their groups."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from django.db.models import QuerySet
from msgspec import UNSET, UnsetType

from core.models import GroupMembership, Role, SiteSettings, Team, ThinkificGroup
from core.services.automatic_memberships import join_teams
from core.services.mirror.groups import (
    TeamTarget,
    apply_groups,
    apply_members,
    leave_teams,
    note_assignments_synced,
    note_not_read,
    pulling_targets,
    remove_members,
)
from core.services.mirror.outcome import Applied
from core.services.mirror.table import mark_removed
from integrations import effects
from integrations.thinkific.cleaning import Notes
from integrations.thinkific.client import schemas
from integrations.thinkific.client.decoding import BadRow
from integrations.thinkific.client.errors import (
    CredentialsRefused,
    Interrupted,
    NotConfigured,
    NotFound,
    ThinkificError,
)
from integrations.thinkific.mapping import group_row
from integrations.thinkific.pull.people import apply_or_postpone, primary_keys, store_postponed
from integrations.thinkific.runs.context import RunContext
from integrations.thinkific.runs.deletion_guard import is_suddenly_empty, mark_missing
from integrations.thinkific.runs.list_walk import Pulled, note_incomplete, top_of, walk
from integrations.thinkific.runs.pages import RawPage, decode_row
from integrations.thinkific.runs.state import Place

INCOMPLETE = "Thinkific's list of the members was not complete. The next sync of the groups reads it again."


class MembersPlace(Place):
    members_of: int = 0  # the last group (primary key) whose members are done
    members_top: int | UnsetType = UNSET
    unread: list[int] = []  # groups (primary keys) whose lists of members were not complete


def pull_groups(context: RunContext) -> None:
    """Pull all groups, then the members of each, or with the option `group_id` (a primary key) one group and
    its members. With the option `mappings` (Import Users from Groups), the members of each group in it also
    join the team given with the group."""
    try:
        _pull(context)
    except ThinkificError as error:
        if not (context.dry_run or isinstance(error, Interrupted)):
            note_not_read(_unread(context), _what_helps(error))
        raise


def _unread(context: RunContext) -> QuerySet[ThinkificGroup]:
    """Returns the groups of this run whose members are not read yet."""
    groups = ThinkificGroup.objects.filter(thinkific_id__isnull=False, removed_at__isnull=True)
    if "group_id" in context.run.options:
        return groups.filter(pk=context.run.options["group_id"])
    return groups.filter(pk__gt=context.place(MembersPlace).members_of)


def _what_helps(error: ThinkificError) -> str:
    if isinstance(error, CredentialsRefused | NotConfigured):
        return f"{error} An administrator can correct this in Settings."
    return f"{str(error).rstrip('.')}. The next sync of the groups tries again."


def _pull(context: RunContext) -> None:
    if "group_id" in context.run.options:
        _pull_one(context, ThinkificGroup.objects.get(pk=context.run.options["group_id"]))
        return
    stored = ThinkificGroup.objects.filter(thinkific_id__isnull=False, removed_at__isnull=True)
    handler = Pulled(context, "groups", partial(_apply_pages, context))
    walked = walk("/groups", handler, stored=ThinkificGroup.objects.all())
    remove = partial(mark_removed, ThinkificGroup)
    mark_missing(context, "groups", stored, remove, walked=walked, what="groups")
    _pull_members_of(context, stored)


def _pull_one(context: RunContext, group: ThinkificGroup) -> None:
    if context.place(MembersPlace).members_top is UNSET:
        found = _find(context, group)
        if found is None and group.thinkific_id is None:
            return context.note(str(group), "This group is not in Thinkific yet.")

        def write() -> None:
            context.run.fetched = context.run.pages_done = 1
            if found is None:
                context.run.removed += mark_removed(
                    ThinkificGroup, [group.pk], source=context.source, now=context.now
                )
                return
            notes = Notes()
            applied = apply_groups([group_row(found, notes)], source=context.source)
            applied.issues += notes.issues
            context.count(applied)

        context.store(write)
        if found is None:
            return None
        if not ThinkificGroup.objects.filter(pk=group.pk, thinkific_id=found.id).exists():
            return context.note(str(group), "Another group here stands for Thinkific's group of this name.")
    _pull_members_of(context, ThinkificGroup.objects.filter(pk=group.pk))
    return None


def _find(context: RunContext, group: ThinkificGroup) -> schemas.Group | None:
    """Returns the group as Thinkific has it: by its name, when it was made here and was not linked yet."""
    rest = context.client.rest
    if group.thinkific_id is None:
        return rest.find_group_by_name(group.name)
    try:
        return rest.get_group(group.thinkific_id)
    except NotFound:
        return None


def _pull_members_of(context: RunContext, groups: QuerySet[ThinkificGroup]) -> None:
    """Pull the members of these groups, one group after the other. Those who did not come are marked as
    removed."""
    place = context.place(MembersPlace)
    todo = groups.filter(pk__gt=place.members_of).order_by("pk")
    context.run.pages_total = context.run.pages_done + todo.count()
    if place.members_top is UNSET:
        place.members_top = top_of(GroupMembership.objects.all())
    with context.lists.ahead(_member_lists(context, todo)):
        for group in todo:
            _pull_members(context, group)
    mark_missing(
        context,
        "members",
        GroupMembership.objects.filter(
            removed_at__isnull=True, push_state=GroupMembership.PushState.CLEAN, group__in=groups
        ).exclude(group__in=place.unread),
        lambda pks, **_: _remove_members(context, pks) * 0,  # the run counts groups
        top=place.members_top,
        what="group members",
    )


def _member_lists(
    context: RunContext, todo: QuerySet[ThinkificGroup]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields path and filters of the lists that are to be read from their first page."""
    for number in todo.values_list("thinkific_id", flat=True):
        if _name(number) not in context.cursor:
            yield "/users", {"group_id": number}


def _name(number: int | None) -> str:
    return f"members {number}"


def _apply_pages(context: RunContext, pages: list[RawPage]) -> Applied:
    notes, rows, failed = Notes(), [], Applied()
    for row in (row for page in pages for row in page.items):
        group = decode_row(row, schemas.Group)
        if isinstance(group, BadRow):
            known = ThinkificGroup.objects.filter(thinkific_id=row.id).values_list("pk", flat=True).first()
            failed.fail(f"Group {row.id}", group.message, pk=known, number=row.id)
        else:
            rows.append(group_row(group, notes))
    applied = apply_groups(rows, source=context.source)
    applied.issues += notes.issues
    applied += failed
    return applied


def _pull_members(context: RunContext, group: ThinkificGroup) -> None:
    name = _name(group.thinkific_id)
    targets = _mapped(context, group) + pulling_targets(group)  # the choices of this run come first

    def apply(pages: list[RawPage]) -> Applied:
        return _apply_members(context, pages, group, targets)

    walked = walk(
        "/users",
        Pulled(context, name, apply, counted=False),
        stored=GroupMembership.objects.all(),
        filters={"group_id": group.thinkific_id},
    )

    def add_members(applied: Applied, numbers: list[int]) -> None:
        context.count(Applied(conflicts=applied.conflicts))
        _note_members(context, group, targets, applied, numbers)

    store_postponed(context, add_members)
    known = GroupMembership.objects.filter(group=group, removed_at__isnull=True)
    unread = not walked.complete or is_suddenly_empty(context, str(group), walked, known)

    def finish() -> None:
        place = context.place(MembersPlace)
        if unread:
            place.unread.append(group.pk)
            note_not_read(ThinkificGroup.objects.filter(pk=group.pk), INCOMPLETE)
        else:
            note_assignments_synced(group, now=context.now)
        if not walked.complete:
            note_incomplete(context, f"members of {group}", walked)
        context.state.drop(name)
        place.members_of = group.pk
        context.run.pages_done += 1
        context.forget(name)

    context.store(finish)


def _apply_members(
    context: RunContext, pages: list[RawPage], group: ThinkificGroup, targets: list[TeamTarget]
) -> Applied:
    applied = apply_or_postpone(context, pages)
    numbers = [row.id for page in pages for row in page.items]
    made, met = _note_members(context, group, targets, applied, numbers)
    return Applied(created=len(made), met=met, made=made, lost=applied.lost, conflicts=applied.conflicts)


def _note_members(
    context: RunContext,
    group: ThinkificGroup,
    targets: list[TeamTarget],
    applied: Applied,
    numbers: list[int],
) -> tuple[list[int], list[int]]:
    """Store the memberships of people in the group's list. `numbers` are their Thinkific ids and `applied` is
    the outcome of storing the people. Returns the primary keys of new and of existing memberships."""
    for issue in applied.issues:
        context.note(f"{group}, {issue.object}", issue.message)
    pks = primary_keys(numbers)
    users = [pks[number] for number in numbers if number in pks]
    met, made = apply_members(group, users, now=context.now)
    _join(context, users, targets)
    context.seen("members").add(met)
    for effect, count in (
        ("members", len(made)),
        ("accounts", applied.created),
        ("accounts_changed", applied.updated),
    ):
        effects.add(context.cursor, effect, count)
    return made, met


def _join(context: RunContext, users: list[int], targets: list[TeamTarget]) -> None:
    """Add the users to the target teams, and count for each team who joined. Teams in the option `mappings`
    are counted even when nobody joined."""
    asked = {row["team_id"] for row in context.run.options.get("mappings", [])}
    names = dict(Team.objects.filter(pk__in=[t.team_id for t in targets]).values_list("pk", "name"))
    for target in targets:
        joined = join_teams(
            users, [target], source=context.source, now=context.now, by=context.run.started_by
        )
        if joined or target.team_id in asked:
            effects.add_joined(context.cursor, target.team_id, names[target.team_id], joined)


def _mapped(context: RunContext, group: ThinkificGroup) -> list[TeamTarget]:
    rows = [row for row in context.run.options.get("mappings", []) if row["group_id"] == group.pk]
    teams = set(Team.objects.filter(pk__in=[row["team_id"] for row in rows]).values_list("pk", flat=True))
    student = Role.objects.get(code="student").pk
    return [
        TeamTarget(row["team_id"], row.get("role_id") or student) for row in rows if row["team_id"] in teams
    ]


def _remove_members(context: RunContext, pks: list[int]) -> int:
    """Mark memberships as removed that complete lists no longer have. If the setting says so, these people
    also leave the teams. Returns how many were marked."""
    lost: dict[int, dict[int, int]] = {}
    for pk, group, user in GroupMembership.objects.filter(pk__in=pks).values_list("pk", "group", "user"):
        lost.setdefault(group, {})[pk] = user
    count, leave = 0, SiteSettings.load().mirror_group_removals
    for found in ThinkificGroup.objects.filter(pk__in=lost):
        count += remove_members(found, lost[found.pk], now=context.now)
        if leave:
            effects.add(context.cursor, "left_teams", leave_teams(found, lost[found.pk].values()))
    effects.add(context.cursor, "members_gone", count)
    return count
