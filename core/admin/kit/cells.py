"""What stands in a cell: dates, names, pills, progress, links; the same everywhere."""

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
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
from core.models.fields import history
from core.pills import pill

NOTHING = format_html('<span class="cell-nothing">{}</span>', "—")
SHOWN_CHARACTERS = 300  # the stylesheet cuts lines; this keeps a page small whatever a name holds


def text(value: Any, limit: int = SHOWN_CHARACTERS, *, tooltip: str = "") -> SafeString:
    """A name of any length: cut where its line ends, whole in the tooltip, in its own direction. `tooltip`:
    what is whole, where the value is only a part."""
    if not value:
        return NOTHING
    value, tooltip = as_people_write(str(value)), as_people_write(tooltip)
    shown = value if len(value) <= limit else value[: limit - 1] + "…"
    # An address that is too long for its column breaks before its domain.
    shown = format_html_join(format_html("{}<wbr>", "@"), "{}", ((part,) for part in shown.split("@")))
    return format_html('<bdi class="cell-text" title="{}">{}</bdi>', (tooltip or value)[:1000], shown)


def whole(value: Any) -> Any:
    """A text of any length in all its lines, for a page of its own; or any value, where there is one."""
    return value or NOTHING


def sentence(value: str, limit: int = SHOWN_CHARACTERS) -> SafeString:
    """What is read to its end: in as many lines as it takes."""
    if not value:
        return NOTHING
    value = as_people_write(value)
    shown = value if len(value) <= limit else value[: limit - 1] + "…"
    return format_html('<bdi class="cell-sentence" title="{}">{}</bdi>', value[:1000], shown)


def done_by(row: Model, who: str) -> SafeString:
    """The name of whoever did something, also where their account is gone."""
    return text(history.done_by(row, who))


def two_lines(first: str, second: str) -> SafeString:
    """A name with what tells its bearer from another below it; once where both are the same."""
    if first == as_people_write(second):
        return text(first)
    return format_html(
        '<span class="cell-two">{}<span class="cell-second">{}</span></span>', text(first), text(second)
    )


def with_second(first: SafeString, second: str) -> SafeString:
    """A drawn cell with a line below it."""
    return format_html(
        '<span class="cell-two">{}<span class="cell-second">{}</span></span>', first, text(second)
    )


def moment(value: datetime | None, *, empty: str = "", ahead: bool = False) -> SafeString:
    """A point in time in the site's time zone, which the tooltip names, with how long ago. `ahead`: it may
    well be still to come. What has happened is "just now" where a clock was set back since."""
    if value is None:
        return format_html('<span class="cell-nothing">{}</span>', empty) if empty else NOTHING
    now = timezone.now()
    away = f"{timesince(value, now)} ago"
    if value > now:
        away = f"in {timeuntil(value, now)}" if ahead else "just now"
    return format_html(
        '<time class="cell-time" datetime="{}" title="{} ({})">{} <span class="cell-clock">{}</span></time>',
        moments.local(value).isoformat(),
        f"{moments.exact(value)}, {settings.TIME_ZONE}",
        away,
        moments.day(value),
        moments.hour(value),
    )


def day(value: date | None) -> SafeString:
    return format_html("{}", moments.day(value)) if value else NOTHING


# Kinds of lessons that people call otherwise than Thinkific does; REST and GraphQL have words of their own.
LESSON_KINDS = {"html_item": "Text", "pdf": "PDF", "iframe": "Multimedia", "multimedia": "Multimedia"}


def lesson_kind(raw: str) -> str | SafeString:
    """A lesson's kind in words: "LIVE_LESSON", "HtmlItem" or "QuizContent" as people write them."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", raw.strip()).lower().removesuffix("_content")
    return (LESSON_KINDS.get(words) or capfirst(words.replace("_", " ").lower())) if words else NOTHING


def price(amount: Decimal | None, currency: str) -> str | SafeString:
    """An amount with its currency, where Thinkific has told it."""
    if amount is None:
        return NOTHING
    return "Free" if amount == 0 else f"{amount:,.2f} {currency}".strip()


def progress(fraction: Decimal | float) -> SafeString:
    """A bar for 0 to 1, with its number: rounded down, so that 100 % means finished."""
    percent = max(0, min(100, int(fraction * 100)))
    return format_html(
        '<span class="progress" title="{0}&nbsp;% complete"><span class="progress-track">'
        '<span class="progress-fill" style="width:{0}%"></span></span>'
        '<span class="progress-number">{0}&nbsp;%</span></span>',
        percent,
    )


def number(value: str) -> SafeString:
    """An amount with its unit, never torn apart."""
    return format_html('<span class="cell-number">{}</span>', value.replace(" ", "\u00a0"))


def link(obj: Model | None, label: str | None = None) -> SafeString:
    """The object's name, leading to its page where that opens for the viewer.

    Decided when the page is drawn: by then all of its links are known, and one query answers for many.
    """
    if obj is None:
        return NOTHING
    way = open_pages.current()
    if way is not None:
        way.ask(obj)
    return _link(way, obj, label if label is not None else str(obj))


def _drawn_link(way: open_pages.OpenPages | None, obj: Model, name: str) -> SafeString:
    if way is None or not way.is_open(obj):
        return text(name)
    return format_html('<a class="cell-link" href="{}">{}</a>', detail_url(obj), text(name))


_link = lazy(_drawn_link, SafeString)


def way_to(obj: Model, label: str) -> SafeString:
    """A word that leads to the object's page; nothing where that does not open for the viewer."""
    way = open_pages.current()
    if way is not None:
        way.ask(obj)
    return _way(way, obj, label)


