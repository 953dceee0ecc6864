"""Dialogs accept only the choices that they offer and the fields that they have."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

import pytest
from django import forms
from django.apps import apps
from django.db.models import BooleanField, Model

from core.admin.kit.dialogs.dialog import Dialog, RowDialog
from core.models import Role, User
from tests.core.admin.walk.addresses import Address, addresses, lists
from tests.core.admin.walk.browsing import undone
from tests.factories import builtin_role

pytestmark = [pytest.mark.django_db, pytest.mark.once, pytest.mark.slow]


class Open(NamedTuple):
    """A dialog that is open to somebody, as its address makes it."""

    address: Address
    dialog: type[Dialog]
    obj: Any
    part: Any
    form: Dialog


def open_to(world, who: str) -> Iterator[Open]:
    """The dialogs about Acme's objects that this person may open, once each."""
    viewer = User.objects.get(pk=world.people[who].pk)
    done = set()
    for model, obj in world.own.items():
        screen = world.screens()[model]
        for row in world.parts["own"]:
            for one in [*lists(screen), *addresses(screen, obj.pk, row.pk)]:
                dialog = next((d for d in screen.dialogs if d.slug == one.dialog), None)
                # After "impersonate" the browser would be somebody else's.
                if dialog is None or (model, one.dialog) in done or dialog.slug == "impersonate":
                    continue
                target = None if dialog.about_new else model._default_manager.get(pk=obj.pk)
                if not dialog.may(viewer, target) or (target and not dialog.applies(target)):
                    continue
                part = None
                if issubclass(dialog, RowDialog):
                    part = dialog.rows(target, viewer).filter(pk=row.pk).first()
                    if part is None:
                        continue
                form = dialog(None, viewer=viewer, obj=target, row=part)
                if not dialog.blocked(part or target, viewer):
                    done.add((model, one.dialog))
                    yield Open(one, dialog, target, part, form)


def filled(one: Open) -> dict[str, Any]:
    """Something that the form should take, by the kind of each field."""
    sent: dict[str, Any] = {}
    for name, field in one.form.fields.items():
        if isinstance(field, forms.ModelChoiceField):
            choice = field.queryset.order_by("-pk").first()
            sent[name] = "" if choice is None else choice.pk
        elif isinstance(field, forms.ChoiceField):
            sent[name] = next(iter(field.choices))[0]
        elif isinstance(field, forms.BooleanField):
            sent |= {name: "on"} if name == "is_active" else {}
        elif isinstance(field, forms.EmailField):
            sent[name] = one.obj.email if one.dialog.slug == "delete" else "walk@acme.example"
        elif isinstance(field, forms.DateField):
            sent[name] = str(date.today() + timedelta(days=90))
        elif isinstance(field, forms.IntegerField):
            sent[name] = "5"
        else:
            sent[name] = field.initial if isinstance(field.widget, forms.HiddenInput) else "Walked"
    return sent


# --- choices ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["owner", "manager", "everything"])
def test_no_choice_takes_what_belongs_to_another_team(world, window, who):
    """Each field that chooses rows is sent one that it must not offer; roles: the one with every right."""
    tried = 0
    for one in open_to(world, who):
        for name, field in one.form.fields.items():
            if not isinstance(field, forms.ModelChoiceField):
                continue
            model = field.queryset.model
            other = builtin_role("administrator") if model is Role else world.foreign[model]
            answer = window(who).ask("post", one.address.path, filled(one) | {name: other.pk})
            assert answer.status == 200, (one.address, name, answer.location)
            assert not answer.wrote, (one.address, name)
            tried += 1
    assert tried > 6


# --- fields -----------------------------------------------------------------------------------------------


# Columns with values made at random; of a delivery also the payload, which has the event's id and moment.
RANDOM = {
    "core_shortlink": {"code"},
    "core_historicalshortlink": {"code"},
    "core_webhookdelivery": {"event_id", "payload"},
}


def stored() -> dict[str, dict[Any, dict[str, str]]]:
    """Every row of ours by its key; left out is what no two requests share: times and random values."""
    tables = {}
    for model in apps.get_models(include_auto_created=True):
        if model._meta.app_label in {"core", "integrations"}:
            random = {"_state"} | RANDOM.get(model._meta.db_table, set())
            tables[model._meta.db_table] = {
                row.pk: {
                    name: repr(value)
                    for name, value in vars(row).items()
                    if name not in random and not isinstance(value, datetime) and not unusable(value)
                }
                for row in model._base_manager.all()
            }
    return tables


def unusable(value: Any) -> bool:
    """The password of an account without one is random."""
    return isinstance(value, str) and value.startswith("!")


def moved(before: dict, after: dict) -> dict[str, list]:
    """What changed, by table. New rows are told without their numbers: some databases give each only once."""
    found = {}
    for table, rows in after.items():
        changed = [
            (key, row) for key, row in rows.items() if key in before[table] and row != before[table][key]
        ]
        gone = [key for key in before[table] if key not in rows]
        new = [
            [value for value in row.values() if not value.isdecimal()]
            for key, row in rows.items()
            if key not in before[table]
        ]
        if changed or gone or new:
            found[table] = [changed, gone, sorted(new)]
    return found


def more_of(one: Open, world) -> dict[str, Any]:
    """A value for each column of what the dialog is about and of a person, where the form has no field."""
    about = {type(row) for row in (one.obj, one.part) if isinstance(row, Model)} | {User}
    sent: dict[str, Any] = {}
    for field in (field for model in about for field in model._meta.get_fields()):
        if not getattr(field, "concrete", False):
            continue
        if field.is_relation:
            row = world.foreign.get(field.related_model)
            value: Any = row.pk if row else builtin_role("administrator").pk
        else:
            value = "on" if isinstance(field, BooleanField) else "1"
        sent |= {field.name: value, f"{field.name}_id": value}
    return {name: value for name, value in sent.items() if name not in one.form.fields}


@pytest.mark.parametrize("who", ["administrator", "owner"])
def test_a_dialog_moves_what_its_fields_say_and_nothing_else(world, window, who):
    """With a value for every column there is, the outcome is what it is without."""
    browser, before, changed = window(who), stored(), 0
    for one in open_to(world, who):
        outcomes = []
        sent = filled(one)
        for data in (sent, more_of(one, world) | sent):
            with undone():
                answer = browser.send("post", one.address.path, data)
                outcomes.append((answer.status, moved(before, stored())))
        assert outcomes[0] == outcomes[1], one.address
        changed += bool(outcomes[0][1])
    assert changed > 6  # an end that the student's bundle outlasts is refused
