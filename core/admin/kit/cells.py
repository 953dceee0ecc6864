"""The HTML of cells in lists, tabs and detail pages: dates, names, pills, progress, links."""

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db.models import Model
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import lazy
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.timesince import timesince, timeuntil

from core import moments
from core.admin.kit import open_pages
from core.email_display import as_people_write
from core.formats import formats
from core.models.fields import history
from core.pills import pill

NOTHING = format_html('<span class="cell-nothing">{}</span>', "—")
SHOWN_LINES = 8
SHOWN_CODE = 20_000  # characters
LONG_WORD = re.compile(r"[^\s@]{24}")  # in a column it breaks anywhere; shorter words stay whole
SHOWN_CHARACTERS = 300  # the stylesheet cuts lines; this limits the size of the page for very long names


def text(value: Any, limit: int = SHOWN_CHARACTERS, *, tooltip: str = "") -> SafeString:
    """Returns a text of any length and writing direction: the browser cuts it at the end of its line, and the
    tooltip has all of it. `tooltip`: the complete text, if the value is only a part."""
    if not value:
        return NOTHING
    value, tooltip = as_people_write(str(value)), as_people_write(tooltip)
    shown = value if len(value) <= limit else value[: limit - 1] + "…"
    css = "cell-text is-long" if LONG_WORD.search(shown) else "cell-text"
    # An e-mail address that is too long for its column breaks after the @.
    shown = format_html_join(format_html("{}<wbr>", "@"), "{}", ((part,) for part in shown.split("@")))
    return format_html('<bdi class="{}" title="{}">{}</bdi>', css, (tooltip or value)[:1000], shown)


def whole(value: Any) -> Any:
    """Returns the value, or a dash if it is empty. For detail pages, where long texts are not cut."""
    return value or NOTHING


def sentence(value: str, limit: int = SHOWN_CHARACTERS) -> SafeString:
    """Returns a text in as many lines as it needs."""
    if not value:
        return NOTHING
    value = as_people_write(value)
    shown = value if len(value) <= limit else value[: limit - 1] + "…"
    return format_html('<bdi class="cell-sentence" title="{}">{}</bdi>', value[:1000], shown)


def long_text(value: str) -> SafeString:
    """Returns a text with its lines and in its own writing direction; a long one can be opened."""
    if len(value) <= SHOWN_CHARACTERS and value.count("\n") < SHOWN_LINES:
        return format_html('<p class="cell-long" dir="auto">{}</p>', value)
    begin = "\n".join(value[:SHOWN_CHARACTERS].split("\n")[:SHOWN_LINES]).rstrip()
    return format_html(
        '<details class="cell-long" dir="auto"><summary><span class="cell-begin">{}… </span>'
        '<span class="cell-more">Show all</span><span class="cell-less">Show less</span></summary>'
        "<p>{}</p></details>",
        begin,
        value,
    )


def code(written: str) -> SafeString:
    """Returns the beginning of a text that machines exchange, in letters of one width."""
    cut = "" if len(written) <= SHOWN_CODE else "\n… cut here"
    return format_html('<pre class="d-code">{}{}</pre>', written[:SHOWN_CODE], cut)


def done_by(row: Model, who: str) -> SafeString:
    """Returns the name of the user who did something, also after the account was deleted, and of the
    administrator who acted as that user."""
    name = history.done_by(row, who)
    return text(row.with_impersonator(name) if isinstance(row, history.DoneInImpersonation) else name)


def two_lines(first: str, second: str) -> SafeString:
    """Returns a name with a second line that tells it from others of that name, if they differ."""
    return text(first) if first == as_people_write(second) else with_second(text(first), second)


def with_second(first: SafeString, below: str) -> SafeString:
    """Returns a finished cell with a second line below it."""
    return lines([first, second(below)])


