"""The tab Links of a team: its sign-up links, and the dialogs about them."""

from datetime import date, datetime, timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextInputWidget

from core import acting, moments
from core.admin.kit import cells
from core.admin.kit.dialogs.dialog import Dialog, Done, RowDialog
from core.admin.kit.dialogs.fields import day_input
from core.admin.kit.lists.columns import column
from core.admin.kit.tabs import Tab
from core.admin.users.dialogs.fields import role_field, student_role
from core.models import SignUpLink, Team, User
from core.models.sign_up import LABEL_LENGTH, MOST_USES
from core.permissions import scope
from core.pills import pill
from core.services.teams import sign_up_links
from core.services.teams.sign_up_links import BadEnd

USUAL_USES, USUAL_DAYS = 25, 30
STATES = {
    sign_up_links.OPEN: ("Works", ""),
    sign_up_links.FULL: ("Used up", "As many people joined as the link allows. Make another link for more."),
    sign_up_links.EXPIRED: ("Expired", "The last day of the link is over."),
    sign_up_links.REVOKED: ("Revoked", ""),
    sign_up_links.CLOSED: ("Switched off", sign_up_links.SWITCHED_OFF),
    sign_up_links.OFF: (
        "Does not work",
        "The team is archived, or whoever made the link may not give its role any more.",
    ),
}


def links_of(team: Team, viewer: User) -> QuerySet[SignUpLink]:
    rows = SignUpLink.objects.visible_to(viewer).filter(team=team)
    # Prefetched, so that links of one person share that person, whose rights are then read once.
    return rows.select_related("team", "role").prefetch_related("made_by__global_role").order_by("-id")


def _address(link: SignUpLink) -> SafeString:
    """Returns the link's note, its address and a button to copy it; no address where the link is over, and
    none while somebody acts as the viewer: whoever has it can join."""
    label = cells.text(link.label or f"Link for {link.role}")
    if sign_up_links.state(link) != sign_up_links.OPEN:
        return label
    if acting.current():
        hidden = "The address is hidden while you act as somebody else."
        return format_html(
            '<span class="cell-two">{}<span class="cell-second">{}</span></span>', label, hidden
        )
    url = f"{settings.SITE_URL}{sign_up_links.address_of(link)}"
    return format_html(
        '<span class="cell-two">{}<span class="cell-copy"><input type="text" readonly value="{}" '
        'aria-label="Address of the link"><button type="button" class="d-button" data-copy="{}">Copy</button>'
        "</span></span>",
        label,
        url,
        url,
    )


def _state(link: SignUpLink) -> SafeString:
    """Returns the pill of the link's own state, and one that all are switched off if they are."""
    own, now = sign_up_links.own_state(link), sign_up_links.state(link)
    shown = [now] if own in (now, sign_up_links.OPEN) else [own, now]
    pills = (pill(label, title=why) for label, why in (STATES[one] for one in shown))
    return format_html_join(" ", "{}", ((one,) for one in pills))


def _why_off(viewer: User) -> str:
    """Returns why the viewer is offered no new links; empty while sign-up links are switched on."""
    if sign_up_links.registration_is_on():
        return ""
    if not scope.holds_for_the_site(viewer, "core.change_sitesettings"):
        return "An administrator has switched sign-up links off, so nobody can join by one."
    return format_html(
        '{} <a class="underline" href="{}?tab=people">Switch them on</a>',
        sign_up_links.SWITCHED_OFF,
        reverse("admin:core_sitesettings_change", args=[1]),
    )


LINKS_TAB = Tab(
    "links",
    "Links",
    links_of,
    [
        column("Link", _address, sort="label"),
        column("Status", _state),
        column("Used", lambda link: f"{link.used_count:,} of {link.max_uses:,}", sort="used_count"),
        column("Role", "role.name", sort="role__name"),
        column("Works until", "expires_at", cells.moment, sort=True, ahead=True),
        column("Made by", lambda link: cells.done_by(link, "made_by"), sort="made_by__name"),
    ],
    "This team has no sign-up links. By such a link people enter their name and e-mail address themselves, "
    "and join after they have answered a mail.",
    note=lambda team, viewer: _why_off(viewer),
    may_see=lambda team, viewer: sign_up_links.may_make(viewer, team),
)


