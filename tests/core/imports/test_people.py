"""Importing people: what a file makes, and for whom."""

import pytest
from django.core import mail
from django_q.models import OrmQ

from core.errors import Refusal
from core.imports import batches, running
from core.models import (
    Enrollment,
    GroupMembership,
    ImportBatch,
    Invitation,
    Membership,
    Notice,
    OutboxEntry,
    Role,
    Team,
    User,
    UserTag,
)
from tests.core.imports.conftest import messages, outcomes, said, validated
from tests.factories import (
    GroupAssignmentFactory,
    MembershipFactory,
    ProductFactory,
    TagFactory,
    TeamFactory,
    UserFactory,
    builtin_role,
)

pytestmark = pytest.mark.django_db
MIXED = """Name,Email,Team
Cleo Carter,cleo@new.example,Acme
Dora Dunn,not an address,Acme
Eve Eaton,eve@new.example,Nowhere
Finn Ford,finn@new.example,Acme
"""


def counts() -> tuple[int, ...]:
    return tuple(model.objects.count() for model in (User, Membership, Team, OutboxEntry, User.history.model))


def test_validating_writes_nothing(root, acme):
    before = counts()
    batch, report = validated(root, MIXED)

    assert counts() == before
    assert (report.rows, report.valid, report.new) == (4, 2, 2)
    assert batch.rows.count() == 0
    assert [(line, header) for line, header, _ in messages(report)] == [(3, "Email"), (4, "Team")]


def test_an_import_creates_the_valid_and_reports_the_rest_by_row(root, acme, imported):
    batch = imported(root, MIXED)

    assert outcomes(batch) == [(2, "created"), (3, "failed"), (4, "failed"), (5, "created")]
    assert batch.status == "partial"
    assert (batch.rows_done, batch.rows_created, batch.rows_failed) == (4, 2, 2)
    cleo = User.objects.get(email="cleo@new.example")
    assert (cleo.first_name, cleo.last_name, cleo.home_team) == ("Cleo", "Carter", acme)
    assert not cleo.has_usable_password()
    assert cleo.memberships.get().role.code == "student"
    assert cleo.history.get().history_user == root
    assert cleo.memberships.get().history.get().history_user == root
    assert OutboxEntry.objects.get(object_id=cleo.pk).requested_by == root
    assert "2 created, 2 failed" in Notice.objects.get(user=root).text


def test_both_toggles_together_send_nothing(root, acme, otto, mara, imported):
    mara.memberships.update(role=builtin_role("owner"))
    text = "Email,Team\nnew@new.example,Acme\notto@globex.example,Acme\n"
    batch = imported(mara, text, allow_emails=True, prohibit_emails=True)

    assert outcomes(batch) == [(2, "created"), (3, "invited")]
    assert Invitation.objects.get().user == otto
    assert mail.outbox == []
    assert not [task for task in OrmQ.objects.all() if "send_" in task.func()]


def test_welcome_mails_are_off_unless_allowed(root, acme, imported, django_capture_on_commit_callbacks):
    def queued(**options):
        OrmQ.objects.all().delete()
        with django_capture_on_commit_callbacks(execute=True):
            imported(root, f"Email,Team\nx{len(options)}@new.example,Acme\n", **options)
        return sum("send_welcome" in task.func() for task in OrmQ.objects.all())

    assert queued() == 0
    assert queued(allow_emails=True) == 1


def test_every_column(root, acme, acme_seat, accounting, imported):
    group = GroupAssignmentFactory(team=TeamFactory(name="Elsewhere"), direction="bidirectional").group
    TagFactory(name="VIP"), TagFactory(name="New")
    other = ProductFactory(name="Ethics", productable_id=77)
    batch = imported(
        root,
        "First Name;Last Name;E-Mail;Team;Role;Tags;Group;Enrollments\n"
        f'Cleo;Carter;Cleo@NEW.example;"Acme; Elsewhere";manager;"vip;New";{group.name};'
        '"Accounting 101;77"\n',
    )

    assert outcomes(batch) == [(2, "created")], said(batch)
    cleo = User.objects.get(email="cleo@new.example")
    roles = set(cleo.memberships.values_list("team__name", "role__code"))
    assert roles == {("Acme", "manager"), ("Elsewhere", "manager")}
    assert set(UserTag.objects.filter(user=cleo).values_list("tag__name", flat=True)) == {"VIP", "New"}
    assert GroupMembership.objects.filter(user=cleo, group=group).exists()
    seats = dict(Enrollment.objects.filter(user=cleo).values_list("product", "last_seat"))
    assert seats == {accounting.pk: acme_seat.pk, other.pk: None}
    assert set(Enrollment.objects.values_list("origin", flat=True)) == {"import"}
    assert Enrollment.objects.get(product=other).expiry_date is not None


