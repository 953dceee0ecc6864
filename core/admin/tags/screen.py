"""Tags: labels on people."""

from django.contrib import admin
from django.db.models import QuerySet
from unfold.enums import ActionVariant

from core.admin.kit import cells
from core.admin.kit.dialogs.buttons import opens
from core.admin.kit.exports.screens import ExportingAdmin
from core.admin.kit.history import HistoryAdmin
from core.admin.kit.lists.columns import column, count_column
from core.admin.tags.dialogs import TAG_DIALOGS, AddTag, people_with
from core.models import Tag, User, UserTag


def _tagged(viewer: User) -> QuerySet:
    return UserTag.objects.visible_to(viewer)


@admin.register(Tag)
class TagAdmin(ExportingAdmin, HistoryAdmin):
    label = column("Name", "name", cells.text, sort="plain")
    people = count_column("Users", _tagged, "tag", leads_to=people_with, sort=True)
    created = column("Created At", "created_at", cells.moment, sort=True)

    list_display = ["label", "people", "created"]
    search_fields = ["folded"]
    search_help_text = "Search by name"
    ordering = ["plain", "id"]
    few_rows = True
    fields = ["label", "people", "created"]
    dialogs = TAG_DIALOGS
    add_tag = opens(AddTag, variant=ActionVariant.PRIMARY)
    actions_list = ("add_tag", "export")
    first_tab_title = "Tag"
    empty_text = "Tags group people across teams. Add them on a user's page or in the list of users."
