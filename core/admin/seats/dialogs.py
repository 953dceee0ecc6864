"""Dialogs about a seat: adding and changing it, its places, and whether it is active. `assigning` has those
about its teams."""

from typing import Any

from django.urls import reverse

from core.admin.kit import cells
from core.admin.kit.dialogs.dialog import Dialog, Done
from core.admin.kit.dialogs.fields import switch
from core.admin.seats.assigning import SEAT_TEAM_DIALOGS
from core.admin.seats.columns import places_text
from core.admin.seats.fields import (
    date_field,
    days_field,
    description_field,
    expiry_field,
    name_field,
    places_field,
    product_field,
    tags_field,
)
from core.models import Product, Seat, SiteSettings, Tag
from core.services import seats
from core.services.seats import changes, room
from core.services.seats.changes import BadLastDay, ProductInUse, TooManyPlaces
from core.services.tags import default_seat_tags
from core.wording import plural


class SeatDialog(Dialog):
    """A right for the whole site: a role in a team never gives it."""

    code, in_all_teams = "seats.edit", True


class SeatForm(SeatDialog):
    """The fields of a seat. Scripts are not needed: fields that do not apply are hidden by the stylesheet,
    and their values are ignored."""

    panel = True
    refused_at = {ProductInUse: "product", BadLastDay: "expiry_date", TooManyPlaces: "max_seats"}
    no_choice = {
        "product": "There is no course or bundle yet. Sync Products, on the page Products, reads them "
        "from Thinkific."
    }
    name = name_field()
    product = product_field()
    unlimited = switch("Unlimited", "No limit of places.")
    max_seats = places_field()
    soft_limit = switch(
        "Soft limit", "People can be enrolled although no place is free, with a warning. Off: refused."
    )
    expiry_type = expiry_field()
    expiry_days = days_field()
    expiry_date = date_field()
    reusable = switch("Reusable", "An expired enrollment frees its place.")
    extendable = switch("Extendable", "Team users may change the end of access that this seat gave.")
    active = switch("Active", "Off: nobody new can be enrolled; people who are enrolled stay.")
    tags = tags_field()
    description = description_field()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer("product", Product.objects.filter(removed_at__isnull=True))
        self.offer("tags", Tag.objects.visible_to(self.viewer))

    def clean(self) -> dict[str, Any]:
        """Asks for the values that the switches and the kind of end need, beside their fields. Errors of
        fields that do not apply are dropped, because those fields are not shown."""
        values = super().clean() or self.cleaned_data
        for name in self.ignored(values):
            self.errors.pop(name, None)
        needed = [] if values.get("unlimited") else [("max_seats", "Enter how many places the seat has.")]
        if values.get("expiry_type") == Seat.Expiry.DAYS:
            needed.append(("expiry_days", "Enter after how many days access ends."))
        if values.get("expiry_type") == Seat.Expiry.DATE:
            needed.append(("expiry_date", "Choose the last day of access."))
        for name, says in needed:
            if values.get(name) is None and name not in self.errors:
                self.add_error(name, says)
        return values

    @staticmethod
    def ignored(values: dict[str, Any]) -> list[str]:
        """Returns the names of the fields that do not apply."""
        applies = {
            "max_seats": not values.get("unlimited"),
            "expiry_days": values.get("expiry_type") == Seat.Expiry.DAYS,
            "expiry_date": values.get("expiry_type") == Seat.Expiry.DATE,
        }
        return [name for name, does in applies.items() if not does]

    def values(self) -> dict[str, Any]:
        """Returns the values for the service, without those that do not apply."""
        return self.cleaned_data | dict.fromkeys(self.ignored(self.cleaned_data))


class AddSeat(SeatForm):
    slug, label, icon, about_new = "add", "Add Seat", "add", True
    code = "seats.create"
    question = "A seat is a pool of places on one product, with the rules of access. Teams get it next."

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        settings = SiteSettings.load()
        self.suggest("max_seats", settings.default_max_seats)
        self.suggest("expiry_type", settings.default_expiry_kind)  # both have the same kinds
        self.suggest("expiry_days", settings.default_enrollment_days)
        self.suggest("expiry_date", settings.default_expiry_date)
        self.suggest("tags", list(default_seat_tags().values_list("pk", flat=True)))
        self.suggest("active", True)

    def carry_out(self) -> Done:
        seat = seats.create(by=self.viewer, **self.values())
        return Done(f"{seat} is created. Assign it to teams next.", cells.detail_url(seat, "teams"))


class AddSeatOnProduct(AddSeat):
    """In the tab of a product's page."""

    slug, about_new, tab = "add-seat", False, "seats"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["product"]

    @classmethod
    def applies(cls, obj: Product) -> bool:
        return obj.removed_at is None

    def values(self) -> dict[str, Any]:
        return super().values() | {"product": self.obj}


