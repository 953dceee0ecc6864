"""Where what a history tells about stands: its own history, or the tab of a page that lists it."""

from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.urls import NoReverseMatch, reverse

from core.admin.kit import open_pages

# Objects without a page of their own: model -> the foreign key to the object with the page, and the tab.
LISTED = {
    "membership": ("user", "teams"),
    "invitation": ("team", "invitations"),
    "signuplink": ("team", "links"),
    "shortlink": ("team", "short-links"),
    "seatassignment": ("seat", "teams"),
    "groupassignment": ("team", "groups"),
    "note": ("user", "notes"),
    "usertag": ("user", ""),
    "seattag": ("seat", ""),
}


def history_url(model: type[Model], key: Any) -> str:
    """Returns the address of the object's history, which stays when the object is deleted; empty when its
    screen has none."""
    if not getattr(admin.site._registry.get(model), "keeps_history", False):
        return ""
    try:
        return reverse(f"admin:core_{model._meta.model_name}_history", args=[key])
    except NoReverseMatch:
        return ""


def listed_at(model: type[Model], row: Any) -> tuple[Model | None, str]:
    """Returns the object on whose page the object of the row stands, with only its key, and the tab."""
    name, tab = LISTED.get(str(model._meta.model_name), ("", ""))
    if not name:
        return None, ""
    field = row._meta.get_field(name)
    key = getattr(row, field.attname)
    return (field.related_model(pk=key) if key is not None else None), tab


def page_url(obj: Model, tab: str) -> str:
    """Returns the address of the page with the tab; empty when the viewer may not open such pages."""
    pages = open_pages.current()
    if pages is None or not pages.shows(type(obj)):
        return ""
    url = reverse(f"admin:core_{obj._meta.model_name}_change", args=[obj.pk])
    return f"{url}?tab={tab}" if tab else url
