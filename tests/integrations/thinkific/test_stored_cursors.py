"""Runs that an older version began continue after an upgrade, and runs of this version in an older process.

`stored_cursors.json` has runs of the version before the typed state, after each of their steps: the cursor,
the rows that had come, the counts. Each run is repeated here, and its state after each step is replaced by
the stored one.
"""

import base64
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management.color import no_style
from django.db import connection
from django.db.models import Max
from django.utils import timezone

from core.models import (
    BundleItem,
    Certificate,
    Chapter,
    Enrollment,
    GroupMembership,
    Lesson,
    Product,
    QuizResult,
    SiteSettings,
    ThinkificGroup,
    User,
)
from integrations.models import Drift, DriftReport, SyncRun
from integrations.thinkific.runs import lifecycle
from integrations.thinkific.runs.seen import SeenRows
from integrations.thinkific.sandbox import Scale, Site
from tests.integrations.thinkific.running import carry, go_on, short_pauses

pytestmark = pytest.mark.django_db

STORED = json.loads(Path(__file__).with_name("stored_cursors.json").read_text())
SCALE = Scale(
    users=24, enrollments_per_user=2, courses=4, builder_courses=1, bundles=1, groups=2, bundle_holders=0.4
)  # fmt: skip
ORDER = ("products", "users", "groups", "enrollments", "content", "quiz_results", "certificates")
MODELS = (
    User,
    Product,
    BundleItem,
    Chapter,
    Lesson,
    Enrollment,
    ThinkificGroup,
    GroupMembership,
    QuizResult,
    Certificate,
)
COUNTED = (
    "fetched", "created", "updated", "unchanged", "skipped", "removed", "failed", "guarded",
    "pages_done", "pages_total", "errors",
)  # fmt: skip
# Moments of the day on which they were stored, and seconds that a plan foresees.
MOMENTS = {"began", "began_of_all", "asked_at", "watermark", "planned"}
REPORTED = ("compared", "in_step", "waiting", "differs", "only_here", "only_there", "note")
FOUND = ("sort", "key", "object_id", "thinkific_id", "pointers", "label", "differences")


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch):
    short_pauses(monkeypatch)
    monkeypatch.setattr("integrations.thinkific.runs.fetch.PAGE_SIZE", 10)


@pytest.fixture
def thinkific_site():
    return Site.generate(SCALE, seed=1, as_of=datetime(2026, 6, 1, tzinfo=UTC))


@pytest.fixture
def begin(connected, db, refill):
    """`begin()` fills the tables with a pulled site. Primary keys begin at 1, because the sets of seen rows
    are stored by primary key."""
    connected.set_options(graphql_max_first=10)

    def work() -> None:
        number_from_one()
        refill(("stored cursors", connected.site.origin), lambda: [carry(kind) for kind in ORDER])
        number_from_one()
        SiteSettings.objects.update(deletion_guard_percent=100)
        User.objects.filter(thinkific_id=90008).update(company="Ours alone")

    before = last_numbers()
    yield work
    number_after(before)


@pytest.fixture
def site(connected, begin):
    """Pull everything, then change the site."""
    begin()
    change(connected.site)
    return connected.site


def number_from_one() -> None:
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), apps.get_models()):
            cursor.execute(statement)
        for model in apps.get_models() if connection.vendor == "sqlite" else ():
            top = model._base_manager.aggregate(top=Max("pk"))["top"] or 0
            cursor.execute("UPDATE sqlite_sequence SET seq = %s WHERE name = %s", [top, model._meta.db_table])


def last_numbers() -> dict[str, int]:
    """Returns the number that each sequence of PostgreSQL gave out last. No rollback takes one back."""
    if connection.vendor != "postgresql":
        return {}
    with connection.cursor() as cursor:
        cursor.execute("SELECT sequencename, last_value FROM pg_sequences WHERE last_value IS NOT NULL")
        return dict(cursor.fetchall())


def number_after(before: dict[str, int]) -> None:
    """Other tests put rows back with the primary keys that they had: none of those may be given out again."""
    now = last_numbers()
    with connection.cursor() as cursor:
        for name, number in before.items():
            cursor.execute("SELECT setval(%s, %s)", [name, max(number, now.get(name, 1))])


def change(site) -> None:
    """Make the changes that every pull finds: new, changed and deleted rows."""
    made = {"created_at": "2026-06-02T00:00:00Z", "updated_at": "2026-06-02T00:00:00Z"}
    site.write("put", kind="users", row={"email": "new@there.example", "first_name": "New", **made})
    site.write("put", kind="users", row={"id": 90005, "first_name": "Else"})
    changed, gone = site.enrollments.listing[9], site.enrollments.listing[20]
    site.write("put", kind="enrollments", row={"id": changed.id, "percentage_completed": 0.5, **made})
    site.write("remove", kind="enrollments", row_ids=[gone.id])
    site.write("put", kind="courses", row={"id": site.courses.listing[1]["id"], "name": "Renamed"})
    # Deleted and made anew with the same address: who waits for the end of the walk.
    anew = {"email": User.objects.get(thinkific_id=90012).email, "first_name": "Anew", **made}
    site.write("delete_user", user_id=90012)
    number = site.write("put", kind="users", row=anew)
    course = site.courses.listing[0]["id"]
    row = {"user_id": number, "course_id": course, "user_email": anew["email"], **made}
    site.write("put", kind="enrollments", row=row)


def delete_a_user(site) -> None:
    site.write("remove", kind="users", row_ids=[PASSED["User"]])


def delete_an_enrollment(site) -> None:
    site.write("remove", kind="enrollments", row_ids=[PASSED["Enrollment"]])


