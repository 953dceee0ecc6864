"""A form that was opened before another person saved writes only the values that its viewer changed.

This is tested for every dialog that shows stored values, and every page and list that changes rows: it is
opened, another person changes the same object, and then it is sent.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any, NamedTuple

import pytest
from django import forms
from django.contrib import admin
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

import core.admin
import integrations.admin
import project.admin_urls
import project.urls
from core.admin.kit.base import DashboardAdmin
from core.admin.kit.dialogs.shown_values import ShownValues
from core.admin.settings.tabs import SHOWN
from core.models import Direction, GroupAssignment, Membership, Seat, SiteSettings, Tag, User
from core.permissions.codes import REQUIRES
from integrations.models import SyncSchedule
from tests.core.admin.walk.browsing import Browser, undone
from tests.core.admin.walk.test_forms import Open, filled, moved, open_to, stored
from tests.core.admin.walk.world import World, build
from tests.dialogs import Inputs
from tests.factories import TagFactory

pytestmark = [pytest.mark.django_db, pytest.mark.once, pytest.mark.slow]

# Of these nothing is stored: what they begin with is a suggestion.
SHOW_NOTHING_STORED = {
    "Upload",  # the export of another dashboard
    # Of an import that only its uploader can change. Its start names the result that was seen.
    "FileForm",
    "PeopleFileForm",
    "OptionsForm",
    "MatchingOptionsForm",
    "Filters",
    "SignInForm",
    "ResetForm",
    "NewPasswordForm",
    "ChangePasswordForm",
    "LinkForm",
    "SignUpForm",
}


@pytest.fixture(scope="module")
def world(django_db_setup, django_db_blocker) -> Iterator[World]:
    """With stored values that are not those that the forms begin with anyway."""
    with django_db_blocker.unblock(), transaction.atomic():
        made = build()
        student = made.people["student"]
        User.objects.filter(pk=student.pk).update(home_team=Membership.objects.get(user=student).team)
        GroupAssignment.objects.update(direction=Direction.DASHBOARD_TO_THINKIFIC)
        for seat in Seat.objects.all():
            seat.tags.add(TagFactory())
        yield made
        transaction.set_rollback(True)


class Shown(NamedTuple):
    """A form on a page, with one of its fields: values to send, and the names of its inputs."""

    path: str
    kind: str  # of form
    field: forms.Field
    name: str
    sent: dict[str, Any]
    submit: str = ""

    def with_value(self, value: Any) -> dict[str, Any]:
        sent = {key: one for key, one in self.sent.items() if key != self.name}
        if value is not None:
            sent[self.name] = value
        return sent | ({self.submit: "1"} if self.submit else {})


def others(one: Shown) -> list[Any]:
    """Two values of a field besides the one that it shows. None: not sent, as of a switch."""
    field, shown = one.field, one.sent.get(one.name)
    if isinstance(field, forms.BooleanField):
        return [None if shown else "on"]
    if one.kind == "EditSeat" and one.name in {"product", "expiry_date"}:
        return []  # the product stays, as people use the seat; the date needs the other field
    if one.name in REQUIRES.values():  # denied, others would have no effect
        return ["allow"]
    if one.name in {"default_expiry_kind", "expiry_type"}:  # "date" needs the other field
        return ["never"]
    if isinstance(field, forms.ModelChoiceField):
        found: list[Any] = [str(pk) for pk in field.queryset.values_list("pk", flat=True)]
        # For several choices nothing is sent, not an empty one; test_user_tags.py has that.
        found += [] if field.required or isinstance(field, forms.ModelMultipleChoiceField) else [""]
    elif isinstance(field, forms.ChoiceField):
        found = [str(value) for value, _ in field.choices if value]
    elif isinstance(field, forms.DateField):
        found = [str(date.today() + timedelta(days=days)) for days in (500, 501)]
    elif isinstance(field, forms.IntegerField):
        found = ["8", "9"]
    elif isinstance(field, forms.EmailField):
        found = ["one@walk.example", "two@walk.example"]
    elif one.name == "default_currency":
        found = ["CAD", "EUR"]
    elif one.name == "email_sender":
        found = ["First <first@walk.example>", "Second <second@walk.example>"]
    elif one.name == "default_seat_tags":  # tags that there are
        found = [str(Tag.named(name).first() or TagFactory(name=name)) for name in ("First", "Second")]
    elif isinstance(field, forms.URLField):
        found = ["https://one.example/", "https://two.example/"]
    else:
        found = ["First", "Second"]
    return [value for value in found if value != (shown or "")][:2]


def stored_fields(form: Any) -> list[str]:
    """The fields of a form that begin with what is stored, not with a suggestion."""
    return [name for name, field in form.fields.items() if field.show_hidden_initial]


def of_dialogs(world, window) -> Iterator[tuple[Open, list[Shown]]]:
    for one in open_to(world, "superuser"):
        names = stored_fields(one.form)
        plain = type(one.form).base_fields
        # Fields that a form makes for itself, such as one for each permission, begin with what is stored.
        if not any(
            name not in plain or one.form.fields[name].initial != plain[name].initial for name in names
        ):
            continue  # it makes something, and begins with what its class says
        assert one.form.locks() is not None, f"{type(one.form)} shows what is stored: shows_stored = True"
        page = window("superuser").ask("get", one.address.path)
        sent = Inputs(page.body.split('id="dialog"', 1)[1]).sent
        yield (
            one,
            [
                Shown(one.address.path, type(one.form).__name__, one.form.fields[name], name, sent)
                for name in names
            ],
        )


def of_pages(world, window) -> Iterator[tuple[str, list[Shown]]]:
    """Django's own pages and lists that change rows."""
    client: Client = window("superuser").client
    settings = SiteSettings.load()
    schedule = SyncSchedule.objects.order_by("pk").first()
    places = [
        *((f"/admin/core/sitesettings/{settings.pk}/change/?tab={tab.slug}", "") for tab in SHOWN),
        (f"/admin/integrations/syncschedule/{schedule.pk}/change/", ""),
        ("/admin/integrations/syncschedule/", "_save"),
    ]
    for path, submit in places:
        response = client.get(path)
        context = response.context
        form = context["cl"].formset.forms[0] if submit else context["adminform"].form
        body = response.content.decode().split("<form", 2 if submit else 1)[-1]
        sent = Inputs(body).sent
        shown = [
            Shown(
                path,
                f"{type(form).__name__} {submit}",
                form.fields[name],
                form.add_prefix(name),
                sent,
                submit,
            )
            for name in stored_fields(form)
        ]
        yield path, shown


