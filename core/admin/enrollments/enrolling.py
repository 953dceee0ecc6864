"""Enrolling people from any screen: the fields of the dialogs, and what they say before they do it."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from django import forms
from django.utils import timezone
from unfold.widgets import UnfoldAdminSelectWidget

from core import moments
from core.admin.kit.dialogs.dialog import Dialog, Done
from core.admin.kit.dialogs.fields import day_input, picked, switch
from core.models import Enrollment, Team, User
from core.permissions import scope, students
from core.services.enrollments import enrollments, grants, seat_access
from core.services.enrollments.places import NoPlacesLeft, Plan
from core.services.enrollments.seat_access import HeldOtherwise

SHOWN = 5  # the most people with shortened access that are named
BY_RULE = "Empty: as the seat says. A seat may end access earlier than this day."
BEGINS = "Access begins now. Progress from an earlier enrollment continues."
TAKES_PLACES = "Where a team has a seat on the product, each person takes a place of it."


class LastDayField(forms.DateField):
    """The last day of access; empty for access without an end."""

    def __init__(self, help_text: str = "Empty: access does not end.") -> None:
        super().__init__(
            label="Last day of access",
            required=False,
            widget=day_input(latest=enrollments.LAST_DAY),
            help_text=help_text,
            error_messages={"invalid": "This is not a date. Write it as year-month-day."},
        )

    def validate(self, value: date | None) -> None:
        super().validate(value)
        if value and value < timezone.localdate():
            raise forms.ValidationError("This day is in the past. Choose a later one.")
        if value and value > enrollments.LAST_DAY:
            raise forms.ValidationError(enrollments.TOO_FAR)


def products_field(refusal: str) -> forms.ModelChoiceField:
    """`refusal` is the error for products that the viewer may not give."""
    errors = {"required": "Choose at least one course or bundle.", "invalid_choice": refusal}
    return picked(Enrollment.product, "Courses and bundles", multiple=True, errors=errors)


class EnrollingDialog(Dialog):
    """A dialog that enrolls people through the seats of their teams. Administrators may also give access
    without a seat, by a switch that others do not see."""

    code = "enrollments.create"
    question = f"{BEGINS} {TAKES_PLACES}"
    refused_at = {HeldOtherwise: "products", NoPlacesLeft: "products"}
    products = products_field("You cannot enroll people in it, because no team of yours has a seat on it.")
    last_day = LastDayField(BY_RULE)
    without_seat = switch(
        "Without a seat",
        "Gives access without asking a seat for a place, until the day above. The people still count on the "
        "seats of their teams, which may then have more people than places.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.plan = Plan()
        if not self.viewer.sees_everything:
            del self.fields["without_seat"]
        self.suggest("last_day", enrollments.usual_last_day() if self.suggests_an_end() else None)
        if "without_seat" in self.fields:
            self.suggest("without_seat", False)

    def people(self) -> Sequence[User]:
        raise NotImplementedError

    def team(self) -> Team | None:
        """Returns the team whose seats give the access; None: any team of the person."""
        return None

    def suggests_an_end(self) -> bool:
        """Whether the settings suggest the last day: for administrators, where no seat decides."""
        if not self.viewer.sees_everything:
            return False
        teams = scope.teams_where(self.viewer, self.code).filter(seat_assignments__isnull=False)
        return not teams.filter(memberships__user__in=[one.pk for one in self.people()]).exists()

    def clean(self) -> dict[str, Any]:
        """Refuse what the service would refuse, before the viewer confirms anything."""
        values = super().clean() or self.cleaned_data
        if "products" not in values or "last_day" not in values:
            return values
        self.plan, refusal = seat_access.look_ahead(
            self.people(),
            list(values["products"]),
            self.end(),
            self.viewer,
            self.is_without_seat(),
            self.team(),
        )
        if refusal is not None:
            self.refuse(refusal)
        return values

    def end(self) -> Any:
        return moments.end_of(self.cleaned_data["last_day"])

    def is_without_seat(self) -> bool:
        return bool(self.cleaned_data.get("without_seat"))

    def shortened(self) -> list[tuple[User, Any, Any, Any]]:
        """Returns the access that becomes shorter: student, product, its end now, and its end then."""
        found = []
        products = list(self.cleaned_data["products"])
        held = Enrollment.objects.filter(user__in=self.people(), product__in=products).giving_access()
        pairs = set(held.values_list("user", "product"))
        for student in self.people():
            for product in products:
                if (student.pk, product.pk) not in pairs:
                    continue
                end = self.plan.ends[student.pk, product.pk]
                rows = grants.shortened(student=student, products=[product], end=end)
                found += [(student, product, before, end) for _, before in rows]
        return found

    def enroll(self) -> dict[str, Any]:
        """Returns the arguments of the service."""
        return {
            "products": self.cleaned_data["products"],
            "expiry_date": self.end(),
            "by": self.viewer,
            "without_seat": self.is_without_seat(),
            "team": self.team(),
        }


class Enroll(EnrollingDialog):
    slug, label, icon, tab = "enroll", "Add Enrollment", "add", "enrollments"
    products = products_field(
        "You cannot enroll this person in it, because no team that you both belong to has a seat on it."
    )
    through = forms.ModelChoiceField(
        queryset=Team.objects.none(),
        required=False,
        label="Through the seat of",
        empty_label="The team with a free place",
        widget=UnfoldAdminSelectWidget(),
        error_messages={"invalid_choice": "You cannot enroll this person through a seat of this team."},
    )
    field_order = ["products", "through", "last_day", "without_seat"]
    no_choice = {
        "products": "Seats decide what you can enroll {obj} in. No team that you both belong to has a seat "
        "on a course or bundle that {obj} does not have already. An administrator can assign one."
    }

    @classmethod
    def may(cls, viewer: User, obj: User | None) -> bool:
        return students.may_enroll(viewer, obj)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer("products", scope.products_to_give(self.viewer, self.obj))
        self.offered["products"] = seat_access.products_to_offer(self.viewer, self.obj)
        if not self.viewer.sees_everything:
            self.fields["products"].help_text = (
                "Offered is what an active seat of a team that you both belong to gives, and what the person "
                "does not have already."
            )
        teams = students.teams_with_seats(self.viewer, self.obj)
        if teams.count() > 1:
            self.offer("through", teams)
            self.suggest("through", None)
        else:
            del self.fields["through"]

    def people(self) -> Sequence[User]:
        return [self.obj] if self.obj is not None else []

    def team(self) -> Team | None:
        return None if self.is_without_seat() else self.cleaned_data.get("through")

    def confirmation(self) -> str:
        """Lists the products to which the student has longer access now, and seats that get too many
        people."""
        said = [
            f"This shortens access to {product} from {moments.day(before) if before else 'no end'} to "
            f"{moments.day(end)}."
            for _, product, before, end in self.shortened()
        ]
        return "\n".join([*said, *self.plan.warnings()])

    def carry_out(self) -> Done:
        given = seat_access.enroll(student=self.obj, **self.enroll())
        names = ", ".join(f"{enrollment.product} ({self._how(enrollment)})" for enrollment in given)
        return Done(f"{self.obj} is enrolled in {names}.")

    def _how(self, enrollment: Enrollment) -> str:
        """Returns until when access was given and, where several seats could give it, by which."""
        way = self.plan.ways.get((enrollment.user_id, enrollment.product_id))
        if way is None or "through" not in self.fields:
            return until(enrollment)
        return f"{until(enrollment)}, through the seat of {way.team}"


def until(enrollment: Enrollment) -> str:
    return f"until {moments.day(enrollment.expiry_date)}" if enrollment.expiry_date else "without an end"
