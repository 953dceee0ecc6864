"""Rules for every dialog of every screen."""

from collections.abc import Iterator

import pytest
from django.contrib import admin

from core.admin.kit.dialogs.chosen import ChosenDialog
from core.admin.kit.dialogs.dialog import Dialog
from core.admin.kit.dialogs.in_page import PageDialog
from core.admin.kit.dialogs.pickers import Picker
from tests.factories import UserFactory

pytestmark = pytest.mark.once


def declared(kind: type[Dialog] = Dialog) -> Iterator[type[Dialog]]:
    """Every dialog that has a place of its own."""
    for one in kind.__subclasses__():
        if hasattr(one, "slug"):
            yield one
        yield from declared(one)


def offered_by(screen) -> Iterator[type[Dialog]]:
    yield from getattr(screen, "dialogs", ())
    yield from getattr(screen, "selected_dialogs", ())
    for tab in getattr(screen, "tabs", ()):
        yield from getattr(tab, "actions", ())
    for name in (*screen.actions_list, *screen.actions_detail):
        if (dialog := getattr(getattr(screen, name), "opens", None)) is not None:
            yield dialog


def test_every_dialog_is_offered_by_a_screen():
    offered = {dialog for screen in admin.site._registry.values() for dialog in offered_by(screen)}
    bases = {base for dialog in offered for base in dialog.__mro__}

    found = [one for one in set(declared()) - bases if not issubclass(one, PageDialog)]

    assert found == []
    assert len(offered) > 60


def test_a_dialog_has_its_words_and_its_work():
    for dialog in set(declared()):
        assert dialog.slug and dialog.label, dialog
        assert dialog.carry_out is not Dialog.carry_out, dialog


def test_a_picker_that_is_needed_says_why_it_is_empty():
    silent = [
        (dialog, name)
        for dialog in set(declared())
        for name, field in dialog.base_fields.items()
        if isinstance(field.widget, Picker) and field.required and name not in dialog.no_choice
        if not issubclass(dialog, PageDialog)  # the page says it
    ]

    assert silent == []


def test_a_dialog_that_says_nothing_about_it_is_for_nobody(db):
    class Silent(Dialog):
        pass

    assert Silent.may(UserFactory(is_superuser=True, is_staff=True), None) is False


def test_actions_of_a_list_have_names_of_their_own():
    for screen in admin.site._registry.values():
        chosen = list(getattr(screen, "selected_dialogs", ()))
        assert all(issubclass(dialog, ChosenDialog) for dialog in chosen), screen
        assert len({dialog.action for dialog in chosen}) == len(chosen), screen
