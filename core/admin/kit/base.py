"""The base class of all screens. It limits what they show to rows that the viewer may see."""

import re
from typing import Any

from django.contrib.admin.filters import ListFilter
from django.contrib.admin.options import ModelAdmin as DjangoModelAdmin
from django.core.exceptions import PermissionDenied
from django.db.models import Model, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern
from django.utils.functional import cached_property
from django.utils.safestring import SafeString

from core.admin.kit.dialogs.buttons import buttons_for, first_steps
from core.admin.kit.dialogs.chosen_in_tab import answer_in_tab, is_sent
from core.admin.kit.dialogs.screens import DialogAdmin
from core.admin.kit.exports.views import urls_of
from core.admin.kit.keys import only_keys
from core.admin.kit.lists.columns import Column, CountColumn
from core.admin.kit.lists.filters import key_of, words_of
from core.admin.kit.lists.lists import FEW, BoundedChangeList, BoundedPaginator
from core.admin.kit.sync.page_version import of_object, of_rows
from core.admin.kit.sync.sync_line import sync_line, unsent_changes_of
from core.admin.kit.tab_rows import Asked, form_context, tab_context
from core.admin.kit.tabs import AnyTab, FormTab, Tab
from core.admin.kit.viewer import viewer_of
from core.folding import email_key
from core.models import User
from core.models.fields.folded import holding

SEPARATORS = re.compile(r"[\s,;<>\"']+")  # between addresses that were copied from a mail or a spreadsheet


def visible(queryset: QuerySet, viewer: User) -> QuerySet:
    """Returns the rows that the viewer may see. A model without `visible_to` is for administrators only."""
    if hasattr(queryset, "visible_to"):
        return queryset.visible_to(viewer)
    return queryset if viewer.sees_everything else queryset.none()


