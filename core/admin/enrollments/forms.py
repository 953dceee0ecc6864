"""What the dialogs about enrollments ask."""

from datetime import date, datetime
from typing import Any

from django import forms
from django.utils import timezone

from core import moments
from core.admin.kit.dialogs.dialog import DialogForm
from core.admin.kit.dialogs.pickers import by_typing, day_input
from core.models import Enrollment, Product
from core.permissions import scope
from core.services.enrollments import enrollments, grants, seat_access
from core.services.enrollments.seat_access import HeldOtherwise


class LastDayField(forms.DateField):
    """The last day of access; empty where it does not end."""

    def __init__(self) -> None:
        super().__init__(
            label="Last day of access",
            required=False,
            widget=day_input(latest=enrollments.LAST_DAY),
            help_text="Empty: access does not end.",
            error_messages={"invalid": "This is not a date. Write it as year-month-day."},
        )

    def validate(self, value: date | None) -> None:
        super().validate(value)
        if value and value < timezone.localdate():
            raise forms.ValidationError("This day is in the past. Choose a later one.")
        if value and value > enrollments.LAST_DAY:
            raise forms.ValidationError(enrollments.TOO_FAR)


class EnrollForm(DialogForm):
    refused_at = {HeldOtherwise: "products"}
    products = forms.ModelMultipleChoiceField(
        label="Courses and bundles",
        queryset=Product.objects.none(),
        widget=by_typing(Enrollment.product, multiple=True),
        error_messages={
            "required": "Choose at least one course or bundle.",
            "invalid_choice": "You cannot enroll this person in it: no team that you have in common has a "
            "seat on it.",
        },
    )
    last_day = LastDayField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer("products", scope.products_to_give(self.viewer, self.obj))
        self.offered["products"] = seat_access.products_to_offer(self.viewer, self.obj)
        self.suggest("last_day", enrollments.usual_last_day())

    def to_confirm(self) -> str:
        """Who has longer access already loses some of it."""
        end = moments.end_of(self.cleaned_data["last_day"])
        shorter = grants.shortened(student=self.obj, products=self.cleaned_data["products"], end=end)
        return "\n".join(
            f"This shortens access to {product} from {_end(before)} to {_end(end)}."
            for product, before in shorter
        )


def _end(end: datetime | None) -> str:
    return "no end" if end is None else moments.day(end)


class LastDayForm(DialogForm):
    shows_stored = True
    last_day = LastDayField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        enrollment = self.part or self.obj
        if enrollment.expiry_date:
            self.fields["last_day"].initial = moments.local(enrollment.expiry_date).date()

    def clean(self) -> dict[str, Any]:
        """The longest of all grants holds: what would have another effect than it says is refused."""
        data = super().clean() or self.cleaned_data
        course = self.part or self.obj
        if "last_day" not in self.touched or "last_day" not in data or course.product.is_bundle:
            return data
        if bundle := grants.held_beyond(course, moments.end_of(data["last_day"])):
            until = f"ends on {moments.day(bundle.expiry_date)}" if bundle.expiry_date else "does not end"
            self.add_error(
                "last_day",
                f"{course.user} holds {course.product} through a bundle too, and access by that {until}. The "
                "course cannot end before it: change the end of the bundle's enrollment.",
            )
        return data