def moment(value: datetime | None, *, empty: str = "", ahead: bool = False) -> SafeString:
    """Returns a moment in the site's time zone; the tooltip has the zone and how long ago it was. `ahead`:
    the moment may lie in the future. A past event in the future (a clock was set back) is "just now"."""
    if value is None:
        return format_html('<span class="cell-nothing">{}</span>', empty) if empty else NOTHING
    now = timezone.now()
    away = f"{timesince(value, now)} ago"
    if value > now:
        away = f"in {timeuntil(value, now)}" if ahead else "just now"
    exact, zone = moments.exact(value), timezone.get_current_timezone_name()
    return format_html(
        '<time class="cell-time" datetime="{}" title="{} ({})">{} <span class="cell-clock">{}</span></time>',
        moments.local(value).isoformat(),
        exact if exact.endswith(zone) else f"{exact}, {zone}",  # "CET, Europe/Berlin", but "UTC"
        away,
        moments.day(value),
        moments.hour(value),
    )


def day(value: date | None) -> SafeString:
    return format_html("{}", moments.day(value)) if value else NOTHING


# Lesson kinds with another label than Thinkific's name. REST and GraphQL use different names.
LESSON_KINDS = {"html_item": "Text", "pdf": "PDF", "iframe": "Multimedia", "multimedia": "Multimedia"}


def lesson_kind(raw: str) -> str | SafeString:
    """Returns a lesson's kind as people write it: "Live lesson" for "LIVE_LESSON"."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", raw.strip()).lower().removesuffix("_content")
    return (LESSON_KINDS.get(words) or capfirst(words.replace("_", " ").lower())) if words else NOTHING


def price(amount: Decimal | None, currency: str) -> str | SafeString:
    """Returns an amount with its currency, if Thinkific has sent one."""
    if amount is None:
        return NOTHING
    return "Free" if amount == 0 else formats().price(amount, currency)


def progress(fraction: Decimal | float) -> SafeString:
    """Returns a bar for a fraction from 0 to 1 with its percentage, rounded down: 100 % means finished."""
    percent = max(0, min(100, int(fraction * 100)))
    return format_html(
        '<span class="progress" title="{0}&nbsp;% complete"><span class="progress-track">'
        '<span class="progress-fill" style="width:{0}%"></span></span>'
        '<span class="progress-number">{0}&nbsp;%</span></span>',
        percent,
    )


def number(value: str) -> SafeString:
    """Returns an amount with its unit, never broken into two lines."""
    return format_html('<span class="cell-number">{}</span>', value.replace(" ", "\u00a0"))


def link(obj: Model | None, label: str | None = None) -> SafeString:
    """Returns the object's name, as a link if the viewer may open its page.

    This is decided when the page is rendered: then all its links are known, and one query checks many of
    them.
    """
    if obj is None:
        return NOTHING
    pages = open_pages.current()
    if pages is not None:
        pages.ask(obj)
    return _link(pages, obj, label if label is not None else str(obj))


def _rendered_link(pages: open_pages.OpenPages | None, obj: Model, name: str) -> SafeString:
    if pages is None or not pages.is_open(obj):
        return text(name)
    return format_html('<a class="cell-link" href="{}">{}</a>', detail_url(obj), text(name))


_link = lazy(_rendered_link, SafeString)


def page_link(obj: Model, label: str) -> SafeString:
    """Returns a label that links to the object's page; empty when the viewer may not open it."""
    pages = open_pages.current()
    if pages is not None:
        pages.ask(obj)
    return _page_link(pages, obj, label)


def _rendered_page_link(pages: open_pages.OpenPages | None, obj: Model, label: str) -> SafeString:
    if pages is None or not pages.is_open(obj):
        return format_html("{}", "")
    return format_html('<span class="cell-second"><a href="{}">{}</a></span>', detail_url(obj), label)


_page_link = lazy(_rendered_page_link, SafeString)


def _rendered_badges(name: SafeString, badges: tuple[SafeString | str, ...]) -> SafeString:
    shown = format_html_join(" ", "{}", ((badge,) for badge in badges))
    return format_html('<span class="cell-named">{} {}</span>', name, shown)


