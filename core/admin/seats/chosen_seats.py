"""Dialogs about seats chosen in the list. Each is done for all chosen seats or for none."""

from typing import Any

from core.admin.kit.dialogs.chosen import ChosenDialog
from core.admin.kit.dialogs.dialog import Done
from core.admin.seats.columns import places_text
from core.admin.seats.fields import TEMPLATE, mode_field, places_field, team_field
from core.errors import names
from core.models import Seat, Team
from core.services import seats
from core.services.seats.assigning import SecondSeat
from core.wording import one_or_many, plural


class ChosenSeats(ChosenDialog):
    """A right for the whole site: a role in a team never gives it."""

    code, in_all_teams, is_limited = "seats.edit", True, True

    def text(self) -> str:
        return f"{plural(len(self.chosen), 'seat')}. {self.question}".strip()

    def lines(self) -> dict[int, str]:
        return {seat.pk: f"{seat}: {places_text(seat)} used." for seat in self.chosen}


class SwitchingSeats(ChosenSeats):
    """Makes the chosen seats active or inactive."""

    to: bool

    def others(self) -> list[Seat]:
        """Returns the chosen seats that are not so already."""
        return [seat for seat in self.chosen if seat.active != self.to]

    def text(self) -> str:
        already = len(self.chosen) - len(self.others())
        so = "active" if self.to else "inactive"
        left = f" {already:,} of them {one_or_many(already, 'is', 'are')} {so} already." if already else ""
        return f"{super().text()}{left}"

    def carry_out(self) -> Done:
        changed = self.others()
        for seat in changed:
            seats.update(seat, by=self.viewer, active=self.to)
        so = "active" if self.to else "inactive"
        if not changed:
            return Done(f"All chosen seats are {so} already. Nothing was changed.")
        said = f"{plural(len(changed), 'seat')} {one_or_many(len(changed), 'is', 'are')} {so} now."
        already = len(self.chosen) - len(changed)
        return Done(f"{said} {plural(already, 'was', 'were')} {so} already." if already else said)


class ActivateChosen(SwitchingSeats):
    slug, action, label, to = "activate-chosen", "activate_chosen", "Activate", True
    question = "People can be enrolled through them again."


class DeactivateChosen(SwitchingSeats):
    slug, action, label, to = "deactivate-chosen", "deactivate_chosen", "Deactivate", False
    danger = True
    question = "Nobody new can be enrolled through them. Whoever uses them keeps access until it ends."


class AddPlacesToChosen(ChosenSeats):
    slug, action, label, submit = "add-places-chosen", "add_places_chosen", "Add Seats", "Add"
    question = "Each of them gets as many more places as you enter."
    places = places_field("How many more, for each", least=1, required=True)

    def text(self) -> str:
        unlimited = sum(seat.unlimited for seat in self.chosen)
        stay = one_or_many(unlimited, "is unlimited and stays so", "are unlimited and stay so")
        return super().text() + (f" {unlimited:,} of them {stay}." if unlimited else "")

    def carry_out(self) -> Done:
        places = self.cleaned_data["places"]
        limited = [seat for seat in self.chosen if not seat.unlimited]
        for seat in limited:
            seats.add_places(seat, places, by=self.viewer)
        if not limited:
            return Done("All chosen seats are unlimited. Nothing was changed.")
        has = one_or_many(len(limited), "has", "have")
        said = f"{plural(len(limited), 'seat')} {has} {plural(places, 'more place', 'more places')}."
        others = len(self.chosen) - len(limited)
        stay = one_or_many(others, "is unlimited and stays so", "are unlimited and stay so")
        return Done(f"{said} {others:,} {stay}." if others else said)


class AssignChosen(ChosenSeats):
    slug, action, label, submit = "assign-chosen", "assign_chosen", "Assign to Teams", "Assign"
    code = "seats.assign"
    question = "Members of the teams who have a product already use a place at once."
    refused_at = {SecondSeat: "teams"}
    no_choice = {"teams": "There is no team yet. Add one on the page Teams."}
    teams = team_field("Teams", multiple=True)
    mode = mode_field()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer("teams", Team.objects.filter(archived_at__isnull=True))

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        by_product: dict[int, list[Seat]] = {}
        for seat in self.chosen:
            by_product.setdefault(seat.product_id, []).append(seat)
        for several in by_product.values():
            if len(several) > 1:
                self.add_error(
                    None,
                    f"{names(several)} are on one product, and a team has one seat per product. Choose one "
                    "of them.",
                )
        return values

    def carry_out(self) -> Done:
        teams, count = list(self.cleaned_data["teams"]), len(self.chosen)
        copied = self.cleaned_data["mode"] == TEMPLATE
        give = seats.assign_copies if copied else seats.assign
        for seat in self.chosen:
            give(seat, teams, by=self.viewer)
        if copied:
            has = one_or_many(len(teams), "has", "have")
            return Done(f"{names(teams)} {has} copies of {plural(count, 'seat')}.")
        said = f"{plural(count, 'seat')} {one_or_many(count, 'is', 'are')} assigned to {names(teams)}."
        over = Seat.objects.over().filter(pk__in=[seat.pk for seat in self.chosen]).count()
        if over:
            said += f" {over:,} of them {one_or_many(over, 'has', 'have')} more people than places now."
        return Done(said, is_warning=bool(over))


class RecalculateChosen(ChosenSeats):
    slug, action, label = "recalculate-chosen", "recalculate_chosen", "Recalculate"
    question = "Counts their used places again from the stored enrollments and memberships."

    def carry_out(self) -> Done:
        wrong = seats.recalculate(Seat.objects.filter(pk__in=[seat.pk for seat in self.chosen]))
        if not wrong:
            return Done("Every count was right.")
        return Done(f"{plural(wrong, 'count')} {one_or_many(wrong, 'was', 'were')} corrected.")


CHOSEN_SEAT_DIALOGS = [
    AssignChosen,
    AddPlacesToChosen,
    ActivateChosen,
    DeactivateChosen,
    RecalculateChosen,
]