def test_a_file_that_needs_more_places_than_are_free_says_so_before(root, acme, acme_seat, ana, imported):
    acme_seat.max_seats = 3
    acme_seat.save()
    Enrollment.objects.create(user=ana, product=acme_seat.product, last_seat=acme_seat)
    people = "".join(f"p{n}@new.example,Acme,Accounting 101\n" for n in range(5))
    _, report = validated(root, f"Email,Team,Enrollments\nana@acme.example,Acme,Accounting 101\n{people}")

    (need,) = report.seats
    assert (need.needs, need.free, need.missing) == (5, 2, 3)
    assert [line for line, _, _ in messages(report)] == [5, 6, 7]
    assert "Acme has no place left for Accounting 101" in report.problems[0].message
    assert report.valid == 3


def test_a_place_that_somebody_took_meanwhile_fails_only_its_line(root, acme, acme_seat, ana):
    batch, report = validated(
        root, "Email,Team,Enrollments\na@new.example,Acme,Accounting 101\nb@new.example,Acme,\n"
    )
    assert report.valid == 2
    Enrollment.objects.create(user=ana, product=acme_seat.product, last_seat=acme_seat)
    batches.start(batch, by=root)
    running.run_due()

    assert outcomes(batch) == [(2, "failed"), (3, "created")]
    assert "has no place left" in said(batch)[0]
    assert not User.objects.filter(email="a@new.example").exists()


def test_limits_of_teams_count_the_students_of_the_file(root, acme, ana):
    acme.max_members = 2
    acme.save()
    _, report = validated(
        root, "Email,Team,Role\na@new.example,Acme,\nb@new.example,Acme,\nc@new.example,Acme,Manager\n"
    )
    assert [(line, header) for line, header, _ in messages(report)] == [(3, "Team")]
    assert "no room for another student" in report.problems[0].message


def test_missing_teams_are_made_where_that_is_ticked(root, imported):
    text = "Email,Team\na@new.example,New Team\nb@new.example,new team\n"
    assert validated(root, text)[1].valid == 0
    batch, report = validated(root, text, create_teams=True)
    assert report.new_teams == ["New Team"]
    assert not Team.objects.filter(name="New Team").exists()

    batch = imported(root, text, create_teams=True)
    assert outcomes(batch) == [(2, "created"), (3, "created")]
    team = Team.objects.get(name="New Team")
    assert (team.owner, team.memberships.count()) == (root, 3)
    assert team.history.get().history_user == root


def test_existing_people_are_left_or_updated(root, acme, globex, ana, imported):
    text = "Name,Email,Team,Role\nAna Adams,ANA@acme.example,Acme;Globex,Manager\n"
    assert outcomes(imported(root, text)) == [(2, "joined")]
    ana.refresh_from_db()
    assert ana.last_name == "Ames"
    assert dict(ana.memberships.values_list("team__name", "role__code")) == {
        "Acme": "student",
        "Globex": "manager",
    }

    assert outcomes(imported(root, text)) == [(2, "unchanged")]
    assert outcomes(imported(root, text, existing="update")) == [(2, "updated")]
    assert dict(ana.memberships.values_list("team__name", "role__code")) == {
        "Acme": "manager",
        "Globex": "manager",
    }


def test_a_file_renames_people_without_rights_and_nobody_else(root, acme, ana, mara, imported):
    text = "Name,Email\nAna Adams,ana@acme.example\nMara Other,mara@acme.example\n"
    batch = imported(root, text, existing="update")
    ana.refresh_from_db(), mara.refresh_from_db()
    assert (ana.last_name, mara.last_name) == ("Adams", "Marsh")
    assert outcomes(batch) == [(2, "updated"), (3, "unchanged")]
    assert "does not change it" in said(batch)[0]
    assert ana.history.first().history_change_reason == "imported from a file"
    assert ana.folded.startswith("ana adams")


