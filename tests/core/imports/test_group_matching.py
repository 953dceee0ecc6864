"""Files that assign groups to teams (Upload Group Matching)."""

import io
import json

import pytest
from django.core.management import CommandError, call_command

from core.imports import batches, running
from core.imports.group_matching.columns import guess
from core.models import Direction, GroupAssignment, GroupMembership, ImportBatch, Role
from core.services import groups
from integrations.models import SyncRun
from tests.core.imports.conftest import messages, outcomes, said
from tests.factories import GroupAssignmentFactory, TeamFactory, ThinkificGroupFactory

pytestmark = pytest.mark.django_db
KIND = ImportBatch.Kind.GROUP_MATCHING


def validated(by, text, *, corrections=None, **options):
    batch = batches.upload(io.BytesIO(text.encode()), name="groups.csv", kind=KIND, by=by)
    chosen = type(batches.options_of(batch))(**options)
    mapping = batches.mapping_of(batch)
    return batch, batches.validate(batch, mapping=mapping, options=chosen, corrections=corrections)


def imported(by, text, **options):
    batch, _ = validated(by, text, **options)
    batches.start(batch, by=by)
    running.run_due()
    batch.refresh_from_db()
    return batch


def found():
    rows = GroupAssignment.objects.order_by("group__name", "team__name")
    return list(rows.values_list("group__name", "team__name", "direction", "role__code"))


@pytest.fixture
def sales(db):
    return ThinkificGroupFactory(name="Sales Müller", thinkific_id=4242, token="tok-1")


@pytest.fixture
def north(db):
    return ThinkificGroupFactory(name="North", thinkific_id=4343, token="tok-2")


def test_headers():
    assert guess(["Group", "Team", "Direction", "Role"]) == {0: "group", 1: "team", 2: "direction", 3: "role"}
    assert guess(["thinkific_group", "TEAM NAME", "Size"]) == {0: "group", 1: "team"}


def test_groups_by_id_token_and_name_and_teams_by_id_and_name(root, acme, globex, sales, north):
    third = ThinkificGroupFactory(name="Third", thinkific_id=4444)
    text = (
        "Group,Team,Direction,Role\n"
        f"4242,{globex.pk},Dashboard-to-Thinkific,\n"
        "tok-2,acme,thinkific_to_dashboard,Manager\n"
        "  third ,Acme,,\n"
    )
    batch, report = validated(root, text)
    assert (report.rows, report.valid, report.new, report.problems) == (3, 3, 3, [])
    assert not GroupAssignment.objects.exists()

    batch = imported(root, text)
    assert outcomes(batch) == [(2, "created"), (3, "created"), (4, "created")]
    assert batch.status == ImportBatch.Status.SUCCEEDED
    assert found() == [
        ("North", "Acme", "thinkific_to_dashboard", "manager"),
        ("Sales Müller", "Globex", "dashboard_to_thinkific", None),
        (third.name, "Acme", "bidirectional", None),
    ]
    history = GroupAssignment.history.values_list("history_user", "history_change_reason")
    assert set(history) == {(root.pk, "group assigned")}
    assert not SyncRun.objects.exists()


def test_problems_say_what_helps_and_the_rest_is_carried_out(root, acme, sales, north):
    ThinkificGroupFactory(name="Twice", thinkific_id=5001)
    ThinkificGroupFactory(name="twice", thinkific_id=5002)
    text = (
        "Group,Team,Direction,Role\n"
        "Sales Muller,Acme,,\n"
        "Twice,Acme,,\n"
        "North,Acne,,\n"
        "North,Acme,sideways,\n"
        ",Acme,,\n"
        "North,Acme,,Owner\n"
        "4242,Acme,,\n"
        "Sales Müller,Acme,disabled,\n"
    )
    batch, report = validated(root, text)
    assert messages(report) == [
        (2, "Group", "There is no group “Sales Muller”. Did you mean “Sales Müller”?"),
        (3, "Group", "There are 2 groups “Twice”. Write the Thinkific ID of one: 5001 and 5002."),
        (
            4,
            "Team",
            "There is no team “Acne” that you may assign groups to. Did you mean “Acme”?",
        ),
        (
            5,
            "Direction",
            "“sideways” is no direction. Write one of: Disabled, Bidirectional, Dashboard-to-Thinkific, "
            "Thinkific-to-Dashboard.",
        ),
        (6, "Group", "Name the group, or delete the line."),
        (7, "Role", "Change Owner on a team's page makes somebody its owner. Choose another role."),
        (9, "Team", "Line 8 is about the same group and team. Delete one of the two."),
    ]
    assert (report.rows, report.valid) == (8, 1)

    batch, report = validated(root, text, corrections={2: {0: "Sales Müller"}, 8: {0: "North"}})
    assert report.valid == 2

    batch = imported(root, text)
    assert batch.status == ImportBatch.Status.PARTIAL
    assert [status for _, status in outcomes(batch)] == [*["failed"] * 6, "created", "failed"]
    assert len(said(batch)) == 7
    assert next(row[-1] for row in batches.failures(batch)) == "Error"


