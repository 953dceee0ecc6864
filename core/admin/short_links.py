"""The tab Short links of a team's and of a product's page, and the dialogs about them."""

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminTextInputWidget

from core.admin.kit import cells
from core.admin.kit.dialogs.dialog import Dialog, Done, RowDialog
from core.admin.kit.lists.columns import column
from core.admin.kit.tabs import Tab
from core.models import Product, ShortLink, Team, User
from core.models.opening.short_links import NOTE_LENGTH
from core.pills import pill
from core.services.opening import opening, short_links

SLUG = "short-links"


def links_of(obj: Team | Product, viewer: User) -> QuerySet[ShortLink]:
    """Returns the links of the page's team or product."""
    name = "team" if isinstance(obj, Team) else "product"
    rows = ShortLink.objects.visible_to(viewer).filter(**{name: obj})
    return rows.select_related("team", "product", "made_by").order_by("-id")


def _address(link: ShortLink) -> SafeString:
    """Returns the link's note, its address and a button to copy it; no address where it is revoked."""
    label = cells.text(link.label or "Short link")
    if link.revoked_at is not None:
        return label
    url = short_links.address_of(link)
    return format_html(
        '<span class="cell-two">{}<span class="cell-copy"><input type="text" readonly value="{}" '
        'aria-label="Address of the short link"><button type="button" class="d-button" data-copy="{}">Copy'
        "</button></span></span>",
        label,
        url,
        url,
    )


def _state(link: ShortLink) -> SafeString:
    return pill("Revoked" if link.revoked_at else "Works")


def _note(obj: Team | Product, viewer: User) -> str:
    whom = "the members of the team" if isinstance(obj, Team) else "people who are enrolled"
    said = (
        f"Short links give no access: they lead {whom} to their courses in Thinkific, after they signed in."
    )
    if not opening.is_on():
        said += " They sign in to Thinkific too, as “Open in Thinkific” is switched off in the settings."
    return said


def _may_see(obj: Team | Product, viewer: User) -> bool:
    return short_links.may_make(viewer, obj) or links_of(obj, viewer).exists()


SHORT_LINKS_TAB = Tab(
    SLUG,
    "Short links",
    links_of,
    [
        column("Link", _address, sort="label"),
        column("Status", _state, sort="revoked_at"),
        column("Made", "created_at", cells.moment, sort=True),
        column("Made by", lambda link: cells.done_by(link, "made_by"), sort="made_by__name"),
    ],
    "No short links. By such a link people sign in here, and then are in Thinkific.",
    note=_note,
    may_see=_may_see,
)


class ShortLinkDialog(Dialog):
    tab = SLUG

    @classmethod
    def may(cls, viewer: User, obj: Team | Product) -> bool:
        return short_links.may_make(viewer, obj)


class AddShortLink(ShortLinkDialog):
    slug, label, icon = "add-short-link", "Add Short Link", "add_link"
    note = forms.CharField(
        label="Note",
        max_length=NOTE_LENGTH,
        required=False,
        widget=UnfoldAdminTextInputWidget(),
        help_text="For you: where you use the link.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.suggest("note", "")

    def text(self) -> str:
        if isinstance(self.obj, Team):
            return (
                f"Members of {self.obj} who open the link sign in, and come to their course in Thinkific. "
                "With several courses, they choose one."
            )
        return f"People who are enrolled in {self.obj} sign in, and come to its page in Thinkific."

    def carry_out(self) -> Done:
        name = "team" if isinstance(self.obj, Team) else "product"
        short_links.make(**{name: self.obj}, label=self.cleaned_data["note"], by=self.viewer)
        return Done("The link is made. Copy it and send it to the people who shall open it.")


class RevokeShortLink(ShortLinkDialog, RowDialog):
    slug, label, danger = "revoke-short-link", "Revoke", True

    @classmethod
    def rows(cls, obj: Any, viewer: User) -> QuerySet[ShortLink]:
        return links_of(obj, viewer).filter(revoked_at__isnull=True)

    @classmethod
    def row_not_needed(cls, row: ShortLink) -> str:
        return "The link is revoked already." if row.revoked_at else ""

    def text(self) -> str:
        return f"Nobody can open {self.row} any more, for good. Nobody loses access to a course."

    def carry_out(self) -> Done:
        short_links.revoke(self.row, by=self.viewer)
        return Done(f"{self.row} is revoked.")


SHORT_LINK_DIALOGS = (AddShortLink, RevokeShortLink)
