"""The comparison of both people on the page of a conflict about a protected account."""

from django.db.models import Q
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from core.admin.kit import cells
from core.models import Membership, User
from core.services import identity
from core.wording import first_of
from integrations.admin.identity_dialogs import account_of, who_gains_what
from integrations.models import SyncConflict
from integrations.thinkific.identity_facts import ENROLLMENTS

SHOWN = 12  # the most teams that are named
NOT_TOLD = "Not sent by Thinkific"


def both_people(conflict: SyncConflict) -> SafeString:
    """Returns a table that helps to decide whether the two are one person."""
    user = account_of(conflict)
    rows = [(label, _ours(user, label), theirs) for label, theirs in _theirs(conflict)]
    body = format_html_join("", '<tr><th scope="row">{}</th><td>{}</td><td>{}</td></tr>', rows)
    return format_html(
        '<p class="dialog-text">{}</p><table class="d-table" data-testid="both-people"><thead><tr><th></th>'
        '<th scope="col">In the dashboard</th><th scope="col">In Thinkific</th></tr></thead>'
        "<tbody>{}</tbody></table>",
        who_gains_what(conflict),
        body,
    )


def _theirs(conflict: SyncConflict) -> list[tuple[str, SafeString]]:
    created = parse_datetime(str(conflict.fact("created_at") or ""))
    roles = ", ".join(map(str, conflict.fact("roles") or []))
    count = conflict.fact(ENROLLMENTS)
    return [
        ("Name", cells.text(conflict.fact("name"))),
        ("E-mail", cells.text(conflict.theirs)),
        ("Thinkific ID", cells.thinkific_id(conflict.thinkific_id)),
        ("Account made", cells.moment(created, empty=NOT_TOLD)),
        ("Last sign-in", cells.moment(None, empty=NOT_TOLD)),
        ("Last activity", cells.moment(None, empty=NOT_TOLD)),
        ("Rights", cells.text(roles or "None in Thinkific")),
        ("Teams", cells.text(conflict.fact("company"))),
        ("Enrollments", cells.text("Not counted yet" if count is None else f"{count:,}")),
    ]


def _ours(user: User | None, label: str) -> SafeString:
    if user is None:
        return cells.text("Deleted here") if label == "Name" else cells.NOTHING
    values = {
        "Name": lambda: cells.link(user),
        "E-mail": lambda: cells.text(user.email),
        "Thinkific ID": lambda: cells.thinkific_id(user.thinkific_id),
        "Account made": lambda: cells.moment(user.created_at),
        "Last sign-in": lambda: cells.moment(user.last_login, empty="Has not signed in"),
        "Last activity": lambda: cells.moment(user.last_activity_at, empty="None known"),
        "Rights": lambda: cells.text(", ".join(identity.describe_rights(user)) or "None any more"),
        "Teams": lambda: _teams(user),
        "Enrollments": lambda: cells.text(f"{user.enrollments.filter(_is_there).count():,}"),
    }
    return values[label]()


_is_there = Q(removed_at__isnull=True)


def _teams(user: User) -> SafeString:
    rows = Membership.objects.filter(user=user).select_related("team", "role").order_by("team__name")
    return cells.text(first_of([f"{row.team} ({row.role})" for row in rows], SHOWN))