_badges = lazy(_rendered_badges, SafeString)


def badged_link(obj: Model, *badges: SafeString | str) -> SafeString:
    """Returns the object's name as a link, followed by pills."""
    return _badges(link(obj), badges)


def outside_link(url: str, label: str) -> SafeString:
    """Returns a link to an address that came from Thinkific; only for http and https."""
    if not url.startswith(("https://", "http://")):
        return NOTHING
    return format_html(
        '<a class="cell-link" href="{}" target="_blank" rel="noopener noreferrer">{}</a>', url, label
    )


def in_thinkific(page: str, name: str) -> SafeString:
    """Returns a name that links to its page in Thinkific, in a new tab."""
    return _to_thinkific(page, text(name), css="cell-link")


def _to_thinkific(page: str, shown: Any, *, css: str) -> SafeString:
    return format_html(
        '<a class="{} cell-outside" href="{}" target="_blank" rel="noopener noreferrer"'
        ' title="Open in Thinkific">{}<span class="material-symbols-outlined">open_in_new</span></a>',
        css,
        page,
        shown,
    )


def second(value: str, *, tooltip: str = "") -> SafeString:
    return format_html('<span class="cell-second">{}</span>', text(value, tooltip=tooltip))


def lines(shown: list[SafeString]) -> SafeString:
    """Returns finished cells below each other."""
    return format_html(
        '<span class="cell-two">{}</span>', format_html_join("", "{}", ((one,) for one in shown))
    )


def detail_url(obj: Model, tab: str = "") -> str:
    url = reverse(f"admin:{obj._meta.app_label}_{obj._meta.model_name}_change", args=[obj.pk])
    return f"{url}?tab={tab}" if tab else url


def thinkific_id(value: int | None, page: str = "", *, why_unknown: str = "") -> SafeString:
    """Returns an id without thousands separators, as people copy it; linked to `page` in Thinkific if given.
    `why_unknown` explains why the id of an object in Thinkific is not known here."""
    if value is None and why_unknown:
        return format_html('<span class="cell-nothing" title="{}">{}</span>', why_unknown, "Not known yet")
    if value is None:
        return pill("Not in Thinkific", title="This exists in the dashboard only.")
    if not page:
        return format_html('<span class="cell-id">{}</span>', value)
    return _to_thinkific(page, value, css="cell-id")


def removed(value: datetime | None) -> SafeString | str:
    """Returns the badge of an object that Thinkific no longer has; empty for None."""
    if value is None:
        return ""
    return pill("Removed", title=f"No longer in Thinkific, seen on {moments.day(value)}.")


def badged(name: str, *badges: SafeString | str) -> SafeString:
    """Returns a name followed by pills."""
    return _rendered_badges(text(name), badges)


def named(obj: Any, label: str | None = None) -> SafeString:
    """Returns a name, with the badge "Removed" if Thinkific no longer has the object."""
    return badged(label if label is not None else str(obj), removed(obj.removed_at))


def yes_no(value: bool | None, *, yes: str = "Yes", no: str = "No") -> SafeString:
    if value is None:
        return NOTHING
    return pill(yes if value else no)


def why(identifier: str, question: str, words: str, reason: str) -> SafeString:
    """Returns a button of one icon that opens the reason why a row has no button. It works by keyboard and by
    touch, and shows the words to a mouse. `identifier` is an id that no other element of the page has."""
    return format_html(
        '<button type="button" class="cell-why" popovertarget="{0}" title="{2}" aria-label="{1}">'
        '<span class="material-symbols-outlined" aria-hidden="true">info</span></button>'
        '<span id="{0}" class="cell-why-said" popover><strong>{2}</strong> {3}</span>',
        identifier,
        question,
        words,
        reason,
    )


def actions(links: list[SafeString]) -> SafeString:
    """Returns the cell with the buttons of a row."""
    if not links:
        return NOTHING
    return format_html(
        '<span class="cell-actions">{}</span>', format_html_join("", "{}", ((a,) for a in links))
    )
