"""Dialogs about enrollments: enroll a student, change the end of access, end access."""

from datetime import date
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils import timezone

from core import moments
from core.admin.kit.dialogs.dialog import Dialog, Done, RowDialog, url_of
from core.admin.kit.dialogs.fields import day_input, picked
from core.admin.kit.sync.retry import RetryRefused, RetryRow
from core.models import Enrollment, User
from core.permissions import scope
from core.services.enrollments import enrollments, grants, seat_access
from core.services.enrollments.seat_access import HeldOtherwise


class LastDayField(forms.DateField):
    """The last day of access; empty for access without an end."""

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


def products_field(refusal: str) -> forms.ModelChoiceField:
    """`refusal` is the error for products that the viewer may not give."""
    errors = {"required": "Choose at least one course or bundle.", "invalid_choice": refusal}
    return picked(Enrollment.product, "Courses and bundles", multiple=True, errors=errors)


class Enroll(Dialog):
    slug, label, icon, tab = "enroll", "Add Enrollment", "add", "enrollments"
    code = "enrollments.create"
    question = "Access begins now. Progress from an earlier enrollment continues."
    refused_at = {HeldOtherwise: "products"}
    products = products_field(
        "You cannot enroll this person in it, because no team that you both belong to has a seat on it."
    )
    last_day = LastDayField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer("products", scope.products_to_give(self.viewer, self.obj))
        self.offered["products"] = seat_access.products_to_offer(self.viewer, self.obj)
        self.suggest("last_day", enrollments.usual_last_day())

    def confirmation(self) -> str:
        """Lists the products to which the student has longer access now."""
        end = moments.end_of(self.cleaned_data["last_day"])
        shorter = grants.shortened(student=self.obj, products=self.cleaned_data["products"], end=end)
        return "\n".join(
            f"This shortens access to {product} from {moments.day(before) if before else 'no end'} to "
            f"{moments.day(end) if end else 'no end'}."
            for product, before in shorter
        )

    def carry_out(self) -> Done:
        given = seat_access.enroll(
            student=self.obj,
            products=self.cleaned_data["products"],
            expiry_date=moments.end_of(self.cleaned_data["last_day"]),
            by=self.viewer,
        )
        names = ", ".join(str(enrollment.product) for enrollment in given)
        return Done(f"{self.obj} is enrolled in {names}.")


class EnrollmentDialog(Dialog):
    """A dialog about one enrollment: of its own page, or a row of the student's page."""

    @classmethod
    def may(cls, viewer: User, obj: Any) -> bool:
        """Whether the viewer may change this enrollment. The field "Given by" on the page says why not."""
        return scope.enrollments_where(viewer, obj.user, cls.code).filter(pk=obj.pk).exists()


class OfStudent(RowDialog):
    """Mixin for the same dialog in the tab of a student's page."""

    tab = "enrollments"

    @classmethod
    def may(cls, viewer: User, obj: Any) -> bool:
        return scope.holds(viewer, cls.code)

    @classmethod
    def applies(cls, obj: User) -> bool:
        return True

    @classmethod
    def rows(cls, obj: User, viewer: User) -> Any:
        return scope.enrollments_where(viewer, obj, cls.code)


class ChangeEnd(EnrollmentDialog):
    slug, label, icon = "change-end", "Change End Date", "event"
    code = "enrollments.extend"
    shows_stored = True
    last_day = LastDayField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.target.expiry_date:
            self.fields["last_day"].initial = moments.local(self.target.expiry_date).date()

    def text(self) -> str:
        return (
            f"How long {self.target.user} can open {self.target.product}. A later end makes an expired "
            "enrollment active again."
        )

    def clean(self) -> dict[str, Any]:
        """Refuse an end that would have no effect, because a bundle gives longer access."""
        data = super().clean() or self.cleaned_data
        course = self.target
        if "last_day" not in self.touched or "last_day" not in data or course.product.is_bundle:
            return data
        if bundle := grants.held_beyond(course, moments.end_of(data["last_day"])):
            until = f"ends on {moments.day(bundle.expiry_date)}" if bundle.expiry_date else "does not end"
            self.add_error(
                "last_day",
                f"{course.user} has {course.product} through a bundle too, and that access {until}. The "
                "course cannot end earlier. Change the end of the bundle's enrollment instead.",
            )
        return data

    def carry_out(self) -> Done:
        end, enrollment = moments.end_of(self.cleaned_data["last_day"]), self.target
        enrollments.change_expiry([enrollment], expiry_date=end, by=self.viewer)
        enrollment.refresh_from_db()
        return Done(f"Access to {enrollment.product} {_until(enrollment)}.")


