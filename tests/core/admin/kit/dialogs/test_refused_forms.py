"""A refused long form names the wrong fields, each as a link to the field."""

import pytest
from django.urls import reverse

from core.models import SiteSettings
from integrations.models import SyncSchedule

pytestmark = pytest.mark.django_db


def test_settings_that_moved_are_named_with_links_to_them(alma, signed_in):
    row = SiteSettings.load()
    url, client = reverse("admin:core_sitesettings_change", args=[row.pk]) + "?tab=people", signed_in(alma)
    shown = {
        f"initial-{name}": getattr(row, name) or ""
        for name in ("placeholder_last_name", "default_max_members")
    }
    SiteSettings.objects.update(placeholder_last_name=".", default_max_members=20)

    page = client.post(
        url, {"placeholder_last_name": "?", "default_max_members": 50} | shown
    ).content.decode()

    note = page.partition('role="alert">')[2].partition("</p>")[0]
    assert '<a class="underline" href="#id_placeholder_last_name">Placeholder last name</a>' in note
    assert '<a class="underline" href="#id_default_max_members">Default max members</a>' in note
    assert note.count("<a ") >= 2 and " and <a" in note
    assert 'id="id_placeholder_last_name"' in page
    assert "Please correct" not in page


def test_a_row_of_a_list_is_named_by_what_it_is(alma, signed_in):
    client, url = signed_in(alma), reverse("admin:integrations_syncschedule_changelist")
    schedule = SyncSchedule.objects.order_by("pk").first()
    formset = client.get(url).context["cl"].formset
    sent = {f"form-{name}": formset.management_form[name].value() for name in formset.management_form.fields}
    for number, form in enumerate(formset.forms):
        sent |= {
            f"form-{number}-{name}": form[name].value() or "" for name in form.fields if name != "enabled"
        }
        sent[f"form-{number}-every_minutes"] = "soon" if form.instance == schedule else "60"

    page = client.post(url, sent | {"_save": "Save"}).content.decode()

    note = page.partition('role="alert">')[2].partition("</p>")[0]
    assert f" of {schedule}</a>" in note
    assert note.count("<a ") == 1
