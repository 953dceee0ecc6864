"""The administrator in whose name payments are carried out: who it is, and who may decide that."""

from django.db.models import Q, QuerySet

from core.errors import Refusal
from core.models import SiteSettings, User
from core.permissions import scope
from core.permissions.codes import PERMISSIONS
from core.wording import listed

NEEDED = (
    "users.create",
    "users.edit",
    "teams.create",
    "teams.edit",
    "teams.assign",
    "seats.create",
    "seats.edit",
    "seats.assign",
    "enrollments.create",
    "enrollments.extend",
    "enrollments.delete",
)
NOT_TO_NAME = "Choose an administrator who has no right that you do not have."
WHERE = "Choose another account in Settings, Payments, then retry."


class NoAccount(Refusal):
    """Settings name nobody who could carry out a payment."""


def named() -> User:
    """Returns the account that Settings name. Raises NoAccount."""
    # Read now, and not as a task remembers it: somebody may have chosen the account just before a retry.
    person = User.objects.filter(pk__in=SiteSettings.objects.values("payments_account")).first()
    if person is None:
        raise NoAccount("Settings name nobody who carries out payments. Choose an account there, then retry.")
    if not person.sees_everything:
        raise NoAccount(f"{person}, who carries out payments, is no administrator any more. {WHERE}")
    held = scope.codes_everywhere(person)
    if missing := [PERMISSIONS[code].label for code in NEEDED if code not in held]:
        raise NoAccount(f"{person}, who carries out payments, lacks rights: {listed(missing)}. {WHERE}")
    return person


def may_name(viewer: User, person: User) -> bool:
    """Whether the viewer may let payments be carried out in this person's name. Whoever knows the signing
    secret acts as that person, so it takes the right to change their account."""
    return viewer.pk == person.pk or scope.may_change_account(viewer, person)


def to_name(viewer: User) -> QuerySet[User]:
    """Returns the administrators whom the viewer may name, and whoever is named now."""
    everybody = User.objects.filter(Q(is_superuser=True) | Q(global_role__isnull=False), is_active=True)
    keys = [person.pk for person in everybody.select_related("global_role") if may_name(viewer, person)]
    return User.objects.filter(Q(pk__in=keys) | Q(pk=SiteSettings.load().payments_account_id)).order_by("pk")


def why_not_to_decide(viewer: User) -> str:
    """Returns why the viewer may not change the signing secret; empty when they may."""
    person = SiteSettings.load().payments_account
    if person is None or may_name(viewer, person):
        return ""
    return f"Payments are carried out in the name of {person}, whose account you may not change."
