"""No value breaks a page: neither typed ones, nor stored ones at the end of their range."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django import forms
from django.db import IntegrityError, models, transaction

from core.admin.settings.tabs import SHOWN
from core.models import SiteSettings
from tests.core.admin.walk.addresses import addresses, lists
from tests.core.admin.walk.browsing import undone
from tests.core.admin.walk.test_forms import filled, open_to
from tests.factories import UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.once, pytest.mark.slow]

FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
MOST = 2_147_483_647  # of a whole number on PostgreSQL
TYPED = {
    forms.IntegerField: ["-1", "0", str(MOST + 1), "9" * 40, "1e3", "²"],
    forms.DateField: ["0001-01-01", "9999-12-31", "2026-02-30", "99999-01-01"],
}


def store_extremes(objects: list[models.Model], moment: datetime) -> int:
    """Set every moment, day and number of these rows to the end of its range."""
    stored = 0
    for obj in objects:
        for field in obj._meta.concrete_fields:
            if field.is_relation or (value := extreme(field, moment)) is None:
                continue
            try:
                with transaction.atomic():
                    type(obj)._base_manager.filter(pk=obj.pk).update(**{field.name: value})
                    stored += 1
            except IntegrityError:
                pass
    return stored


def extreme(field: models.Field, moment: datetime) -> Any:
    if isinstance(field, models.DateTimeField):
        return moment
    if isinstance(field, models.DateField):
        return moment.date()
    kept = field.primary_key or field.choices or field.name == "thinkific_id"
    if isinstance(field, models.IntegerField) and not kept:
        return 32_767 if "Small" in field.get_internal_type() else MOST
    return None


def pages(world) -> Iterator[str]:
    """Lists, details with their tabs, and dialogs."""
    row = world.parts["own"][0].pk
    for model, screen in world.screens().items():
        obj = world.own.get(model) or world.foreign[model]
        yield next(one.path for one in lists(screen) if one.view == "changelist")
        for one in addresses(screen, obj.pk, row):
            if one.view == "change":
                yield one.path
                yield from (f"{one.path}?tab={tab.slug}" for tab in screen.tabs)
    yield from ("/admin/", "/admin/tools/", "/admin/history/")


@pytest.mark.parametrize(("zone", "moment"), [("Pacific/Auckland", LAST), ("America/Vancouver", FIRST)])
def test_no_stored_value_breaks_a_page(world, window, settings, zone, moment):
    settings.TIME_ZONE = zone
    browser = window("superuser")
    with undone():
        objects = [*world.own.values(), *world.foreign.values(), *world.parts["own"]]
        assert store_extremes(objects, moment) > 60
        SiteSettings.load()
        for path in pages(world):
            answer = browser.send("get", path)
            assert answer.status in {200, 302}, path
        for one in open_to(world, "superuser"):
            assert browser.send("get", one.address.path).status == 200, one.address


@pytest.mark.parametrize("zone", ["America/Vancouver", "Pacific/Auckland"])
def test_no_typed_value_breaks_a_form_or_what_shows_it_later(world, window, settings, zone):
    settings.TIME_ZONE = zone
    browser, tried = window("superuser"), 0
    enroll = f"/admin/core/user/{world.people['student'].pk}/do/enroll/"
    for path, name, field, sent in typed_into(world, window):
        kind = next((kind for kind in TYPED if isinstance(field, kind)), None)
        for value in TYPED[kind] if kind else ():
            with undone():
                answer = browser.send("post", path, sent | {name: value})
                assert answer.status in {200, 302}, (path, name, value)
                if answer.status == 302:
                    assert browser.send("get", path).status == 200, (path, name, value)
                    assert browser.send("get", enroll).status == 200, (path, name, value)
                tried += 1
    assert tried > 30


def typed_into(world, window) -> Iterator[tuple[str, str, forms.Field, dict[str, Any]]]:
    """Each field for numbers and days, of dialogs and of Django's own pages."""
    for one in open_to(world, "superuser"):
        for name, field in one.form.fields.items():
            if isinstance(field, tuple(TYPED)):
                yield one.address.path, name, field, filled(one)
    client = window("superuser").client
    settings = [f"/admin/core/sitesettings/1/change/?tab={tab.slug}" for tab in SHOWN]
    for path in (*settings, "/admin/integrations/syncschedule/1/change/"):
        form = client.get(path).context["adminform"].form
        sent = {name: form[name].value() for name in form.fields}
        sent = {name: value for name, value in sent.items() if value not in (None, False)}
        for name, field in form.fields.items():
            if isinstance(field, tuple(TYPED)):
                yield path, name, field, sent


def test_a_stored_number_of_days_beyond_the_calendar_is_cut(world, window):
    """A value above the limit may be stored from before there was one."""
    with undone():
        student = UserFactory().pk  # without a seat, which would decide instead
        SiteSettings.load()
        SiteSettings.objects.update(default_enrollment_days=3_652_059)

        page = window("superuser").send("get", f"/admin/core/user/{student}/do/enroll/")

        assert page.status == 200
        assert f"{date.today().year + 99}-" in page.body or f"{date.today().year + 100}-" in page.body


@pytest.mark.parametrize(("days", "is_taken"), [("36500", True), ("36501", False), ("3652059", False)])
def test_the_limit_is_said_beside_the_field(world, window, days, is_taken):
    client = window("superuser").client
    with undone():
        SiteSettings.load()
        page = "/admin/core/sitesettings/1/change/?tab=seats"
        form = client.get(page).context["adminform"].form
        sent = {name: form[name].value() for name in form.fields}
        sent = {name: value for name, value in sent.items() if value not in (None, False)}

        answer = window("superuser").send("post", page, sent | {"default_enrollment_days": days})

        assert (answer.status == 302) == is_taken
        assert is_taken or "Enter 36,500 or less." in answer.body