class DashboardAdmin(DialogAdmin):
    """Lists, details, autocomplete, choices, filters, actions and search, limited to the visible rows.

    Read-only unless a screen says otherwise: most of what is shown belongs to Thinkific.

    Unfold keeps `self.request` on the admin, which all threads share: never use it. Changes are made by
    dialogs: about the object or a row of it (`dialogs`), about chosen rows (a class among `actions`), or
    opened by a button above the page (`opens`).
    """

    list_per_page = 50
    list_max_show_all = 0
    show_full_result_count = False
    show_facets = DjangoModelAdmin.show_facets.NEVER
    paginator = BoundedPaginator
    list_filter_submit = True
    list_fullwidth = True
    actions: Any = None
    team_search_help_text = ""  # for team viewers, who search for less; empty: the same
    search_help_text = ""
    search_numbers: tuple[str, ...] = ()  # columns to search besides for a word that is a number
    people_path = ""  # lookup from a row to a user; empty: the search accepts no list of addresses
    list_before_template = "admin/dashboard/list_head.html"
    list_top_template = ""  # the screen's own template above its list
    empty_value_display = "—"
    empty_title = "Nothing here yet"
    empty_text = ""  # for an empty list: what is listed here, and where it comes from
    empty_how = ""  # for an empty list: what to do, shown to viewers who may start runs
    tabs: tuple[
        Tab | FormTab, ...
    ] = ()  # more tabs of the detail page; the first one has the object's own fields
    first_tab_title = "Overview"
    change_form_outer_before_template = "admin/dashboard/tabs.html"
    change_form_template = "admin/dashboard/change_form.html"
    change_list_template = "admin/dashboard/change_list.html"
    shows_sync = False  # whether the detail page shows the sync state of the object
    few_rows = False  # up to some thousands of rows: columns may sort without an index
    list_only: tuple[str, ...] = ()  # the fields that the list reads, if the others are large

    class Media:
        css = {"all": ["dashboard/lists.css"]}
        js = (
            "dashboard/search.js",
            "dashboard/tab_rows.js",
            "dashboard/in_place.js",
            "dashboard/copy.js",
        )

    # --- visible rows -------------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Returns the rows that the viewer may see, with the counts of the columns. A list computes the
        counts only for the rows of its page."""
        viewer = viewer_of(request)
        counted = [column for column in self.columns.values() if isinstance(column, CountColumn)]
        rows = self.limit(super().get_queryset(request), viewer)
        return rows.annotate(**{column.annotation: column.count(viewer) for column in counted})

    def limit(self, queryset: QuerySet, viewer: User) -> QuerySet:
        """Returns the rows that the viewer may see. Override it for a model without `visible_to` whose screen
        is not for administrators only."""
        return visible(queryset, viewer)

    def get_field_queryset(self, db: str | None, db_field: Any, request: HttpRequest) -> QuerySet:
        queryset = super().get_field_queryset(db, db_field, request)
        if queryset is None:
            queryset = db_field.remote_field.model._default_manager.using(db)
        return visible(queryset, viewer_of(request))

    def get_or_404(self, request: HttpRequest, object_id: Any) -> Model:
        """Returns the object, for actions on one object. Raises Http404 when it is missing or hidden."""
        obj = self.get_object(request, object_id)
        if obj is None:
            raise Http404
        return obj

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    # --- lists --------------------------------------------------------------------------------------

    @cached_property
    def columns(self) -> dict[str, Column]:
        """Returns the columns of the screen by their names in `list_display` and `fields`."""
        classes = reversed(type(self).__mro__)
        found = (pair for one in classes for pair in vars(one).items() if isinstance(pair[1], Column))
        return dict(found)

    @property
    def sortable_by(self) -> list[str]:
        return [name for name, column in self.columns.items() if column.admin_order_field]

    def list_title(self, request: HttpRequest) -> str:
        """Returns the title of the list for this viewer, as in the sidebar."""
        name = str(self.opts.verbose_name_plural)
        return name[:1].upper() + name[1:]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[BoundedChangeList]:
        return BoundedChangeList

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        changelist: Any = super().get_changelist_instance(request)
        changelist.empty_steps = first_steps(self, viewer_of(request))
        return changelist

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """Allow only parameters of this list's filters. Django allows every column of the model too, so
        anybody could guess hidden values (`?password__startswith=`)."""
        if request is None:
            return False
        return any(_asks_for(entry, lookup) for entry in self.get_list_filter(request))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet, search_term: str
    ) -> tuple[QuerySet, bool]:
        """Returns the rows that match every word; for several pasted addresses the rows of these people. The
        second value is False: there are no duplicates, so no DISTINCT is needed."""
        addresses = [part for part in SEPARATORS.split(search_term) if "@" in part]
        if self.people_path and len(addresses) > 1:
            keys = {email_key(address.replace("\x00", "")) for address in addresses[:FEW]}
            people = list(User.objects.filter(email_key__in=keys).values_list("pk", flat=True))
            return queryset.filter(**{f"{self.people_path}__in": people}), False
        words = words_of(search_term)
        return self.search(queryset, words, viewer_of(request)) if words else queryset, False

    def search(self, queryset: QuerySet, words: list[str], viewer: User) -> QuerySet:
        found = queryset
        for word in words:
            found = found.filter(self.search_condition(word, viewer))
        # Find the keys first, with the columns' indexes, if they are few. If PostgreSQL sorted and limited in
        # the same query, it could scan the table from its end until it finds enough rows.
        few = list(found.order_by().values_list("pk", flat=True)[: FEW + 1])
        return found if len(few) > FEW else queryset.filter(pk__in=few)

    def search_condition(self, word: str, viewer: User) -> Q:
        """Returns the condition that a row matches a word. It uses columns of one table, because for an OR
        across tables the database reads both completely. `FoundByStudent` searches a related table."""
        condition = Q()
        for name in self.search_fields:
            condition |= holding(name, word, self.model)
        if (number := key_of(word)) is not None:
            for name in self.search_numbers:
                condition |= Q(**{name: number})
        return condition

    def watched_rows(self, request: HttpRequest, keys: list[Any]) -> dict[str, str]:
        """Returns the address and digest with which the page of a list polls for changes of these rows."""
        return of_rows(request, self, keys)

    # --- details ------------------------------------------------------------------------------------

    def page_context(self, request: HttpRequest) -> dict[str, Any]:
        """Returns more context for the template of the detail page."""
        return {"show_history": False}

    def page_lines(self, obj: Any, viewer: User) -> list[SafeString]:
        """Returns lines to show at the top of the detail page, for example about a pending change."""
        return []

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        context = {**self.page_context(request), **(extra_context or {})}
        if not (self.tabs or self.dialogs or self.shows_sync):
            return super().change_view(request, object_id, form_url, context)
        obj = self.get_object(request, object_id)
        tabs = [tab for tab in self.tabs if obj is not None and tab.is_shown(obj, viewer_of(request))]
        asked_for = request.GET.get("tab")
        chosen = next((tab for tab in tabs if tab.slug == asked_for), None)
        context["detail_tabs"] = self.tab_links(request, tabs, chosen)
        if obj is not None and self.has_view_permission(request, obj):
            viewer = viewer_of(request)
            context["page_lines"] = self.page_lines(obj, viewer)
            unsent = unsent_changes_of(obj, viewer) if self.shows_sync else None
            table = chosen if isinstance(chosen, Tab) else None
            # Forms are not refreshed.
            if table is not None or (chosen is None and not self.has_change_permission(request, obj)):
                context["watched"] = of_object(request, self, obj, unsent, table)
            context["sync_line"] = sync_line(obj, viewer, unsent) if self.shows_sync else None
            context["dialog_buttons"] = buttons_for(self, obj, viewer, self.shown_tab(request, chosen))
        if chosen is not None and obj is not None:
            return self.tab_view(request, obj, chosen, context)
        return super().change_view(request, object_id, form_url, context)

    def tab_links(
        self, request: HttpRequest, tabs: list[AnyTab], chosen: AnyTab | None
    ) -> list[dict[str, Any]]:
        """Returns the links to the tabs of the detail page; none when it has only the first one."""
        first = {"title": self.first_tab_title, "url": request.path, "active": chosen is None}
        others = [
            {"title": tab.title, "url": f"{request.path}?tab={tab.slug}", "active": tab is chosen}
            for tab in tabs
        ]
        return [first, *others] if others else []

    def shown_tab(self, request: HttpRequest, chosen: AnyTab | None) -> str:
        """Returns the tab whose dialogs the page offers; empty for the first one."""
        return chosen.slug if chosen else ""

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        raise Http404  # only subclasses of HistoryAdmin have a history

    def tab_view(
        self, request: HttpRequest, obj: Model, tab: AnyTab, extra_context: dict[str, Any]
    ) -> HttpResponse:
        if not self.has_view_permission(request, obj):
            raise PermissionDenied
        viewer = viewer_of(request)
        if isinstance(tab, FormTab):
            template, own = "admin/dashboard/form_tab.html", form_context(tab, obj, request, self)
        else:
            if is_sent(request, tab):
                return answer_in_tab(self, request, obj, tab, Asked(tab, request.GET).rows(obj, viewer))
            template, own = "admin/dashboard/tab.html", tab_context(tab, obj, request, self)
        context = {
            **self.admin_site.each_context(request),
            "title": tab.title,
            "opts": self.opts,
            "original": obj,
            "media": self.media,
            "actions_detail": self._get_actions_navigation(
                self.actions_detail, self.get_actions_detail(request, obj.pk), str(obj.pk)
            ),
            **own,
            **extra_context,
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, template, context)

    def get_urls(self) -> list[URLPattern]:
        return only_keys([*urls_of(self), *super().get_urls()])


def _asks_for(entry: Any, lookup: str) -> bool:
    """Whether an entry of `list_filter` uses this parameter of the address."""
    if isinstance(entry, type) and issubclass(entry, ListFilter):
        return lookup == getattr(entry, "parameter_name", None)
    field = entry[0] if isinstance(entry, tuple | list) else entry
    return lookup == field or lookup.startswith((f"{field}__", f"{field}_from", f"{field}_to"))
