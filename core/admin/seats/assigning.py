"""Dialogs about the teams of a seat: assigning it, withdrawing it, moving it or some of its places. The same
dialogs stand in the tab Seats of a team."""

from typing import Any

from django.db.models import QuerySet

from core.admin.kit.dialogs.dialog import Dialog, Done, RowDialog
from core.admin.kit.dialogs.fields import picked
from core.admin.seats.columns import places_text
from core.admin.seats.fields import TEMPLATE, mode_field, places_field, team_field
from core.errors import names
from core.models import Enrollment, Seat, SeatAssignment, Team, User
from core.permissions import scope
from core.services import seats
from core.services.seats import room
from core.services.seats.assigning import NotMovable, SecondSeat, people_of
from core.services.seats.changes import TooManyPlaces
from core.wording import one_or_many, plural


class AssigningSeat(Dialog):
    """A right for the whole site: a role in a team never gives it."""

    code, in_all_teams = "seats.assign", True

    def give(self, seat: Seat, teams: list[Team]) -> Done:
        if self.cleaned_data["mode"] == TEMPLATE:
            made = seats.assign_copies(seat, teams, by=self.viewer)
            has = one_or_many(len(made), "has a copy", "have a copy each")
            return Done(f"{names(teams)} {has} of {seat}. Later changes of {seat} do not reach it.")
        seats.assign(seat, teams, by=self.viewer)
        seat.refresh_from_db()
        said = f"{seat} is assigned to {names(teams)}. {places_text(seat)} used."
        if seat.over:
            said += f" That is {seat.over:,} too many. {room.after_the_last_place(seat)}"
        return Done(said, is_warning=bool(seat.over))


class AssignSeat(AssigningSeat):
    slug, label, tab, icon, submit = "assign", "Assign to Teams", "teams", "add", "Assign"
    question = "Members of the teams who have the product already use a place at once."
    refused_at = {SecondSeat: "teams"}
    no_choice = {"teams": "Every team has a seat on this product already, or there is no team yet."}
    teams = team_field("Teams", multiple=True)
    mode = mode_field()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["teams"].help_text = "Teams that have a seat on this product already are not offered."
        teams = Team.objects.filter(archived_at__isnull=True)
        self.offer("teams", teams)
        if self.obj is not None:
            taken = SeatAssignment.objects.filter(product=self.obj.product_id)
            self.offered["teams"] = teams.exclude(pk__in=taken.values("team"))

    def carry_out(self) -> Done:
        return self.give(self.obj, list(self.cleaned_data["teams"]))


class AssignToTeam(AssigningSeat):
    """On a team's page."""

    slug, label, tab, icon, submit = "assign-seat", "Assign Seat", "seats", "add", "Assign"
    question = AssignSeat.question
    refused_at = {SecondSeat: "seat"}
    no_choice = {
        "seat": "No seat is left for {obj}: it has one on every product that has seats. Add Seat makes one."
    }
    seat = picked(
        Enrollment.last_seat,
        "Seat",
        errors={"required": "Choose a seat.", "invalid_choice": "There is no such seat."},
    )
    mode = mode_field()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields[
            "seat"
        ].help_text = "Seats on products that the team has a seat on already are not offered."
        self.offer("seat", Seat.objects.all())
        if self.obj is not None:
            taken = SeatAssignment.objects.filter(team=self.obj)
            self.offered["seat"] = Seat.objects.exclude(product__in=taken.values("product"))

    @classmethod
    def applies(cls, obj: Team) -> bool:
        return obj.archived_at is None

    def carry_out(self) -> Done:
        return self.give(self.cleaned_data["seat"], [self.obj])


class AssignmentDialog(RowDialog):
    """A row of the tab Teams of a seat."""

    code, in_all_teams, tab = "seats.assign", True, "teams"

    @classmethod
    def rows(cls, obj: Any, viewer: User) -> QuerySet[SeatAssignment]:
        if cls.code not in scope.codes_everywhere(viewer):
            return SeatAssignment.objects.none()
        return cls.of(obj).select_related("team", "seat__product")

    @classmethod
    def of(cls, obj: Any) -> QuerySet[SeatAssignment]:
        return SeatAssignment.objects.filter(seat=obj)

    def people(self) -> str:
        """Returns what happens to the people of the team, in numbers."""
        using, elsewhere = people_of(self.row)
        if not using:
            return f"Nobody in {self.row.team} uses it."
        people = plural(using, "person", "people")
        said = (
            f"{people} of {self.row.team} {one_or_many(using, 'uses', 'use')} it. All keep their access "
            f"until it ends; {self.row.team} no longer sees it and cannot change it."
        )
        if elsewhere:
            kept = one_or_many(elsewhere, "keeps a place", "keep a place")
            said += f" {elsewhere:,} of them {kept} through another team of the seat."
        return f"{said} {plural(using - elsewhere, 'place becomes', 'places become')} free."


class WithdrawSeat(AssignmentDialog):
    slug, label, danger = "withdraw", "Withdraw", True

    def text(self) -> str:
        return f"Takes the seat on {self.row.product} from {self.row.team}. {self.people()}"

    def carry_out(self) -> Done:
        team = self.row.team
        seats.withdraw(self.row, by=self.viewer)
        return Done(f"{team} no longer has the seat. Enrollments stay as they are.")


class MoveSeat(AssignmentDialog):
    slug, label, submit = "move", "Move", "Move"
    refused_at = {SecondSeat: "to", NotMovable: "places", TooManyPlaces: "places"}
    no_choice = {"to": "There is no other team to which the seat could move."}
    to = team_field("To team")
    places = places_field("Places", least=1)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["places"].help_text = (
            "Empty: the whole seat. With a number, so many unused places go to the team's seat on the "
            "product, or to a copy of this seat."
        )
        teams = Team.objects.filter(archived_at__isnull=True)
        self.offer("to", teams)
        if self.row is not None:
            self.offered["to"] = teams.exclude(pk=self.row.team_id)

    def text(self) -> str:
        return f"{places_text(self.row.seat)} used. If the whole seat moves: {self.people()}"

    def carry_out(self) -> Done:
        to, places, team = self.cleaned_data["to"], self.cleaned_data["places"], self.row.team
        if places is None:
            seats.move(self.row, to=to, by=self.viewer)
            return Done(f"The seat moved from {team} to {to}. Enrollments stay as they are.")
        received = seats.move_places(self.row, places, to=to, by=self.viewer)
        moved = plural(places, "place")
        return Done(f"{moved} moved from {team} to {to}, which has {received.max_seats:,} now.")


class OfTeam(AssignmentDialog):
    """The same dialogs in the tab Seats of a team."""

    tab = "seats"

    @classmethod
    def of(cls, obj: Any) -> QuerySet[SeatAssignment]:
        return SeatAssignment.objects.filter(team=obj)


class WithdrawFromTeam(OfTeam, WithdrawSeat):
    slug = "withdraw-seat"


class MoveFromTeam(OfTeam, MoveSeat):
    slug = "move-seat"


SEAT_TEAM_DIALOGS = (AssignSeat, WithdrawSeat, MoveSeat)
TEAM_SEAT_DIALOGS = (AssignToTeam, WithdrawFromTeam, MoveFromTeam)