def test_accounts_that_are_off_are_named(root, acme):
    UserFactory(email="off@acme.example", is_active=False)
    _, report = validated(root, "Email,Team\noff@acme.example,Acme\n")
    assert "switched off" in report.problems[0].message


# --- team managers -----------------------------------------------------------------------------------


@pytest.fixture
def importer(acme):
    """Owns nothing, and may import into Acme."""
    user = UserFactory(email="importer@acme.example", is_dashboard_user=True, home_team=acme)
    MembershipFactory(team=acme, user=user, role=builtin_role("owner"))
    return user


def test_managers_import_into_their_own_teams_only(importer, globex, imported):
    _, report = validated(
        importer, "Email,Team\na@new.example,Globex\nb@new.example,Nowhere\nc@new.example,\n"
    )
    texts = [message for _, _, message in messages(report)]
    assert texts[0] == "You cannot import people into a team “Globex”. Correct the name."
    assert texts[1] == "You cannot import people into a team “Nowhere”. Correct the name."
    assert "Name one" in texts[2]


def test_without_the_right_nobody_imports(mara, acme):
    with pytest.raises(Refusal, match="cannot import CSV files"):
        validated(mara, "Email,Team\na@new.example,Acme\n")


def test_nobody_gives_rights_that_they_do_not_hold(importer, acme):
    Role.objects.create(name="Seat master", permissions=["seats.view", "seats.edit"])
    _, report = validated(
        importer, "Email,Team,Role\na@new.example,Acme,Seat master\nb@new.example,Acme,Owner\n"
    )
    texts = [message for _, _, message in messages(report)]
    assert "rights that you do not have there" in texts[0]
    assert "Change Owner" in texts[1]


def test_strangers_are_told_apart_from_new_people_by_nothing(importer, acme, otto, imported):
    otto.is_active = False
    otto.save()
    acme.max_members = 1
    acme.save()
    for text in (
        "Email,Team\n{}@globex.example,Acme\nother@new.example,Acme\n",
        "Email\n{}@globex.example\n",
    ):
        known, new = (validated(importer, text.format(who))[1] for who in ("otto", "nobody"))
        assert (known.new, known.existing, known.valid) == (new.new, new.existing, new.valid)
        assert messages(known) == messages(new)


def test_strangers_are_invited(importer, acme, acme_seat, otto, imported):
    TagFactory(name="VIP")
    text = "Name,Email,Team,Enrollments\nWrong Name,otto@globex.example,Acme,Accounting 101\n"
    batch = imported(importer, text, existing="update")
    assert outcomes(batch) == [(2, "invited")]
    otto.refresh_from_db()
    assert otto.first_name == "Otto"
    assert Invitation.objects.get().team == acme
    assert not Membership.objects.filter(team=acme, user=otto).exists()
    assert not Enrollment.objects.exists()


def test_who_loses_the_right_meanwhile_imports_nothing(importer, acme):
    batch, _ = validated(importer, "Email,Team\na@new.example,Acme\n")
    importer.memberships.update(role=builtin_role("student"))
    batches.start(batch, by=importer)
    running.run_due()
    batch.refresh_from_db()
    assert (batch.status, User.objects.filter(email="a@new.example").count()) == ("failed", 0)
    assert "cannot import CSV files" in batch.remark


def test_what_changed_since_is_decided_anew(root, acme, globex):
    batch, _ = validated(root, "Email,Team\na@new.example,Acme\nb@new.example,Globex\nc@new.example,Acme\n")
    UserFactory(email="c@new.example", first_name="Already", last_name="There")
    globex.archived_at = globex.created_at
    globex.save()
    batches.start(batch, by=root)
    running.run_due()
    assert outcomes(batch) == [(2, "created"), (3, "failed"), (4, "joined")]
    assert "archived" in said(batch)[0]


def test_importing_again_changes_nothing(root, acme, acme_seat, imported):
    text = "Name,Email,Team,Enrollments\nCleo Carter,cleo@new.example,Acme,Accounting 101\n"
    imported(root, text)
    history = User.history.count(), Membership.history.count(), Enrollment.history.count()
    batch = imported(root, text, existing="update")
    assert outcomes(batch) == [(2, "unchanged")]
    assert (User.history.count(), Membership.history.count(), Enrollment.history.count()) == history
    assert batch.status == ImportBatch.Status.SUCCEEDED
