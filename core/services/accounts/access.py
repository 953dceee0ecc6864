"""Who may use the dashboard."""

from django.db.models import Exists, OuterRef, Q, QuerySet

from core.models import Membership, User


def may_use_the_dashboard(users: QuerySet[User]) -> QuerySet[User]:
    """Returns the active users who are in a team, are administrators or superusers, or have a global role."""
    in_a_team = Exists(Membership.objects.filter(user=OuterRef("pk")))
    rights = Q(is_staff=True) | Q(is_superuser=True) | Q(global_role__isnull=False)
    return users.filter(rights | in_a_team, is_active=True)
