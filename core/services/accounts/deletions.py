"""Deleting users: here, and in Thinkific only if the settings say so."""

from dataclasses import dataclass

from django.db import transaction
from django.db.models import ProtectedError, Q, QuerySet
from django.utils import timezone

from core.errors import Refusal
from core.models import Enrollment, ImpersonationSession, Invitation, OutboxEntry, SiteSettings, Team, User
from core.permissions import students
from core.services import outbox, webhooks
from core.services.accounts import personal_teams
from core.services.accounts.personal_teams import ON_ITS_WAY, Along
from core.services.history import signed
from core.services.roles import administrators
from core.services.teams import leaving
from core.services.teams.leaving import Alone
from core.services.teams.personal import personal_of
from core.wording import first_of, listed, plural

RECORDED = "{} is in the record of impersonations, which is kept. Switch the account off instead."


@dataclass(frozen=True)
class Deletion:
    """What deleting a user destroys. The screen shows it, and the confirmed one is passed to `delete`."""

    user_id: int
    name: str
    enrollments: int
    quiz_results: int
    certificates: int
    memberships: int
    notes: int
    thinkific_id: int | None  # the Thinkific account that is deleted too; None: there is none, or it stays
    stays_in_thinkific: str  # how both could be deleted, if the Thinkific account stays; empty: it does not
    back: str  # how the person then comes back
    along: Along | None = None  # the personal team with its students

    def fingerprint(self) -> str:
        """Returns a text for a hidden field of the form, to compare what was confirmed with what is true
        now."""
        values = (
            self.user_id,
            self.enrollments,
            self.quiz_results,
            self.certificates,
            self.memberships,
            self.notes,
        )
        along = [self.along.fingerprint()] if self.along else []
        return "-".join(
            map(str, [*values, self.thinkific_id or 0, int(bool(self.stays_in_thinkific)), *along])
        )

    def sentences(self) -> list[str]:
        found = [
            (self.enrollments, "enrollment"),
            (self.quiz_results, "quiz result"),
            (self.certificates, "certificate"),
            (self.memberships, "team membership"),
            (self.notes, "note"),
        ]
        counted = listed([plural(count, noun) for count, noun in found if count])
        said = [f"{self.name} is deleted here{f' with {counted}' if counted else ''}. This cannot be undone."]
        if self.thinkific_id is not None:
            said.append(
                f"The Thinkific account {self.thinkific_id} is deleted too, permanently, with its progress, "
                "quiz and survey answers, assignments, reviews and certificates. Orders stay."
            )
        elif self.stays_in_thinkific:
            said.append(
                "The Thinkific account stays, and the next pull of the users brings the person back "
                f"{self.back} To keep somebody out, switch the account off in Edit Profile instead. "
                f"{self.stays_in_thinkific}"
            )
        return said + (self.along.sentences() if self.along else [])


def describe(user: User, *, by: User | None = None, with_team: bool = False) -> Deletion:
    """Returns what `by` would destroy by deleting this user with the present settings. `with_team`: the
    personal team goes even if they keep its students, who then stay without it."""
    stays = _kept_there(user, by=by)
    return Deletion(
        user_id=user.pk,
        name=str(user),
        enrollments=user.enrollments.count(),
        quiz_results=user.quiz_results.count(),
        certificates=user.certificates.count(),
        memberships=user.memberships.count(),
        notes=user.notes.count(),
        thinkific_id=None if stays or user.removed_at is not None else user.thinkific_id,
        stays_in_thinkific=stays,
        back=personal_teams.way_back([user.pk]) if stays else "",
        along=personal_teams.describe(user, by=by, with_team=with_team),
    )


def _kept_there(user: User, *, by: User | None) -> str:
    """Returns how both accounts could be deleted, if the settings keep the user's Thinkific account; empty
    when there is none, or when it goes too."""
    if user.thinkific_id is None or user.removed_at is not None:
        return ""
    settings, is_user = SiteSettings.load(), bool(students.with_rights([user]))
    if settings.delete_users if is_user else settings.delete_students:
        return ""
    if by is not None and not by.sees_everything:
        return "An administrator can delete both."
    which = "users" if is_user else "students"
    return f"To delete both, switch on “delete {which} in Thinkific” in Settings."


def _bought(user: User) -> QuerySet[Enrollment]:
    bought = user.enrollments.filter(
        origin=Enrollment.Origin.THINKIFIC, granted=False, removed_at__isnull=True
    )
    return bought.filter(last_seat__isnull=True, via_bundle__isnull=True)


def obstacle(user: User, *, by: User | None = None, with_team: bool = False) -> str:
    """Returns why `by` cannot delete this user now; empty when it is possible."""
    if by is not None and by.pk == user.pk:
        return "You cannot delete yourself. Ask another administrator."
    if user.is_superuser:
        return f"{user} is a superuser and cannot be deleted here."
    if by is not None and not by.sees_everything and _bought(user).exists():
        return f"{user} has access that was bought in Thinkific. Ask an administrator to delete the account."
    along = personal_teams.going_along(user, with_team=with_team)
    if owned := list(user.owned_teams.exclude(pk__in=[team.pk for team in along])):
        said = f"{user} owns {first_of([str(team) for team in owned])}. Make somebody else the owner first."
        if not along and set(owned) <= set(personal_of(user)):
            said += (
                " Or switch on “delete the students of a user too” in Settings: personal teams then go along."
            )
        return said
    if why := personal_teams.obstacle(along):
        return why
    if not with_team and (why := personal_teams.who_cannot_leave(along, user, by=by)):
        return why
    if ImpersonationSession.objects.filter(Q(impersonator=user) | Q(impersonated=user)).exists():
        return RECORDED.format(user)
    making = OutboxEntry.objects.unsent().filter(entity="user", object_id=user.pk)
    if user.thinkific_id is None and making.filter(ON_ITS_WAY).exists():
        return (
            f"An account for {user} is being made in Thinkific, or may have been. Try again in a minute, or "
            "discard that waiting change first."
        )
    return ""