class EditSeat(SeatForm):
    slug, label, submit, icon = "edit", "Edit Seat", "Save", "edit"
    shows_stored = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            field.initial = getattr(self.obj, name) if name not in {"tags", "product"} else None
        self.fields["tags"].initial = list(self.obj.tags.values_list("pk", flat=True))
        self.offer("product", Product.objects.filter(removed_at__isnull=True), now=self.obj.product_id)

    def confirmation(self) -> str:
        """Says in numbers what fewer places than people mean."""
        values, seat = self.cleaned_data, self.obj
        places = values.get("max_seats")
        lowered = "max_seats" in self.touched or "unlimited" in self.touched
        if values["unlimited"] or places is None or not lowered or places >= seat.used_count:
            return ""
        over = seat.used_count - places
        people = plural(seat.used_count, "person uses", "people use")
        soft = values["soft_limit"]
        new = room.TAKES_MORE if soft else "Nobody new can be enrolled until fewer people use it."
        return (
            f"{people} this seat, so {plural(places, 'place is', 'places are')} {over:,} too few. "
            f"Everybody keeps their access. {new}"
        )

    def carry_out(self) -> Done:
        seat = seats.update(self.obj, by=self.viewer, **self.values())
        return Done(f"{seat} is saved.", is_warning=False)


class AddPlaces(SeatDialog):
    slug, label, icon, submit = "add-places", "Add Seats", "exposure_plus_1", "Add"
    refused_at = {TooManyPlaces: "places"}
    places = places_field("How many more", least=1, required=True)

    @classmethod
    def applies(cls, obj: Seat) -> bool:
        return not obj.unlimited

    @classmethod
    def why_not_needed(cls, obj: Seat) -> str:
        return f"{obj} is unlimited."

    def text(self) -> str:
        return f"{places_text(self.obj)} used now. Whoever uses the seat keeps access as it was."

    def carry_out(self) -> Done:
        seat = seats.add_places(self.obj, self.cleaned_data["places"], by=self.viewer)
        return Done(f"{seat} has {seat.max_seats:,} places now.")


class RecalculateSeat(SeatDialog):
    slug, label, icon, submit = "recalculate", "Recalculate", "calculate", "Recalculate"
    question = "Counts the used places again from the stored enrollments and memberships."

    def carry_out(self) -> Done:
        wrong = seats.recalculate(Seat.objects.filter(pk=self.obj.pk))
        self.obj.refresh_from_db()
        said = "The count was corrected" if wrong else "The count was right"
        return Done(f"{said}: {places_text(self.obj)} used.")


class RecalculateAll(SeatDialog):
    slug, label, icon, submit = "recalculate-all", "Recalculate Seats", "calculate", "Recalculate"
    question = "Counts all seats again from the stored enrollments and memberships. Nothing else changes."

    def carry_out(self) -> Done:
        seats.request_recalculation(by=self.viewer)
        return Done("The count has started. You will be told when it is done.")


class DeactivateSeat(SeatDialog):
    slug, label, icon, danger = "deactivate", "Deactivate", "block", True

    @classmethod
    def applies(cls, obj: Seat) -> bool:
        return obj.active

    def text(self) -> str:
        people = plural(self.obj.used_count, "person uses", "people use")
        return (
            f"{people} this seat and will keep access until it ends. Nobody new can be enrolled through it."
        )

    def carry_out(self) -> Done:
        seats.update(self.obj, by=self.viewer, active=False)
        return Done(f"{self.obj} is inactive: nobody new can be enrolled through it.")


class ActivateSeat(SeatDialog):
    slug, label, icon = "activate", "Activate", "check_circle"
    question = "People can be enrolled through this seat again."

    @classmethod
    def applies(cls, obj: Seat) -> bool:
        return not obj.active

    def carry_out(self) -> Done:
        seats.update(self.obj, by=self.viewer, active=True)
        return Done(f"{self.obj} is active again.")


class DeleteSeat(SeatDialog):
    slug, label, icon, danger = "delete", "Delete Seat", "delete", True
    code = "seats.delete"
    question = "The seat was never used and no team has it. Its history stays."

    @classmethod
    def blocked(cls, target: Seat, viewer: Any) -> str:
        return changes.why_kept(target)

    def carry_out(self) -> Done:
        seats.delete(self.obj, by=self.viewer)
        return Done(f"{self.obj} is deleted.", reverse("admin:core_seat_changelist"))


SEAT_DIALOGS = (
    AddSeat,
    EditSeat,
    AddPlaces,
    RecalculateSeat,
    DeactivateSeat,
    ActivateSeat,
    DeleteSeat,
    *SEAT_TEAM_DIALOGS,
)
