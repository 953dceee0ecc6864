"""The Student API: a student is a person who is assigned to users by being in their personal teams.

No limit stops it: neither the most students of a team nor the places of a seat, be it full or inactive. The
rights of the issuer, `by`, always hold, as on the screens.
"""

from collections.abc import Collection
from dataclasses import dataclass

from django.db import transaction

from core.errors import NotAllowed, Refusal
from core.folding import normalize_email
from core.models import EmailChange, Enrollment, Invitation, Job, Membership, Product, Role, Team, User
from core.permissions import scope, students
from core.services import invitations, memberships, people
from core.services.accounts import deletions
from core.services.api import jobs, personal_team, users
from core.services.api.users import NotNow
from core.services.enrollments import seat_access
from core.services.people import EmailTaken
from core.services.teams import leaving
from core.services.teams.leaving import Alone


class NotThere(Refusal):
    status = 404


class UnknownUser(Refusal):
    field = "user_email"


@dataclass(frozen=True)
class Upserted:
    """`student` is None when the person got an invitation: an account that the issuer may not see."""

    student: User | None
    created: bool = False
    job: Job | None = None  # of the enrollments


# --- finding ------------------------------------------------------------------------------------------


def find(email: str, *, by: User) -> User:
    """Returns the student with this address. Raises NotThere, also for one whom `by` may not see."""
    seen = students.every_student().visible_to(by)
    student: User | None = seen.of_address(email).first()
    if student is None:
        raise NotThere(f"There is no student with the e-mail {email}, or this token may not see them.")
    return student


def find_user(email: str, *, by: User) -> User:
    """Returns the user with this address, to whom students can be assigned. Raises NotThere."""
    user = users.of_address(by, email)
    if user is None:
        raise NotThere(f"There is no user with the e-mail {email}, or this token may not see them.")
    return user


def locked(key: int, *, by: User) -> User | None:
    """Returns the student with this primary key, locked; None for one whom `by` may not see."""
    seen = students.every_student().visible_to(by)
    return seen.select_for_update(of=("self",)).filter(pk=key).first()


# --- assigning to users -------------------------------------------------------------------------------


@transaction.atomic(savepoint=False)
def upsert(
    *,
    email: str,
    first_name: str,
    last_name: str,
    user: User,
    products: Collection[Product] = (),
    by: User,
) -> Upserted:
    """Make the student with this address, or update the one whom there is; assign them to a user, and enroll
    them in products.

    An address proves nothing. So the names of an existing account are changed only if `by` may change the
    account, and somebody whose account `by` may not see is invited, is not enrolled and stays as they are.
    """
    team, by = _team_of(user, by)
    person, created = User.objects.of_address(email).first(), False
    if person is None:
        try:
            person, created = _make(email, first_name, last_name, team, by), True
        except EmailTaken:  # another call made the account at this moment
            person = User.objects.of_address(email).get()
    if not created:
        if not User.objects.visible_to(by).filter(pk=person.pk).exists():
            _invite(person, email, team, by)
            return Upserted(None)
        _assign(person, team, by)
        if scope.may_change_account(by, person):
            person = people.update_user(person, by=by, first_name=first_name, last_name=last_name)
    job = _enroll(person, products, team, by) if products else None
    return Upserted(person, created, job)


@transaction.atomic
def associate(student: User, user: User, *, by: User) -> None:
    """Assign a student to a user; nothing changes when they are already."""
    team, by = _team_of(user, by)
    _assign(student, team, by)


@transaction.atomic
def dissociate(student: User, user: User, *, by: User) -> None:
    """End the assignment of a student to a user, and nothing else; nothing changes where there is none.

    The record is kept: who is in no other team then joins the default team or, without one, is listed as
    unassigned.
    """
    team = personal_team.known(user)
    if team is None:
        may = (by.sees_everything or by.pk == user.pk) and scope.holds(by, "teams.assign")
    else:
        may = "teams.assign" in scope.codes_in(by, team.pk)
    if not may:
        raise _not_for(user)
    if team is None:
        return
    if Membership.objects.filter(team=team, user=student, role__code="student").exists():
        leaving.remove_members(team=team, users=[student], by=by, when_alone=Alone.MAY_MOVE)


@transaction.atomic
def enroll(student: User, user: User, products: Collection[Product], *, by: User) -> Job:
    """Assign a student to a user and enroll them in products. Raises Refusal."""
    team, by = _team_of(user, by)
    _assign(student, team, by)
    return _enroll(student, products, team, by)


