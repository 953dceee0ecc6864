"""The form of a tab."""

from typing import Any

from core.admin.kit.dialogs.shown_values import ShownModelForm
from core.models import SiteSettings


class SettingsForm(ShownModelForm):
    def clean(self) -> dict[str, Any] | None:
        """Check settings that depend on each other."""
        cleaned = super().clean()
        values = cleaned or self.cleaned_data
        by_date = values.get("default_expiry_kind") == SiteSettings.ExpiryKind.DATE
        if by_date and values.get("default_expiry_date") is None and "default_expiry_date" not in self.errors:
            self.add_error("default_expiry_date", "Choose the day on which access ends.")
        return cleaned
