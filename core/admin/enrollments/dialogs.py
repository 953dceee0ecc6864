"""Dialogs about enrollments: change the end of access, end access. `enrolling` has those that enroll."""

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from core import moments
from core.admin.enrollments.enrolling import Enroll, LastDayField
from core.admin.kit.dialogs.dialog import Dialog, Done, RowDialog, url_of
from core.admin.kit.sync.retry import RetryRefused, RetryRow
from core.errors import Refusal
from core.models import Enrollment, User
from core.permissions import scope
from core.services.enrollments import enrollments, grants, seat_access
from core.services.enrollments.places import NoPlacesLeft


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
    def why_not_needed(cls, obj: User) -> str:
        return ""

    @classmethod
    def rows(cls, obj: User, viewer: User) -> Any:
        return scope.enrollments_where(viewer, obj, cls.code)


class ChangeEnd(EnrollmentDialog):
    slug, label, icon = "change-end", "Change End Date", "event"
    code = "enrollments.extend"
    shows_stored = True
    refused_at = {NoPlacesLeft: "last_day", Refusal: "last_day"}
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
        seat_access.change_end(enrollment, expiry_date=end, by=self.viewer)
        enrollment.refresh_from_db()
        return Done(f"Access to {enrollment.product} {_until(enrollment)}.")


class EndAccess(EnrollmentDialog):
    slug, label, icon, danger = "end-access", "End Access", "block", True
    code = "enrollments.delete"

    @classmethod
    def applies(cls, obj: Any) -> bool:
        return not cls.why_not_needed(obj)

    @classmethod
    def why_not_needed(cls, obj: Any) -> str:
        return _nothing_to_end(obj)

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
        if over := _nothing_to_end(enrollment):  # somebody ended it after this dialog was shown
            return Done(over, is_warning=True)
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
    def row_not_needed(cls, row: Enrollment) -> str:
        return _nothing_to_end(row)

    @classmethod
    def offered_for(cls, rows: Any) -> Any:
        return rows.giving_access()


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


def _nothing_to_end(enrollment: Enrollment) -> str:
    """Returns why the enrollment gives no access; empty when it gives some."""
    if enrollment.status == Enrollment.Status.FAILED:
        return f"Thinkific refused this enrollment. {enrollment.user} has no access that could end."
    if enrollment.expiry_date is not None and enrollment.expiry_date <= timezone.now():
        ended = moments.day(enrollment.expiry_date)
        return f"{enrollment.user}'s access to {enrollment.product} ended on {ended}."
    return ""


def _until(enrollment: Enrollment) -> str:
    if enrollment.expiry_date is None:
        return "does not end"
    return f"ends on {moments.day(enrollment.expiry_date)}"


ENROLLMENT_DIALOGS = (ChangeEnd, EndAccess, RetryCourses, RetryCourse)
STUDENT_DIALOGS = (Enroll, ChangeEndOfStudent, EndAccessOfStudent)
