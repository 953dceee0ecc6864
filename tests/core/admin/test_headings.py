"""Every heading of a list or a tab sorts, or stands here with the reason why not. From the registry. Headings
above buttons ("Actions") are left out."""

from typing import Any

import pytest
from django.contrib.admin.templatetags.admin_list import result_headers
from django.db.models import Model
from django.urls import reverse
from django.utils.text import capfirst

from core.admin.kit.tabs import Tab
from core.models import ImportBatch, ShownColumns, Team
from tests.core.admin.walk.world import build
from tests.factories import ImportRowFactory

pytestmark = pytest.mark.django_db

SEVERAL = "the cell has several values"
BUTTONS = "buttons, or a link"
NO_INDEX = "the list may have millions of rows, and no index has this order; a filter finds them"
OWN_ORDER = "the rows have an order of their own"
LOG = "a log, newest first; filters find rows in it"
FREE_TEXT = "sentences, which nobody looks for by their first letters"
WHY_UNSORTED = {
    "certificate": {"Course": NO_INDEX, "Certificate": BUTTONS},
    "emailtext": dict.fromkeys(["E-mail", "Sent", "Subject", "State", "Changed At"], OWN_ORDER),
    "enrollment": {
        # Measured on PostgreSQL with a million enrollments in five courses: 0.3 to 0.6 seconds, because all
        # rows of the first course are read and sorted for one page. Students: half a millisecond.
        "Course": NO_INDEX,
        "Status": "it is computed from four columns and the present moment; the filter Status finds them",
        "Origin": NO_INDEX,
        "Via bundle": NO_INDEX,
    },
    "enrollment curriculum": dict.fromkeys(["Chapter", "Lesson", "Kind", "Progress"], OWN_ORDER),
    "impersonationsession": dict.fromkeys(["How long", "Ended by", "From address"], LOG),
    "importbatch matches": dict.fromkeys(
        ["Line", "Group", "Team", "Direction", "Role on joining", "Outcome", "Remarks"], OWN_ORDER
    ),
    "importbatch rows": dict.fromkeys(["Line", "Person", "Outcome", "Remarks", "Values"], OWN_ORDER),
    **dict.fromkeys(
        ["migration problems", "migration rows"],
        dict.fromkeys(["Kind", "Line", "What", "Result", "Message"], OWN_ORDER),
    ),
    "quizresult": {"Quiz": NO_INDEX, "Course": SEVERAL, "Score": NO_INDEX, "Result": NO_INDEX}
    | {"Attempts": NO_INDEX},
    "product": {
        "Enrollments": "it would count the enrollments of every product",
        "Last synced": "of most products it is the end of the last run, the same for all",
    },
    "product curriculum": dict.fromkeys(["Chapter", "Lesson", "Kind", "Quiz"], OWN_ORDER),
    "product seats": {"Teams": SEVERAL},
    "product enrollments": dict.fromkeys(["Status", "Enrollments", ""], "one row for each status"),
    "quiz": dict.fromkeys(["Name", "Course"], "no screen leads to this list"),
    "role users": {"Last activity": NO_INDEX},
    "seat": {"Teams": SEVERAL},
    "team links": {"Status": "it is computed from dates and counts"},
    "apitoken": {"State": "it is computed from dates"},
    "user": {"Teams": SEVERAL, "Role": SEVERAL, "Last activity": NO_INDEX, "Status": NO_INDEX},
    "user openings": dict.fromkeys(["Led to", "By", "As", "From address"], LOG),
    "thinkificopening": dict.fromkeys(["Person", "Led to", "By", "As", "From address"], LOG),
    "user notes": {"Note": FREE_TEXT},
    "webhookendpoint": {"Events": SEVERAL},
    "webhookendpoint deliveries": dict.fromkeys(["Event", "Status", "Answer", "Attempts", "Created At"], LOG),
    "webhookdelivery": dict.fromkeys(
        ["Event", "Endpoint", "Status", "Answer", "Attempts", "Created At"], LOG
    ),
    "outboxentry": dict.fromkeys(["Change", "About", "Status", "Waits since", "Thinkific says"], LOG),
    "syncconflict": dict.fromkeys(
        ["Object", "Field", "In the dashboard", "In Thinkific", "When", "State"], LOG
    ),
    "drift": dict.fromkeys(
        ["Object", "Drift", "Field", "In the dashboard", "In Thinkific", "State"], OWN_ORDER
    )
    | {"Repair": BUTTONS},
    "inboundevent": dict.fromkeys(["Topic", "Status", "Received", "Happened", "Outcome"], LOG),
    "stripeevent": dict.fromkeys(["Event", "Status", "Buyer", "Outcome", "Received"], LOG),
    "syncrun": dict.fromkeys(["Run", "Status", "Progress", "Started", "By", "Duration", "Requests"], LOG),
    "syncschedule": dict.fromkeys(
        ["Data", "Reads", "Every (minutes)", "Enabled", "That is", "Next run"], OWN_ORDER
    ),
}


@pytest.fixture
def seen(db, signed_in) -> dict[str, set[str]]:
    """Returns the headings that do not sort, as an administrator and an owner see them, by screen and tab."""
    world = build()
    found: dict[str, set[str]] = {}
    for name in ("administrator", "owner"):
        viewer = world.people[name]
        ShownColumns.objects.create(
            user=viewer, screen="core.user", columns=["team_names", "role_names", "active_last", "status"]
        )
        client = signed_in(viewer)
        for model, screen in world.screens().items():
            base = f"admin:{model._meta.app_label}_{model._meta.model_name}"
            note(found, model, "", client.get(reverse(f"{base}_changelist"), follow=True))
            row = world.own.get(model) or world.foreign.get(model)
            for tab in [tab for tab in screen.tabs if isinstance(tab, Tab)]:
                if row is not None and tab.is_shown(row, viewer):
                    page = client.get(reverse(f"{base}_change", args=[row.pk]), {"tab": tab.slug})
                    note(found, model, tab.slug, page)
        note(found, Team, "of the tools", client.get(reverse("admin:tools_teams")))
        matching = ImportRowFactory(batch__kind=ImportBatch.Kind.GROUP_MATCHING).batch
        page = client.get(reverse("admin:core_importbatch_change", args=[matching.pk]), {"tab": "matches"})
        note(found, ImportBatch, "matches", page)
    return found


def note(found: dict[str, set[str]], model: type[Model], tab: str, page: Any) -> None:
    """Add the headings of the page that do not sort. A page that the viewer may not see has none."""
    if page.status_code != 200:
        return
    if tab:
        headings = {heading.text for heading in page.context["headings"] if not heading.url} - {"Actions"}
    elif "cl" in page.context:
        shown = [one for one in result_headers(page.context["cl"]) if "action-toggle" not in str(one["text"])]
        headings = {capfirst(str(one["text"])) for one in shown if not one["sortable"]} - {"Actions"}
    else:
        return
    place = f"{model._meta.model_name} {tab}".strip()
    found[place] = found.get(place, set()) | headings


def test_every_heading_sorts_or_says_why_not(seen):
    unexplained = {
        place: headings - WHY_UNSORTED.get(place, {}).keys()
        for place, headings in seen.items()
        if headings - WHY_UNSORTED.get(place, {}).keys()
    }

    assert not unexplained


def test_no_reason_is_left_of_a_heading_that_sorts_or_is_gone(seen):
    assert {
        place: reasons.keys() - seen.get(place, set())
        for place, reasons in WHY_UNSORTED.items()
        if reasons.keys() - seen.get(place, set())
    } == {}
