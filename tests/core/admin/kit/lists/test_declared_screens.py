"""What a screen is declared with: columns for lists, pages, tabs and files, and filters."""

from types import SimpleNamespace as Row

import pytest
from django.contrib import admin
from django.db import connection
from django.db.models import Q
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from core.admin.kit import cells
from core.admin.kit.base import DashboardAdmin
from core.admin.kit.lists.columns import column, count_column
from core.admin.kit.lists.filters import RelatedFilter, choice_filter
from core.models import Enrollment, OutboxEntry, Team, User
from tests.factories import TagFactory, TeamFactory

# --- columns --------------------------------------------------------------------------------------------


def test_a_path_leads_to_the_value_and_ends_where_something_is_missing():
    owner = Row(get_full_name=lambda: "Mara Mills")

    assert column("Owner", "owner.get_full_name")(Row(owner=owner)) == "Mara Mills"
    assert column("Owner", "owner.get_full_name")(Row(owner=None)) is None
    assert column("Owner", "owner.get_full_name", cells.text)(Row(owner=None)) == cells.NOTHING


def test_a_cell_draws_the_value_with_its_options():
    never = column("Expires", "expiry_date", cells.moment, empty="Never")

    assert "Never" in never(Row(expiry_date=None))


def test_a_file_has_the_value_and_not_what_is_drawn():
    progress = column("Progress", "fraction", cells.progress)

    assert "progress-fill" in progress(Row(fraction=0.5))
    assert progress.value(Row(fraction=0.5)) == 0.5


@pytest.mark.parametrize(
    ("sort", "field"), [(True, "created_at"), ("name", "name"), (False, None)], ids=["source", "named", "no"]
)
def test_a_heading_sorts_by_its_source_or_by_the_field_that_is_named(sort, field):
    assert column("Created At", "created_at", sort=sort).admin_order_field == field


def test_a_screen_sorts_by_the_columns_that_say_so():
    class Screen(DashboardAdmin):
        label = column("Name", "name", sort=True)
        created = column("Created At", "created_at")

    assert Screen(Team, admin.site).sortable_by == ["label"]


def test_rows_are_counted_in_the_query_that_reads_the_page(acme, ana, signed_in, root):
    def counts():
        with CaptureQueriesContext(connection) as queries:
            page = client.get(reverse("admin:core_team_changelist"))
        return len(queries), [team.member_count_counted for team in page.context["cl"].result_list]

    client = signed_in(root)
    counts()  # what a first page of a process reads once
    before, shown = counts()
    for number in range(5):
        TeamFactory(name=f"Further {number}")

    after, more = counts()
    assert (after, len(more)) == (before, len(shown) + 5)
    assert shown == [acme.memberships.count()]


def test_a_count_is_of_what_the_viewer_may_see(acme, ana, otto, signed_in, root, mara):
    tag = TagFactory(name="shared")
    tag.users.set([ana, otto])

    def people(viewer):
        page = signed_in(viewer).get(reverse("admin:core_tag_changelist"))
        return page.context["cl"].result_list.get(pk=tag.pk).people_counted

    assert (people(root), people(mara)) == (2, 1)


def test_a_count_is_named_after_its_column():
    class Screen:
        people = count_column("Users", lambda viewer: User.objects, "home_team")

    assert Screen.people.annotation == "people_counted"
    assert Screen.people(Row(people_counted=1234)) == "1,234"


# --- filters --------------------------------------------------------------------------------------------


@pytest.fixture
def chosen(rf, root, db):
    """`chosen(filter, value, rows)` gives the filter and the rows that are left, as in a list."""

    def chosen(made, rows, value=None, model=OutboxEntry):
        request = rf.get("/", {} if value is None else {made.parameter_name: value})
        request.user = root
        found = made(request, dict(request.GET.lists()), model, admin.site._registry[model])
        return found, found.queryset(request, rows)

    return chosen


def sql(rows) -> str:
    return str(rows.query)


