"""Every list and every tab of the admin, as wide as most screens are: no table scrolls sideways, no word is
lost below the edge of its row."""

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page

from core.models import Enrollment, OutboxEntry, QuizResult, ShownColumns, User
from tests.core.admin.walk.world import World, build
from tests.factories import OutboxEntryFactory, SyncConflictFactory

NAME = {"first_name": "Bartholomew-Alexander", "last_name": "Featherstonehaugh-Lindqvist"}
REASON = "The course is not published, so nobody can be enrolled in it. Publish it and try again."
WIDTHS = [1440, 390]
# What sticks out of the nearest box that cuts it or scrolls: sideways the table, downwards what a row holds.
STICKING_OUT = """() => {
  const out = [];
  for (const table of document.querySelectorAll('#result_list, .plain-table, .d-table')) {
    for (let box = table; box && box !== document.body; box = box.parentElement) {
      if (box.scrollWidth > box.clientWidth + 1 && getComputedStyle(box).overflowX !== 'visible')
        out.push(`${table.id || table.className}: ${box.scrollWidth - box.clientWidth} px`);
    }
    for (const cell of table.querySelectorAll('tbody td, tbody th')) {
      const inner = cell.querySelector('.cell-sentence, .cell-two');
      if (inner && inner.getBoundingClientRect().bottom > cell.getBoundingClientRect().bottom + 1)
        out.push(`${cell.className.match(/field-\\S+/) || cell.dataset.label}: below its row`);
    }
  }
  if (document.documentElement.scrollWidth > innerWidth) out.push('the page');
  return out;
}"""


@pytest.fixture
def world(db) -> World:
    """One object of each kind, with very long names and texts."""
    world = build()
    ana, course = world.own[User], world.own[Enrollment].product
    User.objects.filter(pk=ana.pk).update(**NAME, email="bartholomew.featherstonehaugh@northfield.example")
    type(course).objects.filter(pk=course.pk).update(name="Environmental Awareness for Warehouse Managers")
    QuizResult.objects.update(grade=100, correct_count=10, incorrect_count=0, completed_at=timezone.now())
    OutboxEntryFactory(
        entity="enrollment",
        object_id=world.own[Enrollment].pk,
        person=ana,
        reason="enrolled",
        status=OutboxEntry.Status.FAILED,
        attempts=4,
        error=f"POST /enrollments answered 422: course_id: {REASON}",
    )
    for kept in ("kept_ours", "took_theirs"):
        SyncConflictFactory(
            label=ana.email,
            object_id=ana.pk,
            field="last_name",
            ours="Featherstonehaugh",
            theirs="Featherstonehaugh-Lindqvist",
            resolution=kept,
        )
    return world


def addresses(world: World) -> list[str]:
    """Returns the addresses of every list, of the page of one row of each, and of its tabs."""
    found = [reverse("admin:history")]
    for model, screen in world.screens().items():
        base = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        found.append(reverse(f"{base}_changelist"))
        row = world.own.get(model) or world.foreign.get(model)
        if row is not None:
            page = reverse(f"{base}_change", args=[row.pk])
            found += [page, *(f"{page}?tab={tab.slug}" for tab in screen.tabs)]
    return found


@pytest.mark.longest
@pytest.mark.slow
@pytest.mark.parametrize("width", WIDTHS)
def test_no_table_scrolls_sideways(page: Page, sign_in, root, world, width):
    page.set_viewport_size({"width": width, "height": 900})
    sign_in(page, root)

    found = {}
    for address in addresses(world):
        answer = page.goto(address)
        if answer is not None and answer.ok and (out := page.evaluate(STICKING_OUT)):
            found[address] = out

    assert not found


@pytest.mark.slow
def test_nor_with_all_columns_of_the_users_list(page: Page, sign_in, root, world, screenshot):
    ShownColumns.objects.create(
        user=root, screen="core.user", columns=["team_names", "role_names", "active_last", "status"]
    )
    sign_in(page, root)

    page.goto(reverse("admin:core_user_changelist"))

    assert page.evaluate(STICKING_OUT) == []
    cell = page.locator(".field-email_address .cell-text", has_text="bartholomew").first
    assert cell.get_attribute("title") == "bartholomew.featherstonehaugh@northfield.example"
    assert cell.evaluate("e => e.getBoundingClientRect().width") >= 120
    screenshot(page, "users-all-columns")


@pytest.mark.slow
@pytest.mark.parametrize("width", WIDTHS)
def test_what_thinkific_said_is_read_to_its_end(page: Page, sign_in, root, world, screenshot, width):
    page.set_viewport_size({"width": width, "height": 900})
    sign_in(page, root)

    page.goto(reverse("admin:core_outboxentry_changelist"))

    said = page.locator(".cell-sentence", has_text="not published")
    assert said.inner_text() == REASON
    assert said.evaluate("e => e.scrollWidth <= e.clientWidth + 1 && e.scrollHeight <= e.clientHeight + 1")
    screenshot(page, f"waiting-changes-{width}")


def test_a_score_stands_in_one_line(page: Page, sign_in, root, world):
    sign_in(page, root)

    page.goto(reverse("admin:core_quizresult_changelist"))

    score = page.locator(".field-score .cell-number").first
    assert score.inner_text() == "100\u00a0%"
    assert score.evaluate("e => e.getClientRects().length") == 1