def test_the_same_again_changes_nothing_and_another_direction_changes_that(root, acme, sales):
    there = GroupAssignmentFactory(group=sales, team=acme, role=Role.objects.get(code="manager"))
    before = GroupAssignment.history.count()

    batch = imported(root, "Group,Team\nSales Müller,Acme\n")
    assert outcomes(batch) == [(2, "unchanged")]
    assert GroupAssignment.history.count() == before

    batch = imported(root, "Group,Team,Direction,Role\nSales Müller,Acme,Disabled,\n")
    assert outcomes(batch) == [(2, "updated")]
    there.refresh_from_db()
    assert (there.direction, there.role.code) == (Direction.DISABLED, "manager")

    batch = imported(root, "Group,Team,Role\nSales Müller,Acme,Student\n")
    there.refresh_from_db()
    assert (there.direction, there.role) == (Direction.DISABLED, None)


def test_members_of_the_team_are_sent_to_a_matched_group(root, acme, ana, sales):
    imported(root, "Group,Team,Direction\nSales Müller,Acme,Dashboard-to-Thinkific\n")
    assert GroupMembership.objects.filter(group=sales, user=ana, push_state="pending").exists()


@pytest.mark.parametrize("several", [False, True])
def test_matched_groups_are_synced_if_that_is_asked(root, acme, sales, north, connected, several):
    text = "Group,Team\nSales Müller,Acme\n" + ("North,Acme\n" if several else "")
    batch = imported(root, text, sync=True)
    run = SyncRun.objects.get()
    assert (run.kind, run.started_by) == ("groups", root)
    assert run.options == ({} if several else {"group_id": sales.pk})
    assert batch.remark == ""


def test_a_sync_that_cannot_start_is_told_and_the_import_stands(root, acme, sales):
    batch = imported(root, "Group,Team\nSales Müller,Acme\n", sync=True)
    assert batch.status == ImportBatch.Status.SUCCEEDED
    assert batch.remark.startswith("The groups were not synced: No Thinkific site is connected.")


def test_a_manager_matches_what_they_see_in_teams_where_they_may(mara, acme, globex, sales, north):
    mara.memberships.update(
        overrides={"tools.csv": "allow", "users.create": "allow", "groups.assign": "allow"}
    )
    GroupAssignmentFactory(group=sales, team=acme)
    _, report = validated(
        mara, "Group,Team,Direction\nSales Müller,Acme,Disabled\nNorth,Acme,\n4242,Globex,\n"
    )
    assert messages(report) == [
        (3, "Group", "There is no group “North”. Correct it, or sync the groups first."),
        (
            4,
            "Team",
            "There is no team “Globex” that you may assign groups to. Correct it, or make the team first.",
        ),
    ]


def test_undo_takes_back_what_was_not_changed_since(root, acme, globex, sales, north):
    changed = GroupAssignmentFactory(group=north, team=acme, direction=Direction.DISABLED)
    batch = imported(
        root,
        "Group,Team,Direction\nSales Müller,Acme,\nSales Müller,Globex,\nNorth,Acme,Bidirectional\n",
    )
    touched = GroupAssignment.objects.get(group=sales, team=globex)
    groups.change_direction(touched, direction=Direction.DISABLED, by=root)
    assert batches.undo_preview(batch) == {
        "goes": ["1 assignment", "1 changed direction"],
        "stays": [{"why": "was changed since", "count": 1}],
    }

    batches.undo(batch, by=root)
    running.run_due()
    batch.refresh_from_db()

    assert batch.status == ImportBatch.Status.UNDONE
    assert batch.remark == "Sales Müller for Globex stays: its direction was changed since."
    changed.refresh_from_db()
    assert changed.direction == Direction.DISABLED
    assert found() == [
        ("North", "Acme", "disabled", None),
        ("Sales Müller", "Globex", "disabled", None),
    ]


def test_what_was_decided_is_decided_anew_when_it_is_carried_out(root, acme, sales):
    batch, report = validated(root, "Group,Team\nSales Müller,Acme\n")
    assert report.valid == 1
    acme.archived_at = batch.created_at
    acme.save()
    batches.start(batch, by=root)
    running.run_due()
    batch.refresh_from_db()
    assert outcomes(batch) == [(2, "failed")]
    assert not GroupAssignment.objects.exists()


def test_queries_do_not_grow_with_the_lines_of_a_validation(root, django_assert_max_num_queries):
    for number in range(60):
        ThinkificGroupFactory(name=f"Several {number}", thinkific_id=70_000 + number)
        TeamFactory(name=f"Team no. {number}", owner=root)
    few = "".join(f"Several {n},Team no. {n}\n" for n in range(3))
    many = "".join(f"Several {n},Team no. {n}\n" for n in range(60))
    with django_assert_max_num_queries(60):
        validated(root, f"Group,Team\n{few}")
    with django_assert_max_num_queries(60):
        _, report = validated(root, f"Group,Team\n{many}")
    assert report.valid == 60


def test_the_command_assigns_groups(root, acme, sales, tmp_path, capsys):
    path = tmp_path / "groups.csv"
    path.write_text("Group,Team,Direction\nSales Müller,Acme,Disabled\nNobody,Acme,\n", encoding="utf-8")
    with pytest.raises(CommandError, match="1 created, 1 failed"):
        call_command("import_csv", str(path), "--kind=group-matching", "--json")
    assert json.loads(capsys.readouterr().out) == {
        "rows": 2,
        "valid": 1,
        "created": 1,
        "updated": 0,
        "failed": 1,
        "errors": [
            {
                "row": 3,
                "column": "Group",
                "message": "There is no group “Nobody”. Correct it, or sync the groups first.",
            }
        ],
    }
    assert found() == [("Sales Müller", "Acme", "disabled", None)]