def test_without_choices_those_of_the_models_field_are_offered(chosen):
    found, rows = chosen(choice_filter("status"), OutboxEntry.objects.all(), "failed")

    assert found.lookup_choices == OutboxEntry.Status.choices
    assert found.title == "status"
    assert found.value_label() == "Failed"
    assert sql(rows) == sql(OutboxEntry.objects.filter(status="failed"))


def test_a_choice_says_what_its_rows_fulfil(chosen):
    made = choice_filter(
        "state",
        {
            "open": ("Open", Q(finished_at__isnull=True)),
            "mine": ("Mine", lambda rows: rows.exclude(person=None)),
            "done": "Done",
        },
        field="status",
    )
    entries = OutboxEntry.objects.all()

    assert sql(chosen(made, entries, "open")[1]) == sql(entries.filter(finished_at__isnull=True))
    assert sql(chosen(made, entries, "mine")[1]) == sql(entries.exclude(person=None))
    assert sql(chosen(made, entries, "done")[1]) == sql(entries.filter(status="done"))


@pytest.mark.parametrize("value", ["nonsense", "\x00", "Failed"])
def test_what_is_not_offered_finds_nothing_and_has_no_name(chosen, value):
    found, rows = chosen(choice_filter("status"), OutboxEntry.objects.all(), value)

    assert rows.query.is_empty()
    assert found.value_label() == "not found"


def test_while_nothing_is_chosen_a_list_may_be_narrowed(chosen):
    made = choice_filter("status", default=("unsent", "Not sent yet", Q(status="pending")))
    entries, pending = OutboxEntry.objects.all(), OutboxEntry.objects.filter(status="pending")

    assert sql(chosen(made, entries)[1]) == sql(chosen(made, entries, "unsent")[1]) == sql(pending)
    assert sql(chosen(made, entries, "done")[1]) == sql(entries.filter(status="done"))
    assert made.all_option == ("", "Not sent yet")


def test_what_is_offered_may_depend_on_the_viewer(chosen):
    made = choice_filter("status", lambda viewer: {"failed": "Failed"} if viewer.sees_everything else {})

    assert chosen(made, OutboxEntry.objects.all())[0].lookup_choices == [("failed", "Failed")]


def test_a_choice_can_be_followed_without_being_offered(chosen):
    made = choice_filter("status", hidden_until_set=True)
    entries = OutboxEntry.objects.all()

    assert not chosen(made, entries)[0].has_output()
    assert chosen(made, entries, "failed")[0].has_output()


BY_TEAM = sorted(
    model._meta.model_name
    for model, screen in admin.site._registry.items()
    if any(getattr(one, "parameter_name", "") == "team" for one in screen.list_filter or ())
)


def test_every_list_by_team_has_the_one_team_filter():
    assert BY_TEAM == ["certificate", "enrollment", "quizresult", "seat", "thinkificgroup", "user"]
    for model, screen in admin.site._registry.items():
        for one in screen.list_filter or ():
            if isinstance(one, type) and issubclass(one, RelatedFilter) and one.parameter_name == "team":
                assert one.foreign_key[0]._meta.get_field("team").related_model is Team, model


@pytest.mark.parametrize("name", BY_TEAM)
def test_a_team_outside_the_viewers_finds_nothing_and_is_not_named(name, mara, acme, globex, otto, signed_in):
    page = signed_in(mara).get(reverse(f"admin:core_{name}_changelist"), {"team": globex.pk})

    assert page.status_code == 200
    assert list(page.context["cl"].result_list) == []
    assert "Globex" not in page.content.decode()


def test_a_list_by_team_has_the_rows_of_that_team(acme, ana, otto, globex, accounting, signed_in, root):
    own, foreign = (Enrollment.objects.create(user=user, product=accounting) for user in (ana, otto))

    page = signed_in(root).get(reverse("admin:core_enrollment_changelist"), {"team": acme.pk})

    assert list(page.context["cl"].result_list) == [own]
    assert foreign not in page.context["cl"].result_list
