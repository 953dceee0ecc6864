"""The filters of the list of users."""

from collections.abc import Callable, Mapping
from functools import partial

from django.db.models import Exists, OuterRef, Q, QuerySet

from core.admin.kit.base import visible
from core.admin.kit.lists.filters import (
    Choices,
    choice_filter,
    organization_filter,
    related_filter,
    team_filter,
)
from core.models import Membership, Role, User


def _memberships(viewer: User) -> Choices:
    if not viewer.sees_everything:
        return {}
    return {
        "no": ("In no team", _unassigned),
        "yes": ("In a team", Q(Exists(Membership.objects.filter(user=OuterRef("pk"))))),
    }


def _unassigned(people: QuerySet) -> QuerySet:
    """Returns the users without a team, as counted on the first page."""
    return people.filter(pk__in=User.objects.unassigned().values("pk"))


def _roles(viewer: User) -> Choices:
    roles = Role.objects.all() if viewer.sees_everything else Role.objects.filter(is_global=False)
    return {str(role.pk): (role.name, partial(_holders, role, viewer)) for role in roles}


def _holders(role: Role, viewer: User, people: QuerySet) -> QuerySet:
    if role.is_global and viewer.sees_everything:
        return people.filter(global_role=role)
    return people.filter(pk__in=visible(Membership.objects.filter(role=role), viewer).values("user"))


def _whose(viewer: User) -> Choices:
    """Returns the choices for team viewers, whose list has themselves too."""
    if viewer.sees_everything:
        return {}
    inside = Membership.objects.filter(team__in=viewer.managed_teams().current())
    students = inside.filter(role__code="student")
    return {
        "students": ("Students of my teams", Q(pk__in=students.values("user"))),
        "teams": ("Everybody in my teams", Q(pk__in=inside.values("user"))),
    }


def _addresses(viewer: User) -> Choices:
    return {"shared": ("Same address, written differently", _shared)} if viewer.sees_everything else {}


def _shared(people: QuerySet) -> QuerySet:
    return people.filter(pk__in=User.objects.with_duplicate_address().order_by().values("pk"))


def _of_accounts(choices: Mapping[str, tuple[str, Q]]) -> Callable[[User], Choices]:
    """Returns the choices of a filter about accounts as a function of the viewer: a team's viewer, who does
    not see the accounts of guests, does not find guests by them."""

    def offered(viewer: User) -> Choices:
        if viewer.sees_everything:
            return choices
        return {
            value: (label, partial(_own_people, condition, viewer))
            for value, (label, condition) in choices.items()
        }

    return offered


def _own_people(condition: Q, viewer: User, people: QuerySet) -> QuerySet:
    return people.filter(condition, pk__in=User.objects.own_people_of(viewer).order_by().values("pk"))


USER_FILTERS = (
    team_filter(Membership, "user"),
    organization_filter(
        lambda people, teams: people.filter(
            pk__in=Membership.objects.filter(team__in=teams).order_by().values("user")
        )
    ),
    choice_filter("whose", _whose, title="people"),
    choice_filter("assigned", _memberships, title="membership"),
    choice_filter("role", _roles),
    choice_filter(
        "active",
        _of_accounts(
            {
                "yes": ("Active", Q(is_active=True)),
                "no": ("Switched off", Q(is_active=False)),
                "staff": ("See all teams", Q(is_staff=True)),
            }
        ),
        title="account",
    ),
    related_filter(
        User.tags.through,
        "tag",
        matching=lambda people, tag, viewer: people.filter(
            pk__in=tag.users.own_people_of(viewer).values("pk")
        ),
    ),
    choice_filter(
        "thinkific",
        _of_accounts(
            {
                "yes": ("In Thinkific", Q(thinkific_id__isnull=False)),
                "no": ("Not in Thinkific", Q(thinkific_id__isnull=True)),
                "removed": ("Removed there", Q(removed_at__isnull=False)),
            }
        ),
        title="Thinkific",
    ),
    # Used by a link on the first page, which is shown while there are such accounts.
    choice_filter("address", _addresses, hidden_until_set=True),
)
