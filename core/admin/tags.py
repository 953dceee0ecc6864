"""Tags: labels on people."""

from django.contrib import admin
from django.db.models import OuterRef, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.decorators import display

from core.admin.kit import cells
from core.admin.kit.base import DashboardAdmin
from core.admin.kit.lists.lists import CappedCount, amount
from core.admin.kit.viewer import viewer_of
from core.models import Tag, User


@admin.register(Tag)
class TagAdmin(DashboardAdmin):
    list_display = ["label", "people", "created"]
    search_fields = ["folded"]
    search_help_text = "Search by name"
    sortable_by = ["label"]
    ordering = ["name", "id"]
    fields = ["label", "people", "created"]
    empty_text = "Tags group people across teams, for filters and reports."

    def limit(self, queryset: QuerySet, viewer: User) -> QuerySet:
        """Managers know the tags that their people wear: another team's may be telling."""
        if viewer.sees_everything:
            return queryset
        worn = User.tags.through._default_manager.filter(user__in=User.objects.own_people_of(viewer))
        return queryset.filter(pk__in=worn.values("tag"))

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        worn = User.tags.through._default_manager.filter(tag=OuterRef("pk"))
        if not viewer_of(request).sees_everything:
            worn = worn.filter(user__in=User.objects.own_people_of(viewer_of(request)))
        return super().get_queryset(request).annotate(people_count=CappedCount(worn))

    @display(description="Name", ordering="name")
    def label(self, tag: Tag) -> SafeString:
        return cells.text(tag.name)

    @display(description="Users")
    def people(self, tag: Tag) -> str:
        return amount(tag.people_count)  # type: ignore[attr-defined]

    @display(description="Created At")
    def created(self, tag: Tag) -> SafeString:
        return cells.moment(tag.created_at)
