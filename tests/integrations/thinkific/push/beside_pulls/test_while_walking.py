"""Rows that are created during a walk over the whole list: they count as seen, the list is walked only once,
and rows that are gone are found."""

import json

import pytest
from django.test import Client

from core.models import Certificate, Enrollment, GroupMembership, Product, QuizResult, ThinkificGroup, User
from core.processes import this_process
from core.services.enrollments import enrollments
from integrations.models import DriftReport, InboundEvent, SyncRun
from integrations.thinkific.budget import decisions
from integrations.thinkific.client.graphql import lists
from integrations.thinkific.kinds import carry_out
from integrations.thinkific.runs import fetch, lifecycle
from integrations.thinkific.sandbox import Scale
from integrations.thinkific.webhooks import process
from tests.integrations.thinkific.webhooks.conftest import ADDRESS, SECRET, signature

PAGE = 5
V1 = "GET /api/public/v1"
SCALE = Scale(users=40, courses=4, builder_courses=0, bundles=1, groups=2)


@pytest.fixture(autouse=True)
def one_page_after_the_other(monkeypatch):
    monkeypatch.setattr(fetch, "PAGE_SIZE", PAGE)
    monkeypatch.setattr(fetch, "AHEAD", 1)
    monkeypatch.setattr(fetch, "GATHER", 0.0)
    # What happens between two pages happens in the walk's own thread, which cannot give slots back meanwhile.
    monkeypatch.setattr(decisions, "LARGEST_BATCH", 1)


@pytest.fixture(params=[False, True], ids=["no webhooks", "webhooks"])
def hear(request, thinkific, settings):
    """`hear()` processes the events since the last call, if there are webhooks."""
    settings.THINKIFIC_WEBHOOK_SECRETS = [SECRET]
    events: list[dict] = []
    thinkific.site.listeners.append(
        lambda topic, payload: events.append(thinkific.webhooks.event(topic, json.loads(json.dumps(payload))))
    )

    def carry() -> None:
        if not request.param:
            return
        for event in events:
            body = json.dumps(event).encode()
            headers = {"X-Thinkific-Hmac-Sha256": signature(body)}
            Client().post(ADDRESS, body, content_type="application/json", headers=headers)
        events.clear()
        process.process(seconds=30, gather=0)
        assert not InboundEvent.objects.filter(status__in=["received", "failed"]).exists()

    return carry


@pytest.fixture
def walk():
    """`walk(kind, between)` carries out a run and calls `between` when two of its pages are stored."""

    def carry(kind, between, *, full=True) -> SyncRun:
        run, _ = lifecycle.open_run(kind, full=full)
        happened = []

        def on_progress(run):
            if run.pages_done >= 2 and not happened:
                happened.append(run.pages_done)
                between()

        carry_out(lifecycle.claim(run.pk, worker=this_process()), on_progress=on_progress)
        assert happened == [2]
        return SyncRun.objects.get(pk=run.pk)

    return carry


def signs_up(site, name="new.face"):
    fields = {"email": f"{name}@example.org", "first_name": "New", "last_name": "Face"}
    return site.write("create_user", fields=fields).id


def buys(site, user_id, course=0):
    return site.write("enroll", user_id=user_id, course_id=site.courses.listing[course]["id"], dates={}).id


