"""Screens with Django's own forms: the rows are locked before shown and stored values are compared
(shown_values.py), so that nobody else saves between the comparison and our saving."""

from typing import Any

from django.contrib.admin.utils import unquote
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.admin import ModelAdmin

from core.admin.kit.dialogs.shown_values import ShownModelForm


class LockingAdmin(ModelAdmin):
    form = ShownModelForm

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Lock the rows before changes that were made in the list are saved."""
        if "_save" not in request.POST:
            return super().changelist_view(request, extra_context)
        with transaction.atomic():
            self._lock(self.get_queryset(request))
            return super().changelist_view(request, extra_context)

    def get_changelist_form(self, request: HttpRequest, **kwargs: Any) -> Any:
        return super().get_changelist_form(request, **{"form": self.form, **kwargs})

    def _lock(self, rows: QuerySet) -> None:
        keys = list(rows.order_by("pk").values_list("pk", flat=True))
        list(
            self.model._base_manager.select_for_update().filter(pk__in=keys).order_by("pk").values_list("pk")
        )

    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: bool) -> None:
        if not change or form.changed_data:  # without a change, no row is added to the history
            super().save_model(request, obj, form, change)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Lock the row before its form is saved."""
        if request.method != "POST" or object_id is None:
            return super().changeform_view(request, object_id, form_url, extra_context)
        with transaction.atomic():
            found = self.get_object(request, unquote(object_id))
            if found is not None:
                self._lock(self.model._base_manager.filter(pk=found.pk))
            return super().changeform_view(request, object_id, form_url, extra_context)
