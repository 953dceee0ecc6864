"""Deleting people: here, and in Thinkific only where the settings say so."""

from dataclasses import dataclass

from django.db import transaction
from django.db.models import ProtectedError, Q

from core.errors import Refusal
from core.models import ImpersonationSession, Invitation, OutboxEntry, SiteSettings, User
from core.services import outbox
from core.services.history import signed
from core.wording import listed, plural

RECORDED = "{} stands in the record of impersonations, which is kept. Switch the account off instead."
# A request that makes an account has been sent, and its answer is not here.
ON_ITS_WAY = Q(status=OutboxEntry.Status.IN_FLIGHT) | Q(uncertain=True)


@dataclass(frozen=True)
class Deletion:
    """What deleting a person destroys: shown before, in numbers, and confirmed by handing it back."""

    user_id: int
    name: str
    enrollments: int
    quiz_results: int
    certificates: int
    memberships: int
    thinkific_id: int | None  # the account that is deleted there too; None: there is none, or it stays
    stays_in_thinkific: bool

    def fingerprint(self) -> str:
        """What a form hands back, to tell whether this is still what was confirmed."""
        values = (self.user_id, self.enrollments, self.quiz_results, self.certificates, self.memberships)
        return "-".join(map(str, [*values, self.thinkific_id or 0, int(self.stays_in_thinkific)]))

    def sentences(self) -> list[str]:
        found = [
            (self.enrollments, "enrollment"),
            (self.quiz_results, "quiz result"),
            (self.certificates, "certificate"),
            (self.memberships, "team membership"),
        ]
        counted = listed([plural(count, noun) for count, noun in found if count])
        said = [f"{self.name} is deleted here{f' with {counted}' if counted else ''}. This cannot be undone."]
        if self.thinkific_id is not None:
            said.append(
                f"The Thinkific account {self.thinkific_id} is deleted too, for good: progress, quiz and "
                "survey answers, assignments, reviews and Thinkific's certificates go with it. Orders stay."
            )
        elif self.stays_in_thinkific:
            said.append(
                "The Thinkific account stays, and the next pull of the users brings the person back without "
                "teams. To keep somebody out, switch the account off instead."
            )
        return said


def describe(user: User) -> Deletion:
    """What deleting this person would destroy, by the settings as they are."""
    settings = SiteSettings.load()
    too = settings.delete_users if user.is_dashboard_user else settings.delete_students
    there = user.thinkific_id is not None and user.removed_at is None
    return Deletion(
        user_id=user.pk,
        name=str(user),
        enrollments=user.enrollments.count(),
        quiz_results=user.quiz_results.count(),
        certificates=user.certificates.count(),
        memberships=user.memberships.count(),
        thinkific_id=user.thinkific_id if there and too else None,
        stays_in_thinkific=there and not too,
    )


def kept_by_the_settings(user: User) -> str:
    """Why a deletion would not last: the settings leave the Thinkific account. Empty: it would."""
    if not describe(user).stays_in_thinkific:
        return ""
    setting = "delete users in Thinkific" if user.is_dashboard_user else "delete students in Thinkific"
    return (
        f"The settings keep Thinkific accounts: {user}, deleted here only, would come back with the next "
        f"pull of the users. Switch on “{setting}” in Settings to delete both. To keep somebody out and lose "
        "nothing, switch the account off in Edit Profile."
    )


def obstacle(user: User, *, by: User | None = None) -> str:
    """Why this person cannot be deleted as things stand. Empty: they can be."""
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
    """Delete a person, as it was described and confirmed. Raises Refusal where that has changed since, and
    where there is an obstacle."""
    user = User.objects.select_for_update(of=("self",)).get(pk=user.pk)
    if why := obstacle(user, by=by):
        raise Refusal(why)
    if describe(user) != confirmed:
        raise Refusal(f"What belongs to {user} has changed since you were asked. Look again and confirm.")
    key = user.pk
    # The database would empty these without a word in their history.
    for invitation in Invitation.objects.select_for_update().filter(invited_by=user).exclude(user=user):
        invitation.invited_by = None
        signed(invitation, by=by, reason="who invited was deleted").save(update_fields=["invited_by"])
    try:
        signed(user, by=by, reason="deleted").delete()
    except ProtectedError:  # somebody began to act as them at this moment
        raise Refusal(RECORDED.format(user)) from None
    if confirmed.thinkific_id is not None:
        outbox.mark_gone(
            entity="user",
            object_id=key,
            thinkific_id=confirmed.thinkific_id,
            reason=f"{confirmed.name} was deleted",
            by=by,
        )