def _team_of(user: User, by: User) -> tuple[Team, User]:
    """Returns the personal team of a user, and the issuer with the rights that they have there now.

    The issuer's own team, and for an administrator everybody's, is made when it is needed first. Raises
    NotAllowed when `by` may not assign anybody to this user.
    """
    if by.pk != user.pk and not by.sees_everything:
        team = personal_team.known(user)
        if team is None or not scope.holds_in(by, "teams.assign", team):
            raise _not_for(user)
        return team, by
    if not scope.holds(by, "teams.assign"):
        raise _not_for(user)
    if not user.is_active and personal_team.known(user) is None:
        raise UnknownUser(f"{user}'s account is switched off. Switch it on first.")
    team = personal_team.of(user, by=by)
    if not by.sees_everything:  # rights are cached, and may be those of before the team
        by = User.objects.select_related("global_role").get(pk=by.pk)
    return team, by


def _not_for(user: User) -> NotAllowed:
    return NotAllowed(f"The issuer of this token may not change who is assigned to {user.email}.")


def _make(email: str, first_name: str, last_name: str, team: Team, by: User) -> User:
    if "users.create" not in scope.codes_in(by, team.pk):
        raise NotAllowed("The issuer of this token may not add people.")
    return people.create_user(
        email=email,
        first_name=first_name,
        last_name=last_name,
        memberships=[(team, _student_role())],
        by=by,
        beyond_limit=True,
    )


def _assign(person: User, team: Team, by: User) -> None:
    there = Membership.objects.filter(team=team, user=person).select_related("role").first()
    if there is None:
        memberships.add_member(team=team, user=person, role=_student_role(), by=by, beyond_limit=True)
    elif there.role.code != "student":
        raise NotNow(
            f"{person} is {there.role} in the team {team}, so they are no student of its owner. Nothing was "
            "changed."
        )


def _invite(person: User, email: str, team: Team, by: User) -> None:
    if not Invitation.objects.filter(team=team, user=person).exists():
        invitations.invite(
            team=team, user=person, role=_student_role(), address=normalize_email(email), by=by
        )


def _enroll(student: User, products: Collection[Product], team: Team, by: User) -> Job:
    if not scope.holds(by, "enrollments.create"):
        raise NotAllowed("The issuer of this token may not enroll people.")
    gone = student.thinkific_id is not None and student.removed_at is not None
    if gone and scope.may_change_account(by, student):
        people.create_thinkific_account(student, by=by)
        student.refresh_from_db()
    made = seat_access.enroll_without_limits(
        student=student, products=products, team=team, by=by, origin=Enrollment.Origin.API
    )
    return jobs.start(Job.Kind.ENROLL, user=by, objects=[student, *made])


def _student_role() -> Role:
    return Role.objects.get(code="student")


# --- one record ---------------------------------------------------------------------------------------


@transaction.atomic
def update(
    student: User, *, first_name: str, last_name: str, email: str, by: User
) -> tuple[User, EmailChange | None]:
    """Change the names and the address of a student. Returns the student, and the change of the address that
    waits for a confirmation by its link, as `users.change_email` says. Raises Refusal."""
    if not scope.may_change_account(by, student):
        raise NotAllowed("The issuer of this token may not change this account.")
    student = people.update_user(student, by=by, first_name=first_name, last_name=last_name)
    change = users.change_email(student, email, by=by)
    return User.objects.get(pk=student.pk), change


@transaction.atomic
def delete(student: User, *, by: User) -> None:
    """Delete a student for all users, and in Thinkific if the settings say so. Somebody who holds a right
    here stays a user, with account and enrollments, and is no longer a student. Raises Refusal."""
    if students.with_rights([student]):
        _delete_learner(student, by)
        return
    if not students.may_delete(by, student):
        raise NotAllowed("The issuer of this token may not delete this student.")
    if why := deletions.obstacle(student, by=by):
        raise NotNow(why)
    deletions.delete(student, confirmed=deletions.describe(student, by=by), by=by)


def _delete_learner(person: User, by: User) -> None:
    """End all memberships as a student of somebody who holds a right here. Who is in no other team then, and
    has no role in the whole dashboard, has their personal team."""
    may = scope.codes_everywhere(by) & {"students.delete", "users.delete"}
    if not may:
        raise NotAllowed("The issuer of this token may not delete this student.")
    learning = Membership.objects.filter(user=person, role__code="student").select_related("team")
    elsewhere = Membership.objects.filter(user=person).exclude(role__code="student")
    whole = person.is_superuser or person.global_role_id is not None
    if not whole and person.is_active and not elsewhere.exists():
        personal_team.of(person, by=by)
    for membership in learning.order_by("team"):
        leaving.remove_members(
            team=membership.team,
            users=[person],
            reason="deleted as a student",
            by=by,
            when_alone=Alone.STAYS_OUT,
        )
