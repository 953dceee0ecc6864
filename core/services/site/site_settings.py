"""Changes of the settings that do not come from their form."""

from collections.abc import Iterable

from core.models import SiteSettings


def is_default(settings: SiteSettings, name: str) -> bool:
    """Whether a setting has the value that the dashboard is shipped with."""
    field = SiteSettings._meta.get_field(name)
    return bool(getattr(settings, field.attname) == field.get_default())  # type: ignore[union-attr]


def reset(settings: SiteSettings, names: Iterable[str]) -> None:
    """Give settings their shipped values. The caller holds the lock of the row."""
    for name in names:
        field = SiteSettings._meta.get_field(name)
        setattr(settings, field.attname, field.get_default())  # type: ignore[union-attr]
    settings.save()