@transaction.atomic
def delete(user: User, *, confirmed: Deletion, by: User | None = None, with_team: bool = False) -> None:
    """Delete a user, with what goes along. `confirmed` is the description that a person has confirmed. Raises
    Refusal when it is no longer true, when there is an obstacle, or when `by` may not delete the user."""
    personal_teams.lock(user, with_team=with_team)
    user = User.objects.select_for_update(of=("self",)).get(pk=user.pk)
    if why := obstacle(user, by=by, with_team=with_team):
        raise Refusal(why)
    if by is not None and not students.may_delete(by, user):  # they may have joined a team meanwhile
        raise Refusal(f"You cannot delete {user}. Ask an administrator.")
    administrators.check_another_is_left(user)
    if describe(user, by=by, with_team=with_team) != confirmed:
        raise Refusal(f"The data of {user} has changed since you were asked. Check it again and confirm.")
    if confirmed.along is not None:
        _delete_along(
            confirmed.along, of=user, by=by, when_alone=Alone.MAY_MOVE if with_team else Alone.MUST_MOVE
        )
        user.refresh_from_db(fields=["primary_team", "home_team"])
    _delete_account(user, thinkific_id=confirmed.thinkific_id, reason="deleted", by=by)


@transaction.atomic
def take_back(user: User, *, by: User, reason: str) -> None:
    """Delete an account that nobody has used yet, because making it was a mistake. Thinkific is not told of
    it any more. The caller has checked that nothing depends on it. Raises Refusal where there is an
    obstacle."""
    user = User.objects.select_for_update(of=("self",)).get(pk=user.pk)
    if why := obstacle(user, by=by):
        raise Refusal(why)
    waiting = OutboxEntry.objects.filter(person=user, status=OutboxEntry.Status.PENDING)
    waiting.update(status=OutboxEntry.Status.DISCARDED, finished_at=timezone.now(), sent={})
    _delete_account(user, thinkific_id=None, reason=reason, by=by)


def _delete_along(along: Along, *, of: User, by: User | None, when_alone: Alone) -> None:
    """Delete personal teams and their students. Other members leave the teams first, as if removed."""
    reason = f"deleted with {of}"
    teams = list(Team.objects.filter(pk__in=[pk for pk, _ in along.teams]).order_by("pk"))
    staying = list(User.objects.filter(pk__in=[pk for pk, *_ in along.staying]).order_by("pk"))
    for team in teams:
        leaving.remove_members(team=team, users=staying, by=by, when_alone=when_alone)
    going = User.objects.in_bulk([pk for pk, *_ in along.students])
    for pk, _, thinkific_id in along.students:
        _delete_account(going[pk], thinkific_id=thinkific_id, reason=reason, by=by)
    # The database would set these to NULL itself, but without a row in their history.
    for person in User.objects.filter(Q(home_team__in=teams) | Q(primary_team__in=teams)).order_by("pk"):
        person.home_team = None if person.home_team in teams else person.home_team
        person.primary_team = None if person.primary_team in teams else person.primary_team
        signed(person, by=by, reason=reason).save(update_fields=["home_team", "primary_team", "updated_at"])
    for team in teams:
        signed(team, by=by, reason=reason).delete()


def _delete_account(user: User, *, thinkific_id: int | None, reason: str, by: User | None) -> None:
    """Delete one account here, and mark its Thinkific account (None: it stays) to be deleted."""
    key, name = user.pk, str(user)
    # The database would set these to NULL itself, but without a row in their history.
    for invitation in Invitation.objects.select_for_update().filter(invited_by=user).exclude(user=user):
        invitation.invited_by = None
        signed(invitation, by=by, reason="who invited was deleted").save(update_fields=["invited_by"])
    _tell(user, in_thinkific_too=thinkific_id is not None)
    try:
        signed(user, by=by, reason=reason).delete()
    except ProtectedError:  # an impersonation of the user began at this moment
        raise Refusal(RECORDED.format(user)) from None
    if thinkific_id is not None:
        outbox.mark_gone(
            entity="user", object_id=key, thinkific_id=thinkific_id, reason=f"{name} was deleted", by=by
        )


def _tell(user: User, *, in_thinkific_too: bool) -> None:
    """Tell of a deletion: users and students are two views of one person, who may be both."""
    if user.is_dashboard_user:
        webhooks.emit("user.deleted", [user])
    if not user.is_dashboard_user or user.memberships.filter(role__code="student").exists():
        webhooks.emit("student.deleted.thinkific" if in_thinkific_too else "student.deleted", [user])
