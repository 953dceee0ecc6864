"""The screen History: all recorded changes of all models, the newest first."""

from datetime import date, datetime, time
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.functional import cached_property
from django.views.decorators.http import require_GET
from unfold.widgets import BASE_INPUT_CLASSES

from core import moments
from core.admin.impersonations.changes import in_session
from core.admin.kit.dialogs.fields import day_input
from core.admin.kit.lists.filters import words_of
from core.admin.kit.lists.lists import FEW, BoundedPaginator
from core.admin.kit.recorded import RECORDED, Recorded, shown
from core.admin.kit.sitewide import sees_site
from core.models import ImpersonationSession, User
from core.models.fields.folded import holding

PER_PAGE = 50


class Filters(forms.Form):
    who = forms.CharField(
        label="Who did it",
        required=False,
        max_length=300,
        widget=forms.TextInput(
            attrs={
                "type": "search",
                "placeholder": "Name or e-mail",
                "class": " ".join(BASE_INPUT_CLASSES),
                "autocomplete": "off",
            }
        ),
    )
    # From the page of an impersonation: only what was changed in it.
    impersonation = forms.ModelChoiceField(
        queryset=ImpersonationSession.objects.select_related("impersonator", "impersonated"),
        required=False,
        widget=forms.HiddenInput(),
    )
    since = forms.DateField(label="From", required=False, widget=day_input(latest=date(9999, 12, 31)))
    until = forms.DateField(label="To", required=False, widget=day_input(latest=date(9999, 12, 31)))

    def narrow(self, rows: QuerySet) -> QuerySet:
        """Returns the rows of the chosen people and days. An invalid date is ignored and shown as an
        error."""
        self.is_valid()
        values: dict[str, Any] = self.cleaned_data
        if since := values.get("since"):
            rows = rows.filter(history_date__gte=timezone.make_aware(datetime.combine(since, time.min)))
        if end := moments.end_of(values.get("until")):
            rows = rows.filter(history_date__lte=end)
        if session := values.get("impersonation"):
            rows = in_session(rows, session)
        elif "impersonation" in self.errors:
            rows = rows.none()
        if words := words_of(values.get("who", "")):
            rows = rows.filter(self._by(words))
        return rows

    @cached_property
    def session(self) -> ImpersonationSession | None:
        """Returns the impersonation that the rows are limited to, if one is named."""
        return self.cleaned_data.get("impersonation") if self.is_valid() else None

    def _by(self, words: list[str]) -> Q:
        """Returns the condition for users with these words in their name or address. For deleted accounts,
        the stored name is searched."""
        if not hasattr(self, "_people"):
            people = User.objects.order_by()
            for word in words:
                people = people.filter(holding("folded", word))
            self._people = list(people.values_list("pk", flat=True)[:FEW])
        found = Q(history_user__in=self._people) | Q(impersonator__in=self._people)
        for column in ("history_user_name", "impersonator_name"):
            deleted = Q()
            for word in words:
                deleted &= holding(column, word)
            found |= deleted
        return found


@require_GET
def history(request: HttpRequest) -> HttpResponse:
    """Shows the newest changes of all kinds, or all changes of one kind in pages, filtered by people and
    days."""
    if not sees_site(request, "core.view_history"):
        raise PermissionDenied
    chosen = RECORDED.get(request.GET.get("kind", ""))
    asked = {name: request.GET.get(name, "").replace("\x00", "") for name in Filters.base_fields}
    asked = {name: value for name, value in asked.items() if value}
    filters = Filters(asked)
    page = None
    rows: list[tuple[Recorded, Any]]
    if chosen is not None:
        page = BoundedPaginator(filters.narrow(chosen.rows()), PER_PAGE).get_page(request.GET.get("p"))
        rows = [(chosen, row) for row in page]
    else:
        rows = [(one, row) for one in RECORDED.values() for row in filters.narrow(one.rows())[:PER_PAGE]]
        rows.sort(key=lambda pair: pair[1].history_date, reverse=True)
        rows = rows[:PER_PAGE]
    context = {
        **admin.site.each_context(request),
        "title": "History",
        "kinds": RECORDED.values(),
        "chosen": chosen,
        "filters": filters,
        "session": filters.session,
        "asked": urlencode(asked),
        "page": page,
        "pages_of": urlencode({"kind": chosen.slug if chosen else "", **asked}),
        "changes": shown(rows),
    }
    return TemplateResponse(request, "dashboard/history.html", context)