def _drawn_way(way: open_pages.OpenPages | None, obj: Model, label: str) -> SafeString:
    if way is None or not way.is_open(obj):
        return format_html("{}", "")
    return format_html('<span class="cell-second"><a href="{}">{}</a></span>', detail_url(obj), label)


_way = lazy(_drawn_way, SafeString)


def _drawn_badges(name: SafeString, badges: tuple[SafeString | str, ...]) -> SafeString:
    shown = format_html_join(" ", "{}", ((badge,) for badge in badges))
    return format_html('<span class="cell-named">{} {}</span>', name, shown)


_badges = lazy(_drawn_badges, SafeString)


def badged_link(obj: Model, *badges: SafeString | str) -> SafeString:
    """A name that leads to its page, with the pills that belong to it."""
    return _badges(link(obj), badges)


def outside_link(url: str, label: str) -> SafeString:
    """An address that came from Thinkific; only if a browser may be sent there."""
    if not url.startswith(("https://", "http://")):
        return NOTHING
    return format_html(
        '<a class="cell-link" href="{}" target="_blank" rel="noopener noreferrer">{}</a>', url, label
    )


def in_thinkific(page: str, name: str) -> SafeString:
    """A name that leads to its page in Thinkific, in a tab of its own."""
    return format_html(
        '<a class="cell-link cell-outside" href="{}" target="_blank" rel="noopener noreferrer"'
        ' title="Open in Thinkific">{}<span class="material-symbols-outlined">open_in_new</span></a>',
        page,
        text(name),
    )


def second(value: str) -> SafeString:
    return format_html('<span class="cell-second">{}</span>', text(value))


def lines(shown: list[SafeString]) -> SafeString:
    """Drawn cells below each other."""
    return format_html(
        '<span class="cell-two">{}</span>', format_html_join("", "{}", ((one,) for one in shown))
    )


def detail_url(obj: Model, tab: str = "") -> str:
    url = reverse(f"admin:{obj._meta.app_label}_{obj._meta.model_name}_change", args=[obj.pk])
    return f"{url}?tab={tab}" if tab else url


def thinkific_id(value: int | None, page: str = "", *, untold: str = "") -> SafeString:
    """Ids are copied, not added up: no thousands separators. `page` is where Thinkific shows it. `untold`
    says of something that is in Thinkific why its number is not known here."""
    if value is None and untold:
        return format_html('<span class="cell-nothing" title="{}">{}</span>', untold, "Not told yet")
    if value is None:
        return pill("Not in Thinkific", title="This exists in the dashboard only.")
    if not page:
        return format_html('<span class="cell-id">{}</span>', value)
    return format_html(
        '<a class="cell-id cell-outside" href="{}" target="_blank" rel="noopener noreferrer"'
        ' title="Open in Thinkific">{}<span class="material-symbols-outlined">open_in_new</span></a>',
        page,
        value,
    )


def removed(value: datetime | None) -> SafeString | str:
    """A badge on what Thinkific no longer has."""
    if value is None:
        return ""
    return pill("Removed", title=f"No longer in Thinkific, seen on {moments.day(value)}.")


def badged(name: str, *badges: SafeString | str) -> SafeString:
    """A name with the pills that belong to it."""
    return format_html(
        '<span class="cell-named">{} {}</span>',
        text(name),
        format_html_join(" ", "{}", ((b,) for b in badges)),
    )


def named(obj: Any, label: str | None = None) -> SafeString:
    """A name with the badge "Removed" where Thinkific no longer has the object."""
    return badged(label if label is not None else str(obj), removed(obj.removed_at))


def yes_no(value: bool | None, *, yes: str = "Yes", no: str = "No") -> SafeString:
    if value is None:
        return NOTHING
    return pill(yes if value else no)


def actions(links: list[SafeString]) -> SafeString:
    """What can be done to a row."""
    if not links:
        return NOTHING
    return format_html(
        '<span class="cell-actions">{}</span>', format_html_join("", "{}", ((a,) for a in links))
    )
