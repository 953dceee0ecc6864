"""Global roles of people, and the rule that an administrator is always left."""

from django.db import transaction
from django.db.models import Q, QuerySet

from core.errors import Refusal
from core.models import Role, User
from core.permissions import scope
from core.services import webhooks
from core.services.history import signed


def administrators() -> QuerySet[User]:
    """Returns the active people who have every permission: superusers and holders of the role
    Administrator."""
    return User.objects.filter(Q(is_superuser=True) | Q(global_role__code="administrator"), is_active=True)


def check_another_is_left(user: User) -> None:
    """Raises Refusal when this is the last administrator. Call it inside the transaction that takes the
    account or its role away: of two who are taken away at the same time, the second waits."""
    found = administrators().select_for_update(of=("self",)).order_by("pk").values_list("pk", flat=True)
    if list(found) == [user.pk]:
        raise Refusal(
            f"{user} is the last administrator. Make somebody else an administrator first, so that somebody "
            "can still manage the dashboard."
        )


@transaction.atomic
def change_global_role(user: User, *, role: Role | None, by: User) -> User:
    """Give a person a global role, or take it away (None): then the roles in their teams count. Raises
    Refusal when `by` does not hold what the person has or gets, for oneself, and for the last
    administrator."""
    user = User.objects.select_for_update(of=("self",)).get(pk=user.pk)
    if user.global_role_id == (role.pk if role else None):
        return user
    if by.pk == user.pk:
        raise Refusal("You cannot change your own global role. Ask another administrator.")
    if not scope.may_change_account(by, user):
        raise Refusal(f"{user} has permissions that you do not have. Ask an administrator who has them.")
    if role is not None and not scope.global_roles_to_give(by).filter(pk=role.pk).exists():
        raise Refusal(f"You cannot give the role {role}: it has permissions that you do not have.")
    if role is None or role.code != "administrator":
        check_another_is_left(user)
    if role is None and not user.memberships.exists():
        raise Refusal(f"{user} is in no team. Add them to one first; then the global role can be taken away.")
    user.global_role, user.is_staff = role, role is not None
    is_new = role is not None and not user.is_dashboard_user
    user.is_dashboard_user = user.is_dashboard_user or is_new
    signed(user, by=by, reason="global role changed").save(
        update_fields=["global_role", "is_staff", "is_dashboard_user", "updated_at"]
    )
    if is_new:
        webhooks.emit("user.created", [user])
    return user
