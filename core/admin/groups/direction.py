"""The direction of an assignment in its row, on the pages of groups and teams: a choice for viewers who may
change it, and a text for others."""

from typing import Any

from django.db.models import BooleanField, Case, Model, QuerySet, Value, When
from django.middleware.csrf import get_token
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from core.admin.groups.dialogs import SetDirection
from core.admin.kit import open_pages
from core.admin.kit.dialogs.dialog import url_of
from core.admin.kit.lists.columns import Column, column
from core.models import Direction, GroupAssignment, User
from core.permissions import scope


def with_right_to_change(assignments: QuerySet[GroupAssignment], viewer: User) -> QuerySet[GroupAssignment]:
    """Annotate `may_change`: whether the viewer may change the direction."""
    teams = scope.teams_where(viewer, SetDirection.code).order_by().values("pk")
    changeable = Case(
        When(team__in=teams, then=Value(True)), default=Value(False), output_field=BooleanField()
    )
    return assignments.annotate(may_change=changeable)


def direction_column(page: str) -> Column:
    """Returns the column. `page`: whose page the tab belongs to, "group" or "team"."""

    def shown(assignment: Any) -> SafeString | str:
        pages = open_pages.current()
        if pages is None or not assignment.may_change:
            return str(assignment.get_direction_display())
        obj: Model = getattr(assignment, page)
        context = {
            "assignment": assignment,
            "url": url_of(obj._meta, SetDirection.slug, obj.pk, assignment.pk),
            "choices": Direction.choices,
            "token": get_token(pages.request),
        }
        return render_to_string("dashboard/direction.html", context)

    return column("Direction", shown, sort="direction")
