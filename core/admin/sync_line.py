"""One line above a detail page: in step with Thinkific, waiting to be sent, or failed and why."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Model
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from core.admin import cells
from core.models import (
    Enrollment,
    GroupAssignment,
    GroupMembership,
    OutboxEntry,
    Product,
    Team,
    ThinkificGroup,
    User,
)
from core.services import authority, sync_state

Status = OutboxEntry.Status


@dataclass(frozen=True)
class SyncLine:
    pill: SafeString
    text: str | SafeString
    synced: SafeString | None
    retry_url: str = ""
    entry_url: str = ""


def unsent_of(obj: Model) -> OutboxEntry | None:
    """What Thinkific must still be told of an object; what failed before what waits."""
    entries = OutboxEntry.objects.unsent().filter(entity=obj._meta.model_name, object_id=obj.pk)
    return max(entries, key=lambda entry: (entry.status == Status.FAILED, entry.pk), default=None)


def sync_line(obj: Any, viewer: User) -> SyncLine:
    synced = _last_synced(obj)
    entry = unsent_of(obj)
    if entry is not None:
        return _unsent(entry, viewer, synced)
    if obj.removed_at is not None:
        return SyncLine(cells.pill("Removed", "danger"), "Thinkific no longer has this.", synced)
    if isinstance(obj, ThinkificGroup) and (line := _group(obj, viewer, synced)):
        return line
    if obj.thinkific_id is None and not (isinstance(obj, Enrollment) and obj.product.is_bundle):
        text = "This exists in the dashboard only; nothing waits to be sent."
        return SyncLine(cells.pill("Not in Thinkific", "warning"), text, synced)
    return SyncLine(cells.pill("In step", "success"), "Nothing waits to be sent to Thinkific.", synced)


def follows(obj: Model, viewer: User, said: str) -> SafeString:
    """The message after a change: what was done, and what happens next."""
    entry = unsent_of(obj)
    if entry is None:
        return format_html("{}", said)
    if not _sees_entries(viewer):
        return format_html("{} Thinkific follows within seconds.", said)
    return format_html(
        '{} Thinkific follows within seconds; <a class="underline" href="{}">see the waiting change</a>.',
        said,
        cells.detail_url(entry),
    )


def _unsent(entry: OutboxEntry, viewer: User, synced: SafeString | None) -> SyncLine:
    entry_url = cells.detail_url(entry) if _sees_entries(viewer) else ""
    if entry.status != Status.FAILED:
        pill = cells.pill("Waiting to be sent", "info")
        text = format_html("{}, since {}.", capfirst(entry.reason), cells.moment(entry.created_at))
        if entry.error:
            text = format_html("{} The last try: {}", text, entry.error)
        return SyncLine(pill, text, synced, entry_url=entry_url)
    retry_url = ""
    if entry_url and authority.holds_for_the_site(viewer, "core.change_outboxentry"):
        retry_url = reverse("admin:core_outboxentry_do", args=[entry.pk, "retry"])
    why = format_html("{}. Thinkific says: {}", capfirst(entry.reason), entry.error or "nothing")
    return SyncLine(cells.pill("Failed", "danger"), why, synced, retry_url, entry_url)


def _group(group: Any, viewer: User, synced: SafeString | None) -> SyncLine | None:
    """A group is in step when its members and its assignments are."""
    errors = GroupAssignment.objects.filter(group=group, team__in=Team.objects.visible_to(viewer))
    if wrong := errors.exclude(last_error="").first():
        return SyncLine(cells.pill("Failed", "danger"), f"For {wrong.team}: {wrong.last_error}", synced)
    rows = GroupMembership.objects.filter(group=group)
    if failed := rows.filter(push_state=GroupMembership.PushState.FAILED).count():
        text = f"{failed:,} of its members could not be sent; see Users for whom."
        return SyncLine(cells.pill("Failed", "danger"), text, synced)
    if waiting := rows.filter(push_state=GroupMembership.PushState.PENDING).count():
        text = f"{waiting:,} of its members wait to be sent."
        return SyncLine(cells.pill("Waiting to be sent", "info"), text, synced)
    if getattr(group, "is_pending", False):
        text = "It has changed, or was never read, since its last sync."
        return SyncLine(cells.pill("Waiting for a sync", "info"), text, synced)
    return None


def _last_synced(obj: Any) -> SafeString:
    if isinstance(obj, ThinkificGroup):
        return cells.moment(obj.last_synced_at, empty="never")
    if isinstance(obj, User | Product):
        return cells.moment(obj.synced_at, empty="never")
    # An enrollment keeps no time of its own: all are looked at by each pull.
    state = sync_state.states().get("enrollments")
    return cells.moment(state.last_success_at if state else None, empty="never")


def _sees_entries(viewer: User) -> bool:
    return authority.holds_for_the_site(viewer, "core.view_outboxentry")