def every(world, window) -> list[Shown]:
    """Found once: the world does not change."""
    if not hasattr(world, "forms_shown"):
        found = [shown for _, group in of_dialogs(world, window) for shown in group]
        world.forms_shown = found + [shown for _, group in of_pages(world, window) for shown in group]
    return world.forms_shown


def each(world, window) -> list[Shown]:
    """Each field of each form once, wherever it is offered."""
    return list({(one.kind, one.name): one for one in every(world, window)}.values())


def names(found: list[Shown]) -> set[str]:
    return {f"{one.path.strip('/').split('/')[2]}.{one.name.removeprefix('form-0-')}" for one in found}


def _sent(browser: Browser, path: str, sent: dict[str, Any]) -> Any:
    """The answer to a form; where it asks to be confirmed, to the confirmation."""
    answer = browser.send("post", path, sent)
    if 'name="confirmed"' not in answer.body:
        return answer
    confirmed = Inputs(answer.body.split('id="dialog"', 1)[-1]).sent["confirmed"]
    return browser.send("post", path, sent | {"confirmed": confirmed})


# --- the walk ---------------------------------------------------------------------------------------------


def test_every_form_that_shows_stored_values_is_walked(world, window):
    assert names(every(world, window)) >= {
        "user.first_name",
        "user.last_name",
        "user.email",
        "user.is_active",
        "user.last_day",
        "user.role",
        "user.team",
        "enrollment.last_day",
        "team.name",
        "team.description",
        "team.organization",
        "team.max_members",
        "team.role",
        "team.direction",
        "thinkificgroup.direction",
        "thinkificgroup.role",
        "sitesettings.default_team",
        "sitesettings.conflict_winner",
        "sitesettings.retention_days",
        "syncschedule.every_minutes",
        "syncschedule.enabled",
    }


def test_each_page_carries_what_it_showed(world, window):
    for one in every(world, window):
        name = one.name
        prefix, _, last = name.rpartition("form-0-")
        assert f"initial-{prefix}{'form-0-' if last != name else ''}{last}" in one.sent, (one.path, name)


def test_an_answer_to_another_question_than_is_put_now_does_nothing(world, window):
    browser, before, done = window("superuser"), stored(), 0
    for one in open_to(world, "superuser"):
        path = one.address.path
        shown = Inputs(browser.ask("get", path).body.split('id="dialog"')[1])
        asked = {name: shown.sent[name] for name in ("asked", "asked_of")}
        with undone():
            _sent(browser, path, filled(one) | asked | {"asked": "Something else?"})
            assert not moved(before, stored()), path
        with undone():
            done += bool(_sent(browser, path, filled(one) | asked).status == 302 and moved(before, stored()))
    assert done > 8


def test_what_another_saved_stays_where_the_form_was_not_touched_there(world, window):
    browser: Browser = window("superuser")
    for one in each(world, window):
        for value in others(one)[:1]:
            with undone():
                answer = _sent(browser, one.path, one.with_value(value))
                assert answer.status == 302, (one.path, one.name, value)
                by_the_other = stored()

                answer = _sent(browser, one.path, one.with_value(one.sent.get(one.name)))

                assert answer.status == 302, (one.path, one.name, "untouched")
                assert not moved(by_the_other, stored()), (one.path, one.name)


