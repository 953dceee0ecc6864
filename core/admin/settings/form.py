"""The form of a tab."""

from typing import Any

from django.core.exceptions import ValidationError

from core.admin.kit.dialogs.shown_values import ShownModelForm
from core.models import SiteSettings, Tag
from core.models.fields.settings_checks import lines


class SettingsForm(ShownModelForm):
    def clean(self) -> dict[str, Any] | None:
        """Check settings that depend on each other."""
        cleaned = super().clean()
        values = cleaned or self.cleaned_data
        by_date = values.get("default_expiry_kind") == SiteSettings.ExpiryKind.DATE
        if by_date and values.get("default_expiry_date") is None and "default_expiry_date" not in self.errors:
            self.add_error("default_expiry_date", "Choose the day on which access ends.")
        return cleaned

    def clean_default_seat_tags(self) -> str:
        names: str = self.cleaned_data["default_seat_tags"]
        for name in lines(names):
            if not Tag.named(name).exists():
                raise ValidationError(f"There is no tag “{name}”. Add it on the screen Tags first.")
        return names
