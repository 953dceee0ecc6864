"""Enrolling somebody, moving the end of their access, ending it."""

from collections.abc import Callable
from dataclasses import replace

from core import moments
from core.admin.enrollments.forms import EnrollForm, LastDayForm
from core.admin.kit.dialogs.dialog import Dialog, Done, url_of
from core.admin.kit.sync.sending import refused_of, retry_all, retry_rows
from core.models import Enrollment, User
from core.permissions import scope
from core.services.enrollments import enrollments, grants, seat_access


def _add(student: User, form: EnrollForm) -> Done:
    given = seat_access.enroll(
        student=student,
        products=form.cleaned_data["products"],
        expiry_date=moments.end_of(form.cleaned_data["last_day"]),
        by=form.viewer,
    )
    names = ", ".join(str(enrollment.product) for enrollment in given)
    return Done(f"{student} is enrolled in {names}.")


def _change_end(enrollment: Enrollment, form: LastDayForm) -> Done:
    end = moments.end_of(form.cleaned_data["last_day"])
    enrollments.change_expiry([enrollment], expiry_date=end, by=form.viewer)
    enrollment.refresh_from_db()
    return Done(f"Access to {enrollment.product} {_until(enrollment)}.")


def _end(enrollment: Enrollment, form: LastDayForm) -> Done:
    ended = enrollments.expire([enrollment], by=form.viewer)
    enrollment.refresh_from_db()
    if ended:
        said = f"{enrollment.user}'s access to {enrollment.product} has ended."
    else:
        said = f"{enrollment.user} keeps {enrollment.product} in another way: access {_until(enrollment)}."
    return Done(said)


def _until(enrollment: Enrollment) -> str:
    if enrollment.expiry_date is None:
        return "does not end"
    return f"ends on {moments.day(enrollment.expiry_date)}"


def _what_ending_does(enrollment: Enrollment) -> str:
    said = (
        f"{enrollment.user} can no longer open {enrollment.product}. Progress is kept, so that a later "
        "enrollment resumes it. Thinkific cannot delete enrollments: this one stays listed as expired."
    )
    if enrollment.product.is_bundle:
        return f"{said}\nThe courses of the bundle end with it, except those that are held in another way."
    if grants.held_through(enrollment).exists():  # unnamed: a team may not know of the bundle
        return f"{said}\nThe course stays open through a bundle that the student holds, until that ends too."
    return said


def _kept_by_a_bundle(enrollment: Enrollment, viewer: User) -> str:
    """Ending the course alone would change nothing."""
    bundle = grants.kept_by(enrollment)
    if bundle is None:
        return ""
    if _one("enrollments.delete")(viewer, bundle):
        return (
            f"{enrollment.user} holds {enrollment.product} through the bundle {bundle.product}, so it stays "
            "open as long as that does. End the bundle: its other courses end with it."
        )
    return (
        f"{enrollment.user} holds {enrollment.product} through a bundle that no seat of your teams gave, so "
        "it stays open as long as that does."
    )


def _end_the_bundle(enrollment: Enrollment, viewer: User) -> tuple[str, str] | None:
    bundle = grants.kept_by(enrollment)
    if bundle is None or not _one("enrollments.delete")(viewer, bundle):
        return None
    return url_of(Enrollment._meta, "end-access", bundle.pk), "End the bundle"


def _running(enrollment: Enrollment) -> bool:
    return enrollment.status != Enrollment.Status.EXPIRED


def _one(code: str) -> Callable[[User, Enrollment], bool]:
    """May this be done to the enrollment whose page it is; why not, "Given by" on the page says."""

    def may(viewer: User, enrollment: Enrollment) -> bool:
        mine = scope.enrollments_where(viewer, enrollment.user, code)
        return mine.filter(pk=enrollment.pk).exists()

    return may


ON_THE_PAGE = (
    Dialog(
        "change-end",
        "Change End Date",
        may=_one("enrollments.extend"),
        work=_change_end,
        form=LastDayForm,
        icon="event",
        text=lambda enrollment: (
            f"How long {enrollment.user} can open {enrollment.product}. A new end opens an "
            "expired enrollment again."
        ),
    ),
    Dialog(
        "end-access",
        "End Access",
        may=_one("enrollments.delete"),
        applies=_running,
        blocked=_kept_by_a_bundle,
        instead=_end_the_bundle,
        work=_end,
        icon="block",
        danger=True,
        text=_what_ending_does,
    ),
)
_change, _close = ON_THE_PAGE
ENROLLMENT_DIALOGS = (
    *ON_THE_PAGE,
    replace(
        retry_all("courses"),
        applies=lambda enrollment: enrollment.product.is_bundle and refused_of(enrollment).exists(),
    ),
    retry_rows(
        "courses",
        "enrollment",
        lambda bundle, viewer: Enrollment.objects.filter(via_bundle=bundle),
    ),
)
IN_THE_TAB = (
    Dialog(
        "enroll",
        "Add Enrollment",
        may=lambda viewer, student: scope.holds(viewer, "enrollments.create"),
        work=_add,
        form=EnrollForm,
        tab="enrollments",
        icon="add",
        text=lambda student: "Access begins now. Who had a course before goes on where they were.",
    ),
    replace(
        _change,
        may=lambda viewer, student: scope.holds(viewer, "enrollments.extend"),
        parts=lambda student, viewer: scope.enrollments_where(viewer, student, "enrollments.extend"),
        tab="enrollments",
    ),
    replace(
        _close,
        applies=lambda student: True,
        may=lambda viewer, student: scope.holds(viewer, "enrollments.delete"),
        parts=lambda student, viewer: scope.enrollments_where(
            viewer, student, "enrollments.delete"
        ).giving_access(),  # type: ignore[attr-defined]
        tab="enrollments",
    ),
)
