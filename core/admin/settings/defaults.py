"""Shipped defaults beside the fields, and the dialog that returns to them."""

from datetime import date
from typing import Any

from django import forms
from django.conf import settings as django_settings
from django.db.models import Field, Model
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from core import moments
from core.admin.kit import cells, open_pages
from core.admin.kit.dialogs.dialog import Dialog, Done
from core.admin.settings.fields import EMPTY
from core.admin.settings.tabs import SHOWN
from core.models import Role, SiteSettings
from core.pills import pill
from core.services.roles.overrides import WITH_DEFAULTS
from core.services.site import connection, site_settings
from core.wording import listed


def field_called(name: str) -> Field:
    field = SiteSettings._meta.get_field(name)
    assert isinstance(field, Field)
    return field


def in_words(field: Field, value: Any) -> str:
    """Returns a value of a setting in words: "off", "365", "The dashboard"."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if value is None or value == "":
        return EMPTY[field.name]() if field.name in EMPTY else "empty"
    if isinstance(value, date):
        return moments.day(value)
    return ", ".join(str(dict(field.flatchoices).get(value, value)).splitlines())


def help_of(name: str, obj: SiteSettings | None) -> SafeString:
    """Returns the help of a field with its shipped default, marked where the setting was changed."""
    field = field_called(name)
    default = format_html("Default: {}.", in_words(field, field.get_default()))
    if obj is not None and not site_settings.is_default(obj, name):
        default = format_html("{} {}", default, pill("Changed"))
    return format_html('{} <span class="setting-default">{}</span>', field.help_text, default)


def by_environment(name: str) -> str:
    """Returns the variable of the environment that wins over a setting now; empty when none does."""
    variable = connection.VARIABLES.get(name, "")
    return variable if variable and connection.set_by_environment(variable) else ""


def environment_note(names: list[str]) -> SafeString:
    """Returns what is said in the place of settings that the environment sets."""
    return format_html_join(
        "",
        '<span class="cell-line">{}: <b>{}</b>. Set by the environment ({}), which counts.</span>',
        (
            (capfirst(field_called(name).verbose_name), getattr(django_settings, variable), variable)
            for name in names
            if (variable := by_environment(name))
        ),
    )


def linked_note(heading: str) -> SafeString:
    """Returns the links to settings of this section that stand on other screens, for who may open these."""
    roles = Role.objects.filter(code__in=WITH_DEFAULTS).order_by("id") if heading == "Teams" else ()
    return format_html_join(
        "",
        '<span class="cell-line"><a class="cell-link" href="{}">Default permissions of a new {}</a></span>',
        ((cells.detail_url(role, "permissions"), role) for role in roles if open_pages.is_open(role)),
    )


class ResetSettings(Dialog):
    """Resets chosen settings of one tab. There is a subclass for each tab."""

    label, title, icon = "Reset to Default", "Reset to default", "settings_backup_restore"
    submit = "Reset"
    permission = "core.change_sitesettings"
    names: list[str] = []
    settings = forms.MultipleChoiceField(
        label="Settings",
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
        error_messages={"required": "Choose at least one setting."},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["settings"].choices = [  # type: ignore[attr-defined]
            (name, self._line(name)) for name in self.names if not site_settings.is_default(self.obj, name)
        ]

    def _line(self, name: str) -> str:
        field = field_called(name)
        value = self.obj.default_team if name == "default_team" else getattr(self.obj, name)
        default = in_words(field, field.get_default())
        return f"{capfirst(field.verbose_name)}: {in_words(field, value)} → {default}"

    @classmethod
    def applies(cls, obj: Any) -> bool:
        return any(not site_settings.is_default(obj, name) for name in cls.names)

    @classmethod
    def why_not_needed(cls, obj: Any) -> str:
        return "All settings of this tab have their defaults."

    def text(self) -> str:
        return "The chosen settings get the values that the dashboard is shipped with."

    def facts(self) -> str:
        """Returns the stored values: when somebody changed one meanwhile, the dialog asks again."""
        return "; ".join(self._line(name) for name in self.names)

    def locks(self) -> Model | None:
        return self.obj

    def carry_out(self) -> Done:
        names = self.cleaned_data["settings"]
        site_settings.reset(self.obj, names)
        labels = listed([str(capfirst(field_called(name).verbose_name)) for name in names])
        return Done(f"Reset to default: {labels}.", url=address(self.tab))


def address(tab: str) -> str:
    """Returns the address of a tab."""
    return f"{reverse('admin:core_sitesettings_change', args=[1])}?tab={tab}"


RESET_DIALOGS: tuple[type[Dialog], ...] = tuple(
    type(
        f"Reset{tab.slug.title()}",
        (ResetSettings,),
        {"slug": f"reset-{tab.slug}", "tab": tab.slug, "names": tab.names, "__module__": __name__},
    )
    for tab in SHOWN
)