def pages(rows):
    return -(-rows // PAGE)


def gone(model):
    return list(model.objects.filter(removed_at__isnull=False).values_list("thinkific_id", flat=True))


def whole(run):
    return (run.status, run.errors) == ("succeeded", [])


# --- people -----------------------------------------------------------------------------------------------


def test_a_person_signs_up(everything, thinkific, walk, hear):
    site = everything
    site.write("remove", kind="users", row_ids=[90020])

    run = walk("users", lambda: (signs_up(site), hear()))

    assert whole(run)
    assert User.objects.filter(email="new.face@example.org").count() == 1
    assert (gone(User), run.removed) == ([90020], 1)
    assert thinkific.stats.by_endpoint[f"{V1}/users"] == pages(len(site.users))


def test_a_run_of_groups_makes_people(everything, thinkific, walk, hear, pull):
    site = everything
    site.write("remove", kind="users", row_ids=[90020])
    newcomers = [signs_up(site, f"new.face{n}") for n in range(7)]
    group = site.groups.listing[0]["id"]
    site.write("add_members", user_ids=newcomers, group_ids=[group])
    group_pages = sum(pages(len(site.members[g["id"]])) for g in site.groups)

    run = walk("users", lambda: (pull("groups"), hear()))

    assert whole(run)
    assert User.objects.filter(thinkific_id__in=newcomers).count() == 7
    assert (gone(User), run.removed) == ([90020], 1)
    assert thinkific.stats.by_endpoint[f"{V1}/users"] == pages(len(site.users)) + group_pages


def test_a_first_pull_of_people_walks_once_whoever_makes_them(pull, site, thinkific, walk, hear):
    pull("products")
    group_pages = sum(pages(len(site.members[g["id"]])) for g in site.groups)

    run = walk("users", lambda: (signs_up(site), pull("groups"), hear()))

    assert whole(run)
    assert User.objects.filter(thinkific_id__isnull=False).count() == len(site.users)
    assert thinkific.stats.by_endpoint[f"{V1}/users"] == pages(len(site.users)) + group_pages


@pytest.mark.parametrize("how", ["insert", "delete"])
def test_a_list_whose_new_rows_come_first_and_one_that_loses_a_row(everything, thinkific, pull, how):
    """The order of Thinkific's lists is not documented."""
    site = everything
    site.write("remove", kind="users", row_ids=[90020])
    first, asked = site.users.listing[0].id, pages(len(site.users))
    thinkific.faults.add("shift_pages", how=how, path="v1/users", after=2, next=1)

    run = pull("users")

    assert whole(run)
    # A deleted row of a page that was read moves another row to that page; this one must not look gone.
    assert gone(User) == [90020]
    walks = 1 if how == "insert" else 2
    assert thinkific.stats.by_endpoint[f"{V1}/users"] <= walks * asked + (how == "insert")
    pull("users")
    assert set(gone(User)) == ({90020} if how == "insert" else {90020, first})


# --- enrollments ------------------------------------------------------------------------------------------


def vanish(site):
    """Delete an enrollment that is not part of a bundle."""
    held = {user for users in site.holders.values() for user in users}
    row = next(row for row in site.enrollments if row.user_id not in held)
    site.write("remove", kind="enrollments", row_ids=[row.id])
    return row.id


def of_the_list(thinkific):
    return thinkific.stats.by_endpoint[f"{V1}/enrollments"]


def not_enrolled():
    """A person, and a course that they are not enrolled in."""
    return next(
        (student, course)
        for student in User.objects.filter(thinkific_id__isnull=False).order_by("pk")
        for course in Product.objects.courses().order_by("pk")
        if not student.enrollments.filter(product=course).exists()
    )


def test_a_student_is_enrolled_here(everything, thinkific, walk, hear, push):
    site, number = everything, vanish(everything)
    student, course = not_enrolled()

    def enroll():
        enrollments.enroll_unchecked(student=student, products=[course])
        assert push()["done"] == 1
        hear()

    run = walk("enrollments", enroll)

    assert whole(run)
    assert Enrollment.objects.get(user=student, product=course).thinkific_id
    assert (gone(Enrollment), run.removed) == ([number], 1)
    assert of_the_list(thinkific) == pages(len(site.enrollments)) + 1  # the push looks once
    assert "watermark" in run.cursor


def test_somebody_new_buys_a_course(everything, thinkific, walk, hear):
    site, number = everything, vanish(everything)

    run = walk("enrollments", lambda: (buys(site, signs_up(site)), hear()))

    assert whole(run)
    assert Enrollment.objects.filter(user__email="new.face@example.org").count() == 1
    assert (gone(Enrollment), run.removed) == ([number], 1)
    assert of_the_list(thinkific) == pages(len(site.enrollments))


def test_a_first_pull_leaves_its_watermark(pull, site, thinkific, walk, hear):
    pull("products")
    pull("users")

    run = walk("enrollments", lambda: (buys(site, signs_up(site)), hear()))

    assert whole(run)
    assert "watermark" in run.cursor
    assert not pull("enrollments", full=False).full


def test_a_member_joins_a_group(everything, monkeypatch):
    monkeypatch.setattr(fetch, "PAGE_SIZE", 2)
    site = everything
    group = max(site.members, key=lambda number: len(site.members[number]))
    assert len(site.members[group]) > 4
    leaves = next(iter(site.members[group]))
    site.write("remove_from_groups", user_ids=[leaves], group_ids=[group])
    # Stored by whoever reads the group at the same time.
    here = ThinkificGroup.objects.get(thinkific_id=group)
    others = [user.id for user in site.users if user.id not in site.members[group]]
    comes = next(number for number in reversed(others) if number != leaves)

    def join():
        site.write("add_members", user_ids=[comes], group_ids=[group])
        GroupMembership.objects.create(group=here, user=User.objects.get(thinkific_id=comes))

    run, _ = lifecycle.open_run("groups")
    joined: list[bool] = []

    def on_progress(run):
        if f"members {group}" in run.cursor and not joined:
            joined.append(True)
            join()

    carry_out(lifecycle.claim(run.pk, worker=this_process()), on_progress=on_progress)

    run.refresh_from_db()
    assert whole(run)
    assert joined
    assert GroupMembership.objects.get(group=here, user__thinkific_id=leaves).removed_at is not None
    assert GroupMembership.objects.get(group=here, user__thinkific_id=comes).removed_at is None


# --- results, and comparing ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["quiz_results", "certificates"])
def test_results_that_come_meanwhile_hide_none_that_is_gone(everything, monkeypatch, kind):
    """GraphQL pages by cursor, so no row moves to another page, and there are no totals to check."""
    monkeypatch.setitem(lists.quiz_submissions.__kwdefaults__, "first", 10)
    model = QuizResult if kind == "quiz_results" else Certificate
    rows = everything.submissions if kind == "quiz_results" else everything.certificates
    rows.remove(rows.listing[0].id)
    everything.version += 1
    stored = model.objects.latest("pk")
    run, _ = lifecycle.open_run(kind)
    happened = []

    def on_progress(run):
        if run.pages_done and not happened:
            happened.append(run.pages_done)
            stored.delete()  # and made anew, as by a webhook
            stored.save()

    carry_out(lifecycle.claim(run.pk, worker=this_process()), on_progress=on_progress)

    run.refresh_from_db()
    assert whole(run)
    assert happened == [1]
    assert run.removed == 1
    assert model.objects.filter(removed_at__isnull=True).count() == len(rows)


def test_a_comparison_of_lists_that_grow_finds_no_more_than_what_differs(everything, thinkific, pull):
    site = everything
    site.write("remove", kind="users", row_ids=[90020])
    site.write("put", kind="users", row={"id": 90005, "first_name": "Nadja"})
    thinkific.faults.add("shift_pages", how="insert", path="v1/users.*page=2", after=1, next=2)

    run = pull("reconciliation")

    assert whole(run)
    report = DriftReport.objects.get(run=run, kind="users")
    assert (report.note, report.differs, report.only_here) == ("", 1, 1)


# --- a living site ----------------------------------------------------------------------------------------


def test_of_a_site_where_one_row_in_a_hundred_changes_all_the_time_each_page_is_asked_for_once(
    everything, thinkific, pull, hear
):
    site, number = everything, vanish(everything)
    buyers = iter([signs_up(site, f"buyer{n}") for n in range(10)])
    pull("users")
    thinkific.reset_stats()
    some = max(1, len(site.enrollments) // 100)
    run, _ = lifecycle.open_run("enrollments")

    def on_progress(run):
        site.write("touch_enrollments", count=some)
        if run.pages_done % 8 == 3:
            buys(site, next(buyers))
        hear()

    carry_out(lifecycle.claim(run.pk, worker=this_process()), on_progress=on_progress)

    run.refresh_from_db()
    assert whole(run)
    assert (gone(Enrollment), run.removed) == ([number], 1)
    assert of_the_list(thinkific) <= pages(len(site.enrollments)) * 1.01