class LinkDialog(Dialog):
    tab = "links"

    @classmethod
    def may(cls, viewer: User, obj: Team | None) -> bool:
        if obj is None:
            return all(scope.holds(viewer, code) for code in sign_up_links.NEEDED)
        return sign_up_links.may_make(viewer, obj)


class AddLink(LinkDialog):
    slug, label, icon = "add-link", "Add Sign-up Link", "add_link"
    refused_at = {BadEnd: "last_day"}
    offered_when_blocked = False
    question = (
        "Anybody who has the link can ask to join. They enter their name and e-mail address, and join after "
        "they have answered a mail."
    )
    note = forms.CharField(
        label="Note",
        max_length=LABEL_LENGTH,
        required=False,
        widget=UnfoldAdminTextInputWidget(),
        help_text="For you: where you use the link.",
    )
    max_uses = forms.IntegerField(
        label="How many people",
        min_value=1,
        max_value=MOST_USES,
        widget=UnfoldAdminIntegerFieldWidget(),
        help_text="The team's own limit counts too.",
        error_messages={"required": "Enter how many people can join by the link."},
    )
    role = role_field()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        latest = timezone.localdate() + sign_up_links.LONGEST - timedelta(days=1)
        self.fields["last_day"] = forms.DateField(
            label="Last day",
            widget=day_input(latest=latest),
            error_messages={"required": "Choose the last day on which people can join."},
        )
        self.order_fields(["note", "max_uses", "last_day", "role"])
        self.offer("role", scope.roles_to_give(self.viewer, self.obj))
        self.suggest("role", student_role())
        self.suggest("note", "")
        self.suggest("max_uses", USUAL_USES)
        self.suggest("last_day", timezone.localdate() + timedelta(days=USUAL_DAYS))

    @classmethod
    def blocked(cls, target: Any, viewer: User) -> str:
        return _why_off(viewer)

    def clean_last_day(self) -> date:
        """Refuse the day before the viewer confirms anything."""
        try:
            sign_up_links.check_end(self._end(self.cleaned_data["last_day"]))
        except BadEnd as refusal:
            raise forms.ValidationError(str(refusal)) from None
        return self.cleaned_data["last_day"]

    def _end(self, last_day: date) -> datetime:
        end = moments.end_of(last_day)
        assert end is not None  # there is a last day
        return end

    def confirmation(self) -> str:
        role = self.cleaned_data["role"]
        if not role.permissions:
            return ""
        return f"Everybody who joins by this link becomes {role} of {self.obj}, with all rights of that role."

    def carry_out(self) -> Done:
        values = self.cleaned_data
        sign_up_links.make(
            team=self.obj,
            role=values["role"],
            max_uses=values["max_uses"],
            expires_at=self._end(values["last_day"]),
            label=values["note"],
            by=self.viewer,
        )
        return Done("The link is made. Copy it and send it to the people who shall join.")


class RevokeLink(LinkDialog, RowDialog):
    slug, label, danger = "revoke-link", "Revoke", True

    @classmethod
    def rows(cls, obj: Any, viewer: User) -> QuerySet[SignUpLink]:
        return links_of(obj, viewer).filter(revoked_at__isnull=True)

    @classmethod
    def offered_for(cls, rows: Any) -> Any:
        return sign_up_links.not_over(rows)

    @classmethod
    def row_not_needed(cls, row: SignUpLink) -> str:
        return sign_up_links.is_over(row)

    def text(self) -> str:
        return (
            f"Nobody can join {self.obj} by {self.row} any more, for good. The {self.row.used_count:,} who "
            "have joined stay. Who has not answered the mail yet cannot join by it."
        )

    def carry_out(self) -> Done:
        sign_up_links.revoke(self.row, by=self.viewer)
        return Done(f"{self.row} is revoked.")


LINK_DIALOGS = (AddLink, RevokeLink)