class EndAccess(EnrollmentDialog):
    slug, label, icon, danger = "end-access", "End Access", "block", True
    code = "enrollments.delete"

    @classmethod
    def applies(cls, obj: Any) -> bool:
        return obj.status != Enrollment.Status.EXPIRED

    @classmethod
    def blocked(cls, target: Enrollment, viewer: User) -> str:
        """Blocked while a bundle gives access to the course: ending the course alone would change nothing."""
        bundle = grants.kept_by(target)
        if bundle is None:
            return ""
        if EndAccess.may(viewer, bundle):
            return (
                f"{target.user} has {target.product} through the bundle {bundle.product}, and keeps it as "
                "long as the bundle. End the bundle instead: its other courses end too."
            )
        return (
            f"{target.user} has {target.product} through a bundle that no seat of your teams gave, and keeps "
            "it as long as the bundle."
        )

    @classmethod
    def alternative(cls, target: Enrollment, viewer: User) -> tuple[str, str] | None:
        bundle = grants.kept_by(target)
        if bundle is None or not EndAccess.may(viewer, bundle):
            return None
        return url_of(Enrollment._meta, cls.slug, bundle.pk), "End the bundle"

    def text(self) -> str:
        student, product = self.target.user, self.target.product
        said = (
            f"{student} can no longer open {product}. Progress is kept for a later enrollment. Thinkific "
            "cannot delete enrollments, so this one stays listed as expired."
        )
        if product.is_bundle:
            return f"{said}\nIts courses end too, except those that the student has in another way."
        if grants.held_through(self.target).exists():  # without its name, which the viewer's team may not see
            return f"{said}\nThe student keeps the course through a bundle, until that ends too."
        return said

    def carry_out(self) -> Done:
        enrollment = self.target
        ended = enrollments.expire([enrollment], by=self.viewer)
        enrollment.refresh_from_db()
        if ended:
            return Done(f"{enrollment.user}'s access to {enrollment.product} has ended.")
        until = _until(enrollment)
        return Done(f"{enrollment.user} keeps {enrollment.product} in another way. Access {until}.")


class ChangeEndOfStudent(OfStudent, ChangeEnd):
    pass


class EndAccessOfStudent(OfStudent, EndAccess):
    @classmethod
    def rows(cls, obj: User, viewer: User) -> Any:
        return super().rows(obj, viewer).giving_access()


class RetryCourse(RetryRow):
    tab, entity = "courses", "enrollment"

    @classmethod
    def listed(cls, obj: Enrollment, viewer: User) -> QuerySet[Enrollment]:
        return Enrollment.objects.filter(via_bundle=obj)


class RetryCourses(RetryRefused):
    tab = "courses"

    @classmethod
    def applies(cls, obj: Enrollment) -> bool:
        return obj.product.is_bundle and super().applies(obj)


def _until(enrollment: Enrollment) -> str:
    if enrollment.expiry_date is None:
        return "does not end"
    return f"ends on {moments.day(enrollment.expiry_date)}"


ENROLLMENT_DIALOGS = (ChangeEnd, EndAccess, RetryCourses, RetryCourse)
STUDENT_DIALOGS = (Enroll, ChangeEndOfStudent, EndAccessOfStudent)
