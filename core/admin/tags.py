"""Tags: labels on people."""

from django.contrib import admin
from django.db.models import QuerySet

from core.admin.kit import cells
from core.admin.kit.base import DashboardAdmin
from core.admin.kit.lists.columns import column, count_column
from core.models import Tag, User


def _tagged(viewer: User) -> QuerySet:
    tagged: QuerySet = User.tags.through._default_manager.all()
    return tagged if viewer.sees_everything else tagged.filter(user__in=User.objects.own_people_of(viewer))


@admin.register(Tag)
class TagAdmin(DashboardAdmin):
    label = column("Name", "name", cells.text, sort=True)
    people = count_column("Users", _tagged, "tag")
    created = column("Created At", "created_at", cells.moment)

    list_display = ["label", "people", "created"]
    search_fields = ["folded"]
    search_help_text = "Search by name"
    ordering = ["name", "id"]
    fields = ["label", "people", "created"]
    empty_text = "Tags group people across teams, for filters and reports."

    def limit(self, queryset: QuerySet, viewer: User) -> QuerySet:
        """Team managers see only tags of their own people, as the names of other tags may tell about other
        teams."""
        if viewer.sees_everything:
            return queryset
        return queryset.filter(pk__in=_tagged(viewer).values("tag"))
