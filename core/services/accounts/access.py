"""Who may use the dashboard at all."""

from django.db.models import Exists, OuterRef, Q, QuerySet

from core.models import Membership, User


def may_use_the_dashboard(users: QuerySet[User]) -> QuerySet[User]:
    """Of these people the active ones who are in a team, work for the company or have a role everywhere."""
    in_a_team = Exists(Membership.objects.filter(user=OuterRef("pk")))
    rights = Q(is_staff=True) | Q(is_superuser=True) | Q(global_role__isnull=False)
    return users.filter(rights | in_a_team, is_active=True)
