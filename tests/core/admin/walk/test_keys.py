"""Values that cannot be primary keys get a 404 at every address of every screen."""

from itertools import product
from urllib.parse import quote, urlencode

import pytest
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, reverse

from core.admin.kit.dialogs.answering import ROW_MISSING
from core.admin.kit.dialogs.dialog import RowDialog
from tests.core.admin.walk.addresses import addresses, lists

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

RUBBISH = ["abc", "1.0", "²", "\x00", "9" * 19, "9" * 400, "1/2", "__fk__"]
KEY = 987654321987654321  # stands in an address where a key does
PARAMETERS = ["p", "q", "o", "e", "tab", "all", "_popup", "_to_field", "kind", "who", "since", "until", "run"]
SEARCHES = ["id", "term", "app_label", "model_name", "field_name", "page", "recent", "to"]
ASKS_THINKIFIC = {"logout", "test_connection"}  # and what ends the session


def test_every_address_of_an_object(world, window):
    """By whoever sees everything: nobody else gets further."""
    browser, asked = window("superuser"), set()
    for screen in world.screens().values():
        paths = {one.path for one in addresses(screen, KEY, KEY)}
        paths.add(reverse(f"admin:{screen.opts.app_label}_{screen.opts.model_name}_changelist") + f"{KEY}/")
        for path in paths:
            assert str(KEY) in path
            # That an address leads nowhere is found before anything else, so the views differ in nothing.
            for rubbish in RUBBISH if "/user/" in path else ("²", "9" * 400):
                address = path.replace(str(KEY), quote(rubbish, safe="/"))
                for method in ("get", "post"):
                    answer = browser.ask(method, address, drawn=False)
                    assert answer.status == 404, (method, address, answer.location)
                    assert not answer.wrote
            asked.add(path)

    views = {path.rstrip("/").rpartition("/")[2] for path in asked}
    assert {"history", "change", "delete", "cancel"} <= views
    assert len(asked) > 60


def test_a_row_that_is_gone_leads_back_to_its_page(world, window):
    """Every dialog about a row, opened or sent in a window that is older than what it shows."""
    browser, asked = window("superuser"), 0
    for model, obj in world.own.items():
        screen = world.screens().get(model)
        slugs = [one.slug for one in getattr(screen, "dialogs", ()) if issubclass(one, RowDialog)]
        for slug, method in product(slugs, ("get", "post")):
            name = f"admin:{model._meta.app_label}_{model._meta.model_name}_do_row"
            address = reverse(name, args=[obj.pk, slug, 987654321])
            answer = browser.ask(method, address, drawn=False)
            assert (answer.status, answer.said) == (302, [ROW_MISSING]), (method, address)
            assert answer.location.startswith(address.partition("/do/")[0]), (method, address)
            asked += 1
    assert asked > 20


@pytest.mark.parametrize("rubbish", ["²", "9" * 400])
def test_every_list_with_rubbish_asked_for(world, window, rubbish):
    """A page, or a refusal: never an error."""
    browser = window("superuser")
    for screen in world.screens().values():
        filters = [getattr(entry, "parameter_name", None) for entry in screen.list_filter or ()]
        page = next(one.path for one in lists(screen) if one.view == "changelist")
        for name in [*PARAMETERS, *filter(None, filters)]:
            address = f"{page}?{urlencode({name: rubbish})}"
            assert browser.ask("get", address, drawn=False).status < 500, address


@pytest.mark.parametrize("rubbish", ["abc", "²", "\x00", "9" * 400])
def test_every_other_address_of_the_site(world, window, rubbish):
    """Live state, pickers, history, tools: with rubbish in the address and in what is asked for."""
    browser, asked = window("superuser"), 0
    data = dict.fromkeys([*PARAMETERS, *SEARCHES], rubbish)
    for name, arguments in named_addresses():
        try:
            path = reverse(f"admin:{name}", kwargs=dict.fromkeys(arguments, "rubbish"))
        except NoReverseMatch:
            continue  # of one object: above
        address = path.replace("rubbish", quote(rubbish, safe=""))
        for method in ("get", "post"):
            assert browser.ask(method, address, data, drawn=False).status < 500, (method, address)
        asked += 1

    assert asked > 15


def named_addresses() -> list[tuple[str, list[str]]]:
    """Of the site itself: those of screens are asked for above."""
    site = next(one for one in get_resolver().url_patterns if isinstance(one, URLResolver) and one.namespace)
    found: list[tuple[str, list[str]]] = []

    def walk(patterns) -> None:
        for one in patterns:
            if isinstance(one, URLResolver):
                if not str(one.pattern).startswith(("core/", "integrations/")):
                    walk(one.url_patterns)
            elif isinstance(one, URLPattern) and one.name and one.name not in ASKS_THINKIFIC:
                found.append((one.name, list(one.pattern.converters)))

    walk(site.url_patterns)
    return found
