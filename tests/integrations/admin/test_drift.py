"""The drift screens: what was found, the preview of a repair, and who may see and do it."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from integrations.models import Drift, DriftReport, SyncRun
from tests.factories import EnrollmentFactory, UserFactory

LIST = reverse("admin:integrations_drift_changelist")
REPAIR = reverse("admin:integrations_drift_repair")
COMPARE = reverse("admin:integrations_drift_compare")
NAME = [{"field": "first_name", "ours": "Oona", "theirs": "Theodora"}]


@pytest.fixture
def report(db):
    """`report("users")` is that of the last comparison."""
    run = SyncRun.objects.create(kind="reconciliation", status="succeeded", finished_at=timezone.now())

    def make(kind, **counts) -> DriftReport:
        return DriftReport.objects.create(run=run, kind=kind, compared_at=timezone.now(), **counts)

    return make


def drift(report, user, **values) -> Drift:
    values = {"sort": "differs", "differences": NAME, "label": user.email} | values
    return Drift.objects.create(
        report=report, key=f"ours:{user.pk}", object_id=user.pk, thinkific_id=user.thinkific_id, **values
    )


@pytest.fixture
def users(report):
    return report("users", compared=12, in_step=10, waiting=1, differs=1)


@pytest.fixture
def row(users):
    return drift(users, UserFactory(email="nia@acme.example", thinkific_id=7))


def page(client, address) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return response.content.decode()


def test_the_report_counts_by_kind_and_lists_both_values(alma, signed_in, row):
    shown = page(signed_in(alma), f"{LIST}?kind=users")

    for text in ("12", "10", "Oona", "Theodora", "first name", "nia@acme.example"):
        assert text in shown
    assert reverse("admin:core_user_change", args=[row.object_id]) in shown


def test_without_a_report_the_page_says_when_there_will_be_one(alma, signed_in, connected):
    shown = page(signed_in(alma), LIST)

    assert "No comparison yet" in shown
    assert "Compare now" in shown


def test_when_both_sides_agree_it_says_so(alma, signed_in, report):
    report("users", compared=5, in_step=5)

    shown = page(signed_in(alma), LIST)

    assert "Both sides agree" in shown
    assert "Nothing to repair" in shown


def test_rows_of_earlier_reports_are_not_offered(alma, signed_in, row):
    older = SyncRun.objects.create(kind="reconciliation", status="succeeded", finished_at=timezone.now())
    DriftReport.objects.create(run=older, kind="users", compared_at=timezone.now())
    client = signed_in(alma)

    assert "Oona" not in page(client, LIST)
    assert client.get(REPAIR, {"choice": "push", "row": row.pk}).status_code == 404


def test_the_preview_shows_before_and_after_and_changes_nothing(alma, signed_in, row):
    client = signed_in(alma)

    pushed = page(client, f"{REPAIR}?choice=push&row={row.pk}")
    taken = page(client, f"{REPAIR}?choice=take&row={row.pk}")

    assert pushed.index("Theodora") < pushed.index("Oona")
    assert taken.index("Oona") < taken.index("Theodora")
    assert "Push ours for 1" in pushed
    row.refresh_from_db()
    assert row.state == "open"
    assert not SyncRun.objects.filter(kind="repair").exists()


def test_the_preview_says_what_cannot_be_done_and_why(alma, signed_in, report):
    products = report("products", compared=2, differs=1)
    company = [{"field": "company", "ours": "A", "theirs": "B"}]
    people = report("users", compared=9, differs=1, only_there=1)
    drift(people, UserFactory(thinkific_id=8), differences=company)
    Drift.objects.create(
        report=people, key="theirs:9", thinkific_id=9, sort="only_there", label="new@there.example"
    )
    Drift.objects.create(report=products, key="theirs:3", thinkific_id=3, sort="only_there", label="A course")
    client = signed_in(alma)

    shown = page(client, f"{REPAIR}?choice=push&kind=users")
    assert "Nothing can be repaired this way" in shown
    assert "Thinkific alone decides on company" in shown
    assert "a repair deletes nothing there" in shown
    assert "never sent there" in page(client, f"{REPAIR}?choice=push&kind=products")


def test_confirming_starts_one_run_for_the_rows_that_were_shown(alma, signed_in, row, connected):
    client = signed_in(alma)

    response = client.post(REPAIR, {"choice": "take", "rows": str(row.pk)})

    assert response.status_code == 302
    row.refresh_from_db()
    assert (row.state, row.choice, row.repaired_by) == ("repairing", "take", alma)
    assert SyncRun.objects.get(kind="repair").started_by == alma
    # a second click
    client.post(REPAIR, {"choice": "push", "rows": str(row.pk)})
    row.refresh_from_db()
    assert row.choice == "take"


@pytest.mark.parametrize("moved", ["values", "state"])
def test_an_outdated_preview_is_shown_again(alma, root, signed_in, row, users, connected, moved):
    other = drift(users, UserFactory(email="bo@acme.example", thinkific_id=8))
    client = signed_in(alma)
    shown = client.get(REPAIR, {"choice": "take", "kind": "users"}).context
    sent = {"choice": "take", **{name: shown.get(name, "") for name in ("rows", "shown")}}
    if moved == "values":
        Drift.objects.filter(pk=row.pk).update(differences=[NAME[0] | {"theirs": "Newer"}])
    else:
        Drift.objects.filter(pk=row.pk).update(state="repairing", choice="push", repaired_by=root)

    page = client.post(REPAIR, sent, follow=True).content.decode()

    assert "This has changed since you opened it" in page
    assert ("Newer" if moved == "values" else f"It is over: being repaired, by {root}") in page
    other.refresh_from_db()
    assert other.state == "open"
    assert not SyncRun.objects.filter(kind="repair").exists()


def test_without_a_site_nothing_is_started(alma, signed_in, row):
    signed_in(alma).post(REPAIR, {"choice": "take", "rows": str(row.pk)})

    row.refresh_from_db()
    assert row.state == "open"
    assert not SyncRun.objects.filter(kind="repair").exists()


def test_why_nothing_can_be_compared_or_repaired_is_said_in_the_dialog(alma, signed_in, row):
    client = signed_in(alma)

    compared = client.post(COMPARE, headers={"HX-Request": "true"}).content.decode()
    repaired = client.post(REPAIR, {"choice": "take", "rows": str(row.pk)}).content.decode()

    assert "No Thinkific site is connected" in compared.split('<dialog id="compare"', 1)[1]
    assert "No Thinkific site is connected" in repaired
    assert "Take theirs for 1" in repaired


def test_selected_rows_go_through_the_preview(alma, signed_in, row):
    response = signed_in(alma).post(LIST, {"action": "push_selected", "_selected_action": [row.pk]})

    shown = response.content.decode()
    assert "Push ours for 1" in shown
    row.refresh_from_db()
    assert row.state == "open"


def test_comparing_now_is_a_run_that_tells_who_asked(alma, signed_in, connected, db):
    client = signed_in(alma)

    assert client.get(COMPARE).status_code == 405
    client.post(COMPARE)
    client.post(COMPARE)

    run = SyncRun.objects.get(kind="reconciliation")
    assert (run.status, run.started_by) == ("queued", alma)


@pytest.mark.parametrize("who", ["mara", "owen", "ana"])
def test_only_administrators_see_or_repair_drift(who, request, signed_in, row, connected):
    client = signed_in(request.getfixturevalue(who))

    assert client.get(LIST).status_code in (302, 403)
    assert client.get(f"{REPAIR}?choice=push&row={row.pk}").status_code in (302, 403)
    assert client.post(REPAIR, {"choice": "push", "rows": str(row.pk)}).status_code in (302, 403)
    assert client.post(COMPARE).status_code in (302, 403)
    row.refresh_from_db()
    assert row.state == "open"
    assert not SyncRun.objects.filter(kind__in=["repair"]).exists()
    assert SyncRun.objects.filter(kind="reconciliation").count() == 1


def test_odd_addresses_are_not_found(alma, signed_in, row):
    client = signed_in(alma)

    for query in ("", "?choice=both&row=1", "?choice=push", "?choice=push&kind=seats", "?choice=push&row=x",
                  f"?choice=push&row={row.pk + 1}"):  # fmt: skip
        assert client.get(f"{REPAIR}{query}").status_code == 404, query
    client.post(REPAIR, {"choice": "push", "rows": "x,,-1,99999999999999999999999"})
    assert not SyncRun.objects.filter(kind="repair").exists()


def test_the_number_of_queries_does_not_grow_with_the_rows(alma, signed_in, users, report):
    client = signed_in(alma)
    held = report("enrollments", compared=9, differs=1)
    addresses = [LIST, f"{REPAIR}?choice=push&kind=users", f"{REPAIR}?choice=take&kind=enrollments"]

    def add(count):
        for _ in range(count):
            drift(users, UserFactory(thinkific_id=None))
            enrollment = EnrollmentFactory()
            Drift.objects.create(
                report=held, key=f"ours:{enrollment.pk}", object_id=enrollment.pk, sort="only_here", label="x"
            )

    def queries():
        counted = []
        for address in addresses:
            with CaptureQueriesContext(
                connection,
            ) as asked:
                page(client, address)
            counted.append(len(asked))
        return counted

    add(2)
    queries()
    few = queries()
    add(20)
    assert queries() == few
    assert max(few) < 25


def test_the_first_page_names_drift_until_it_is_repaired(alma, signed_in, row):
    client = signed_in(alma)
    assert "1 object differs" in page(client, reverse("admin:index"))

    Drift.objects.update(state="taken")

    assert "object differs" not in page(client, reverse("admin:index"))
