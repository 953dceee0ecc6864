"""Pulling groups and their members, and bringing members into the teams that pull from them."""

from core.models import GroupMembership, SiteSettings, ThinkificGroup, User
from core.services.mirror.groups import (
    TeamTarget,
    apply_groups,
    apply_members,
    join_teams,
    leave_teams,
    note_assignments_synced,
    pulling_targets,
    remove_members,
)
from core.services.mirror.outcome import Applied
from core.services.mirror.table import mark_removed
from integrations.thinkific import schemas
from integrations.thinkific.decoding import BadRow
from integrations.thinkific.mapping import Notes, group_row
from integrations.thinkific.sync.pages import RawPage, decode_row
from integrations.thinkific.sync.people import apply_pages, primary_keys
from integrations.thinkific.sync.pull import Pull
from integrations.thinkific.sync.walks import mark_missing, not_judged, walk


def pull_groups(pull: Pull) -> None:
    """All groups, then each one's members. With the option `mappings` (Import Users from Groups) the members
    of the groups named there also join the teams named with them."""
    stored = ThinkificGroup.objects.filter(thinkific_id__isnull=False, removed_at__isnull=True)
    walked = walk(
        pull,
        "groups",
        "/groups",
        lambda pages: _apply_pages(pull, pages),
        stored=ThinkificGroup.objects.all(),
    )
    if walked.complete:
        mark_missing(
            pull,
            "groups",
            stored,
            lambda pks: mark_removed(ThinkificGroup, pks, source=pull.source, now=pull.now),
            what="groups",
        )
    else:
        not_judged(pull, "groups", walked, len(pull.seen("groups")) + pull.cursor["groups"]["new"])
    todo = stored.filter(pk__gt=pull.cursor.get("members_of", 0)).order_by("pk")
    pull.run.pages_total = pull.run.pages_done + todo.count()
    for group in todo:
        _pull_members(pull, group)


def _apply_pages(pull: Pull, pages: list[RawPage]) -> Applied:
    notes, rows, failed = Notes(), [], Applied()
    for row in (row for page in pages for row in page.rows):
        group = decode_row(row, schemas.Group)
        if isinstance(group, BadRow):
            failed.fail(f"Group {row.id}", group.message)
            failed.met += ThinkificGroup.objects.filter(thinkific_id=row.id).values_list("pk", flat=True)
        else:
            rows.append(group_row(group, notes))
    applied = apply_groups(rows, source=pull.source)
    applied.issues += notes.issues
    applied += failed
    return applied


def _pull_members(pull: Pull, group: ThinkificGroup) -> None:
    name = f"members {group.thinkific_id}"
    targets = pulling_targets(group) + _mapped(pull, group)
    walked = walk(
        pull,
        name,
        "/users",
        lambda pages: _apply_members(pull, pages, group, targets),
        stored=GroupMembership.objects.all(),
        filters={"group_id": group.thinkific_id},
        counted=False,
    )

    def finish() -> None:
        if walked.complete:
            _end_lost(pull, group, name, pull.cursor[name]["top"])
        else:
            known = GroupMembership.objects.filter(group=group, removed_at__isnull=True).count()
            pull.partial = True
            pull.note(str(group), f"Thinkific says {walked.total} members, {known} are known here.")
        del pull.cursor[name]
        note_assignments_synced(group, now=pull.now)
        pull.cursor["members_of"] = group.pk
        pull.run.pages_done += 1
        pull.seen(name).clear()

    pull.store(finish)


def _apply_members(
    pull: Pull, pages: list[RawPage], group: ThinkificGroup, targets: list[TeamTarget]
) -> Applied:
    applied = apply_pages(pages, source=pull.source, now=pull.now)
    pks = primary_keys(row.id for page in pages for row in page.rows)
    for issue in applied.issues:
        pull.note(f"{group}, {issue.object}", issue.message)
    users = [pks[row.id] for page in pages for row in page.rows if row.id in pks]
    met = apply_members(group, users, now=pull.now)
    join_teams(users, targets, source=pull.source, now=pull.now)
    return Applied(created=len(set(users)) - len(met), met=met, failed=applied.failed)


def _mapped(pull: Pull, group: ThinkificGroup) -> list[TeamTarget]:
    rows = pull.run.options.get("mappings", [])
    return [TeamTarget(row["team_id"], row["role_id"]) for row in rows if row["group_id"] == group.pk]


def _end_lost(pull: Pull, group: ThinkificGroup, name: str, top: int) -> None:
    """Members that a complete listing no longer has."""
    seen = pull.seen(name)
    known = GroupMembership.objects.filter(
        group=group, removed_at__isnull=True, push_state="clean", pk__lte=top
    )
    gone = {pk: user for pk, user in known.values_list("pk", "user") if pk not in seen}
    if not gone:
        return
    remove_members(group, gone, now=pull.now)
    if SiteSettings.load().mirror_group_removals:
        leave_teams(group, User.objects.filter(pk__in=gone.values()).values_list("pk", flat=True))