# Deleted after the walk has read them: only the next run marks them as removed.
PASSED = {"User": 90001, "Enrollment": 700001}
# While the run waits after so many steps: rows move to pages that are over, so the list is walked again.
MEANWHILE = {"users": (2, delete_a_user), "enrollments": (2, delete_an_enrollment)}
# How many steps and requests the stored comparisons still need: one more, and something is done again.
LEFT = {
    "reconciliation": [
        (53, 48), (52, 47), (48, 36), (42, 24), (39, 23), (33, 18),
        (28, 15), (28, 15), (19, 10), (12, 7), (6, 3),
    ],
    "reconciliation, walked again": [(46, 27), (45, 26), (44, 26), (43, 25), (42, 24), (41, 23), (40, 23)],
}  # fmt: skip
KINDS = [*((kind, True) for kind in ORDER), ("enrollments", False), ("quiz_results", False)]


def slices(site, kind, *, full=True):
    """Carry out a run in slices of one step; yields it after each."""
    run, _ = lifecycle.open_run(kind, full=full)
    number = 0
    while run.status in SyncRun.ACTIVE:
        run = go_on(run, seconds=0.0)
        number += 1
        assert number < 99
        after, disturb = MEANWHILE.get(kind, (0, None)) if full else (0, None)
        if number == after:
            disturb(site)
        yield run


def as_stored(run) -> dict:
    return {
        "cursor": run.cursor,
        "seen": base64.b64encode(run.seen or b"").decode(),
        **{name: getattr(run, name) for name in COUNTED},
    }


def report_of(report) -> dict:
    return {
        "kind": report.kind,
        "is_over": report.compared_at is not None,
        **{name: getattr(report, name) for name in REPORTED},
        "rows": list(report.rows.order_by("pk").values(*FOUND)),
    }


def take_over(run, stored) -> None:
    """Set the run to the stored state of the older version."""
    values = {name: stored[name] for name in ("cursor", *COUNTED)}
    seen = base64.b64decode(stored["seen"]) or None
    SyncRun.objects.filter(pk=run.pk).update(**values, seen=seen)


def met(seen) -> dict[str, bytes]:
    """Returns the sets of rows that have come, by list, without empty ones."""
    stored = SeenRows(base64.b64decode(seen))
    sets = [*stored._rows.items(), *((f"#{name}", one) for name, one in stored._numbers.items())]
    return {name: one.dump() for name, one in sets if len(one)}


def without_moments(value):
    if isinstance(value, dict):
        return {name: without_moments(one) for name, one in value.items() if name not in MOMENTS}
    return [without_moments(one) for one in value] if isinstance(value, list | tuple) else value


def holds(cursor, old) -> bool:
    """Returns whether the cursor has everything that the older version wrote; it may have more."""
    if isinstance(old, dict):
        return all(name in cursor and holds(cursor[name], one) for name, one in old.items())
    return cursor == old


def rows() -> dict[str, list[dict]]:
    """Returns the mirrored rows, without the times of the last sync."""
    found = {}
    for model in MODELS:
        names = [f.attname for f in model._meta.concrete_fields if not f.attname.endswith("_at")]
        ordered = model._base_manager.order_by("pk")
        if model.__name__ in PASSED:
            ordered = ordered.exclude(thinkific_id=PASSED[model.__name__])
        gone = dict(ordered.values_list("pk", "removed_at"))
        found[model.__name__] = [
            row | {"removed": gone[row["id"]] is not None} for row in ordered.values(*names)
        ]
    return found


@pytest.mark.parametrize(("kind", "full"), KINDS)
def test_a_pull_goes_on_from_each_step_of_an_older_version(site, begin, kind, full):
    steps = STORED[f"{kind}, {'full' if full else 'changes'}"]
    for number, run in enumerate(slices(site, kind, full=full)):
        ours, theirs = as_stored(run), steps[number]
        assert holds(without_moments(ours.pop("cursor")), without_moments(theirs["cursor"]))
        assert met(ours.pop("seen")) == met(theirs["seen"])
        assert ours == {name: theirs[name] for name in COUNTED}
        if run.status in SyncRun.ACTIVE:
            take_over(run, theirs)
    assert (number + 1, run.status) == (len(steps), "succeeded")
    in_slices = rows()

    begin()
    whole = carry(kind, full=full)

    assert (whole.status, whole.errors) == ("succeeded", run.errors)
    assert in_slices == rows()


@pytest.mark.slow
@pytest.mark.parametrize("name", LEFT)
def test_a_comparison_goes_on_from_each_step_of_an_older_version(site, name):
    *steps, last = STORED[name]
    if name != "reconciliation":
        delete_a_user(site)
    for stored, left in zip(steps, LEFT[name], strict=True):
        run, _ = lifecycle.open_run("reconciliation")
        take_over(run, stored)
        for report in stored["reports"]:
            restore(run, report)

        *_, (number, run) = enumerate(slices(site, "reconciliation"), start=1)

        assert (run.status, run.errors) == ("succeeded", [])
        assert {one.kind: report_of(one) for one in run.drift_reports.all()} == {
            report["kind"]: report for report in last["reports"]
        }
        assert {name: getattr(run, name) for name in COUNTED} == {name: last[name] for name in COUNTED}
        assert (number, run.requests) == left


def restore(run, told) -> None:
    over = timezone.now() if told["is_over"] else None
    values = {name: told[name] for name in ("kind", *REPORTED)}
    report = DriftReport.objects.create(run=run, compared_at=over, **values)
    for row in told["rows"]:
        Drift.objects.create(report=report, **row)
