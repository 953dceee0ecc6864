"""Deleting users: here, and in Thinkific only if the settings say so."""

from dataclasses import dataclass

from django.db import transaction
from django.db.models import ProtectedError, Q

from core.errors import Refusal
from core.models import ImpersonationSession, Invitation, OutboxEntry, SiteSettings, User
from core.services import outbox
from core.services.history import signed
from core.services.roles import administrators
from core.wording import listed, plural

RECORDED = "{} is in the record of impersonations, which is kept. Switch the account off instead."
# A request to make the account was sent, and its answer has not come.
ON_ITS_WAY = Q(status=OutboxEntry.Status.IN_FLIGHT) | Q(uncertain=True)


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
    stays_in_thinkific: bool

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
        return "-".join(map(str, [*values, self.thinkific_id or 0, int(self.stays_in_thinkific)]))

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
                "The Thinkific account stays, and the next pull of the users brings the person back without "
                "teams. To keep somebody out, switch the account off instead."
            )
        return said


def describe(user: User) -> Deletion:
    """Returns what deleting this user would destroy with the present settings."""
    stays = _stays_in_thinkific(user)
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
    )


def _stays_in_thinkific(user: User) -> bool:
    """Whether the user has a Thinkific account that the settings keep."""
    settings = SiteSettings.load()
    too = settings.delete_users if user.is_dashboard_user else settings.delete_students
    return user.thinkific_id is not None and user.removed_at is None and not too


def kept_by_the_settings(user: User) -> str:
    """Returns why a deletion would be undone by the next pull: the settings keep the Thinkific account. Empty
    when it would last."""
    if not _stays_in_thinkific(user):
        return ""
    setting = "delete users in Thinkific" if user.is_dashboard_user else "delete students in Thinkific"
    return (
        f"The settings keep Thinkific accounts: {user}, deleted here only, would come back with the next "
        f"pull of the users. Switch on “{setting}” in Settings to delete both. To keep somebody out and lose "
        "nothing, switch the account off in Edit Profile."
    )


def obstacle(user: User, *, by: User | None = None) -> str:
    """Returns why `by` cannot delete this user now; empty when it is possible."""
    if by is not None and by.pk == user.pk:
        return "You cannot delete yourself. Ask another administrator."
    if user.is_superuser:
        return f"{user} is a superuser and cannot be deleted here."
    if owned := list(user.owned_teams.all()[:3]):
        names = ", ".join(str(team) for team in owned)
        return f"{user} owns {names}. Make somebody else the owner first."
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
def delete(user: User, *, confirmed: Deletion, by: User | None = None) -> None:
    """Delete a user. `confirmed` is the description that a person has confirmed. Raises Refusal when it is no
    longer true, or when there is an obstacle."""
    user = User.objects.select_for_update(of=("self",)).get(pk=user.pk)
    if why := obstacle(user, by=by):
        raise Refusal(why)
    administrators.check_another_is_left(user)
    if describe(user) != confirmed:
        raise Refusal(f"The data of {user} has changed since you were asked. Check it again and confirm.")
    key = user.pk
    # The database would set these to NULL itself, but without a row in their history.
    for invitation in Invitation.objects.select_for_update().filter(invited_by=user).exclude(user=user):
        invitation.invited_by = None
        signed(invitation, by=by, reason="who invited was deleted").save(update_fields=["invited_by"])
    try:
        signed(user, by=by, reason="deleted").delete()
    except ProtectedError:  # an impersonation of the user began at this moment
        raise Refusal(RECORDED.format(user)) from None
    if confirmed.thinkific_id is not None:
        outbox.mark_gone(
            entity="user",
            object_id=key,
            thinkific_id=confirmed.thinkific_id,
            reason=f"{confirmed.name} was deleted",
            by=by,
        )
