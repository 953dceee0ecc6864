"""A site with rows of every kind that the API shows: two teams, their people, and what belongs to them."""

from typing import Any
from uuid import UUID

from core.models import Job, SeatAssignment, User
from tests import factories

# What a path `/api/<name>/{id}` is about, by the name that a `Rows` has for it.
Rows = dict[str, list[Any]]


def filled(*, administrator: User, teams: list[Any], students: list[User]) -> Rows:
    """Give each of the teams a seat, a group and an enrolled student with results, and return the primary
    keys that paths name, by the first word of the path."""
    course = factories.ProductFactory(name="Accounting 101")
    bundle = factories.ProductFactory(bundle=True, name="All of it")
    factories.BundleItemFactory(bundle=bundle, course=course)
    rows: Rows = {"products": [course.pk, bundle.pk], "teams": [], "seats": [], "enrollments": []}
    for team, student in zip(teams, students, strict=True):
        seat = factories.SeatFactory(name=f"{team}: Accounting 101", product=course, teams=[team])
        enrollment = factories.EnrollmentFactory(user=student, product=course, last_seat=seat)
        factories.EnrollmentFactory(user=student, product=bundle, expired=True)
        factories.CertificateFactory(user=student, product=course)
        factories.QuizResultFactory(user=student, quiz__product=course)
        factories.GroupAssignmentFactory(team=team)
        rows["teams"].append(team.pk)
        rows["seats"].append(seat.pk)
        rows["enrollments"].append(enrollment.pk)
    people = User.objects.order_by("pk")
    rows["emails"] = [*people.values_list("email", flat=True), "new.person@people.example"]
    rows["numbers"] = [course.productable_id, bundle.productable_id]
    owners = people.filter(is_dashboard_user=True).exclude(pk=administrator.pk)
    rows["users"] = [*owners.values_list("pk", flat=True), administrator.pk]
    rows["students"] = [student.pk for student in students]
    rows["jobs"] = [str(Job.objects.create(pk=UUID(int=13), kind=Job.Kind.ENROLL, user=administrator).pk)]
    assert SeatAssignment.objects.count() == len(teams)
    return rows
