"""The dialog Export: the format, and which columns. A small file is sent at once; the worker makes a large
one."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.utils import timezone
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminSelectWidget

from core.admin.kit.dialogs.dialog import Dialog, Done
from core.admin.kit.exports.listing import Listing
from core.admin.kit.lists.lists import amount
from core.exports import files
from core.exports.formats import FORMATS
from core.models import User
from core.wording import plural

AT_ONCE = 10_000  # rows: more are a file of the background


@dataclass(frozen=True)
class Offered:
    """What the dialog is about."""

    listing: Listing
    address: str  # of the file
    chosen: str = ""  # the keys of chosen rows: "4.8.15"

    def __str__(self) -> str:
        return self.listing.title


class Export(Dialog):
    slug, label, icon, panel = "export", "Export", "download", True
    file_format = forms.ChoiceField(
        label="Format",
        choices=[(one.name, one.label) for one in FORMATS.values()],
        widget=UnfoldAdminSelectWidget(),
    )
    columns = forms.MultipleChoiceField(
        label="Columns",
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
        error_messages={"required": "Choose at least one column."},
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        field = self.fields["columns"]
        assert isinstance(field, forms.MultipleChoiceField)
        columns = self.obj.listing.columns
        field.choices = [(one.key, one.head.heading) for one in columns]
        self.suggest("columns", [one.key for one in columns if one.seen])
        self.suggest("file_format", "csv")

    @classmethod
    def may(cls, viewer: User, obj: Any) -> bool:
        return viewer.has_perm("core.export_reports")

    def page_context(self) -> dict[str, Any]:
        listing: Listing = self.obj.listing
        count = listing.count(AT_ONCE)
        which = "sorted as in the list"
        if self.obj.chosen:
            which = "the chosen ones"
        elif listing.is_limited:
            which = "found and sorted as in the list"
        rows = plural(count, "row") if count <= AT_ONCE else f"{amount(count, AT_ONCE)} rows"
        lines = [f"{rows}, {which}.", f"Times are those of {timezone.get_current_timezone_name()}."]
        if count > AT_ONCE:
            lines.append("The file is made in the background. A notice tells you when it is ready.")
        return {"lines": lines}

    def carry_out(self) -> Done:
        listing: Listing = self.obj.listing
        asked = {"file_format": self.cleaned_data["file_format"], "columns": self.cleaned_data["columns"]}
        if (count := listing.count(AT_ONCE)) <= AT_ONCE:
            sent = {"file_format": asked["file_format"], "file_columns": ".".join(asked["columns"])}
            if self.obj.chosen:
                sent["chosen"] = self.obj.chosen
            kept = f"{listing.query}&" if listing.query else ""
            return Done("", f"{self.obj.address}?{kept}{urlencode(sent)}")
        files.order(
            by=self.viewer,
            kind=listing.kind,
            title=listing.title,
            file_format=asked["file_format"],
            parameters={
                "query": listing.query,
                "object": listing.object_id,
                "columns": asked["columns"],
                "chosen": self.obj.chosen,
            },
            rows=count,
        )
        return Done(f"{listing.title}: the file is being made. A notice tells you when it is ready.")
