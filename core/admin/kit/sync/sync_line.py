"""The line above a detail page with the object's sync state: in step, waiting to be sent, or refused, and the
reason."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Model
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from core.admin.kit import cells
from core.admin.kit.dialogs.dialog import url_of
from core.admin.kit.sync.last_synced import last_synced
from core.admin.kit.sync.retry import may_retry
from core.admin.kit.sync.sending import UnsentRows, in_words, unsent_rows_of
from core.admin.kit.sync.thinkific_errors import in_one_line
from core.models import Enrollment, GroupAssignment, OutboxEntry, Product, Team, ThinkificGroup, User
from core.permissions import scope
from core.pills import pill
from core.wording import listed

Status = OutboxEntry.Status


@dataclass(frozen=True)
class SyncLine:
    pill: SafeString
    text: str | SafeString
    synced: SafeString | None
    retry_url: str = ""
    entry_url: str = ""
    waits: bool = False  # True: the page polls more often


@dataclass(frozen=True)
class UnsentChanges:
    """The unsent change of an object, and the counts of unsent rows that belong to it. Of a person also the
    kinds of records that are not read from Thinkific yet."""

    entry: OutboxEntry | None
    rows: list[UnsentRows]
    unread: tuple[str, ...] = ()

    @property
    def facts(self) -> tuple[Any, ...]:
        """Returns the values that the line shows, to find out whether it has changed."""
        entry = self.entry
        return entry and (entry.pk, entry.status, entry.reason, entry.error), *self.rows, *self.unread


def unsent_of(obj: Model) -> OutboxEntry | None:
    """Returns an object's unsent change, a failed one before a waiting one; None when there is none."""
    entries = OutboxEntry.objects.unsent().filter(entity=obj._meta.model_name, object_id=obj.pk)
    return max(entries, key=lambda entry: (entry.status == Status.FAILED, entry.pk), default=None)


def unsent_changes_of(obj: Any, viewer: User) -> UnsentChanges:
    return UnsentChanges(unsent_of(obj), unsent_rows_of(obj, viewer), _unread(obj))


def _unread(obj: Any) -> tuple[str, ...]:
    """Returns which records of a person who came back are not read yet, in words."""
    if not isinstance(obj, User) or obj.removed_at is not None:
        return ()
    return tuple(row.get_kind_display() for row in obj.unread_records.order_by("pk"))


def sync_line(obj: Any, viewer: User, unsent: UnsentChanges | None = None) -> SyncLine:
    """Returns the line for the object and the rows that belong to it and that the viewer may see."""
    synced = cells.moment(last_synced(obj), empty="never")
    unsent = unsent or unsent_changes_of(obj, viewer)
    entry, rows = unsent.entry, unsent.rows
    if isinstance(obj, ThinkificGroup):
        return _group(obj, entry, rows, viewer, synced)
    if entry is not None or rows:
        return _unsent(obj, entry, rows, viewer, synced)
    if unsent.unread:
        text = (
            f"{capfirst(listed(list(unsent.unread)))} of before are still missing here. They are read from "
            "Thinkific in the background, most often within minutes; until then seats do not count them."
        )
        return SyncLine(pill("Waiting for a sync"), text, synced, waits=True)
    return _without_unsent(obj, synced)


def _without_unsent(obj: Any, synced: SafeString | None) -> SyncLine:
    """Returns the line of an object without unsent changes."""
    if obj.removed_at is not None:
        return SyncLine(pill("Removed"), "Thinkific no longer has this.", synced)
    if obj.thinkific_id is None and not _has_no_number(obj):
        text = "This exists in the dashboard only; nothing waits to be sent."
        return SyncLine(pill("Not in Thinkific"), text, synced)
    return SyncLine(pill("In step"), "Nothing waits to be sent to Thinkific.", synced)


def _has_no_number(obj: Any) -> bool:
    """Whether the object is in Thinkific although `thinkific_id` is empty: a bundle's enrollment has none,
    and a course that is known only from an enrollment has only its `productable_id`."""
    if isinstance(obj, Product):
        return obj.source == Product.Source.ENROLLMENT
    return isinstance(obj, Enrollment) and obj.product.is_bundle


def follows(obj: Model, viewer: User, said: str) -> SafeString:
    """Returns the message after a change, for pages without a sync line."""
    entry = unsent_of(obj)
    if entry is None:
        return format_html("{}", said)
    if not _sees_entries(viewer):
        return format_html("{} The change is sent to Thinkific in the background.", said)
    return format_html(
        "{} The change is sent to Thinkific in the background; "
        '<a class="underline" href="{}">see its state</a>.',
        said,
        cells.detail_url(entry),
    )


def _unsent(
    obj: Any, entry: OutboxEntry | None, rows: list[UnsentRows], viewer: User, synced: SafeString | None
) -> SyncLine:
    refused = (entry is not None and entry.status == Status.FAILED) or any(one.failed for one in rows)
    said = [*([_own_words(entry)] if entry is not None else []), *([in_words(rows)] if rows else [])]
    tabs = format_html_join(
        "", ' <a class="cell-link" href="?tab={}">See {}</a>.', ((one.tab, one.many) for one in rows)
    )
    if isinstance(obj, ThinkificGroup) and rows:
        tabs = format_html(' <a class="cell-link" href="?tab={}">See for whom</a>.', "users")
    return SyncLine(
        pill("Refused" if refused else "Waiting to be sent"),
        format_html("{}{}", format_html_join(" ", "{}", ((words,) for words in said)), tabs),
        synced,
        retry_url=_retry_url(obj, entry, rows) if refused and may_retry(viewer) else "",
        entry_url=cells.detail_url(entry) if entry is not None and _sees_entries(viewer) else "",
        waits=(entry is not None and entry.status != Status.FAILED) or any(one.waiting for one in rows),
    )


def _own_words(entry: OutboxEntry) -> SafeString:
    reason = capfirst(entry.reason)
    if entry.status == Status.FAILED:
        return format_html("{}. Thinkific says: {}", reason, in_one_line(entry.error) or "nothing")
    text = format_html("{}, since {}.", reason, cells.moment(entry.created_at))
    return format_html("{} Last answer: {}", text, in_one_line(entry.error)) if entry.error else text


def _retry_url(obj: Any, entry: OutboxEntry | None, rows: list[UnsentRows]) -> str:
    if any(one.failed for one in rows) and not isinstance(obj, ThinkificGroup):
        return url_of(obj._meta, "retry-refused", obj.pk)
    if entry is not None and entry.status == Status.FAILED:
        return url_of(entry._meta, "retry", entry.pk)
    return ""


def _group(
    group: Any, entry: OutboxEntry | None, rows: list[UnsentRows], viewer: User, synced: SafeString | None
) -> SyncLine:
    """Returns the line of a group. It is in step when its members and its assignments are."""
    if entry is not None:
        return _unsent(group, entry, rows, viewer, synced)
    if group.removed_at is not None:
        return _without_unsent(group, synced)
    errors = GroupAssignment.objects.filter(group=group, team__in=Team.objects.visible_to(viewer))
    if wrong := errors.exclude(last_error="").first():
        return SyncLine(pill("Failed"), f"For {wrong.team}: {wrong.last_error}", synced)
    if rows:
        return _unsent(group, None, rows, viewer, synced)
    if getattr(group, "is_pending", False):
        text = "It has changed since its last sync, or was never synced."
        return SyncLine(pill("Waiting for a sync"), text, synced)
    return _without_unsent(group, synced)


def _sees_entries(viewer: User) -> bool:
    return scope.holds_for_the_site(viewer, "core.view_outboxentry")