def test_what_both_changed_is_refused_beside_the_field_with_both_values(world, window):
    browser: Browser = window("superuser")
    tried = 0
    for one in each(world, window):
        if len(others(one)) < 2 or one.name == "email":  # a new address waits for its confirmation
            continue
        theirs, mine = others(one)
        with undone():
            _sent(browser, one.path, one.with_value(theirs))
            by_the_other = stored()

            answer = _sent(browser, one.path, one.with_value(mine))

            assert answer.status == 200, (one.path, one.name)
            assert "now. It was" in answer.body, (one.path, one.name)
            assert not moved(by_the_other, stored()), (one.path, one.name)

            # Drawn again it shows both; sent once more it is a decision.
            body = answer.body.split("<form", 2 if one.submit else 1)[-1]
            again = Inputs(body.split('id="dialog"', 1)[-1]).sent
            assert again[one.name] == mine, (one.path, one.name)
            decided = _sent(browser, one.path, one._replace(sent=again).with_value(mine))
            assert decided.status == 302, (one.path, one.name)
            assert moved(by_the_other, stored()), (one.path, one.name)
            tried += 1
    assert tried > 10


# --- no form besides --------------------------------------------------------------------------------------


def subclasses(kind: type) -> Iterator[type]:
    for one in kind.__subclasses__():
        yield one
        yield from subclasses(one)


def test_no_form_escapes(rf):
    """Whoever writes a form decides: it is of the kind that compares, or it shows nothing that is stored."""
    assert all((core.admin, integrations.admin, project.admin_urls, project.urls))  # all are imported
    request = rf.get("/admin/")
    request.user = User(is_superuser=True, is_active=True)
    ours = {
        kind
        for kind in subclasses(forms.BaseForm)
        if kind.__module__.split(".")[0] in {"core", "integrations", "api", "project"}
    }
    plain = {kind for kind in ours if not issubclass(kind, ShownValues)}

    assert {kind.__name__ for kind in plain} - {"PickingForm"} == SHOW_NOTHING_STORED

    screens = [screen for screen in admin.site._registry.values() if isinstance(screen, DashboardAdmin)]
    assert len(screens) > 15
    for screen in screens:
        assert issubclass(screen.form, ShownValues), screen
        assert issubclass(screen.get_changelist_form(request), ShownValues), screen
        for inline in screen.inlines:
            assert issubclass(inline.form, ShownValues), inline


# --- a few in words ---------------------------------------------------------------------------------------


def test_switched_off_stays_switched_off_when_another_saves_a_name(world, window):
    browser, person = window("superuser"), world.people["student"]
    path = f"/admin/core/user/{person.pk}/do/edit/"
    with undone():
        sent = Inputs(browser.send("get", path).body.split('id="dialog"', 1)[1]).sent
        User.objects.filter(pk=person.pk).update(is_active=False, email="newer@acme.example")

        browser.send("post", path, sent | {"last_name": "Changed"})

        now = User.objects.get(pk=person.pk)
        assert (now.is_active, now.email, now.last_name) == (False, "newer@acme.example", "Changed")


def test_a_moved_end_date_stays_when_the_form_is_sent_as_it_was_shown(world, window):
    browser = window("superuser")
    enrollment = next(obj for model, obj in world.own.items() if model._meta.model_name == "enrollment")
    path = f"/admin/core/enrollment/{enrollment.pk}/do/change-end/"
    with undone():
        rows = type(enrollment).objects.filter(pk=enrollment.pk)
        rows.update(expiry_date=timezone.now() + timedelta(days=100))
        sent = Inputs(browser.send("get", path).body.split('id="dialog"', 1)[1]).sent
        later = timezone.now() + timedelta(days=400)
        rows.update(expiry_date=later)

        answer = browser.send("post", path, sent)

        assert answer.said == ["Nothing was changed."]
        assert rows.get().expiry_date == later


def test_what_is_saved_between_the_look_and_the_writing_is_seen_as_well(world, window):
    """A pull that commits while the request is under way: at the moment at which the writing begins."""
    browser, person = window("superuser"), world.people["student"]
    path = f"/admin/core/user/{person.pk}/do/edit/"

    def at_the_last_moment(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        answer = execute(sql, params, many, context)
        if sql.startswith("SAVEPOINT"):
            execute("UPDATE core_user SET first_name = 'Newer' WHERE id = %s", [person.pk], False, context)
        return answer

    with undone():
        sent = Inputs(browser.send("get", path).body.split('id="dialog"', 1)[1]).sent
        with connection.execute_wrapper(at_the_last_moment):
            answer = browser.send("post", path, sent | {"first_name": "Mine"})

        assert answer.status == 200
        assert "This is “Newer” now" in answer.body
