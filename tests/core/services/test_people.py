import pytest

from core.errors import Refusal
from core.models import GroupMembership, OutboxEntry, SiteSettings, User
from core.permissions import scope
from core.services import existing_accounts, people
from core.services.accounts import deletions, email_changes
from core.services.api import personal_team
from tests.factories import (
    EnrollmentFactory,
    GroupAssignmentFactory,
    TeamFactory,
    ThinkificGroupFactory,
    UserFactory,
    builtin_role,
)

pytestmark = pytest.mark.django_db


def entries():
    return [(entry.entity, entry.object_id, entry.last_seen) for entry in OutboxEntry.objects.order_by("id")]


def test_a_new_person_is_in_their_teams_and_noted_for_thinkific(acme, alma):
    ada = people.create_user(
        email=" Ada@Acme.example ",
        first_name=" Ada  ",
        last_name="Roe",
        memberships=[(acme, builtin_role("manager"))],
        by=alma,
    )

    assert (ada.email, ada.first_name, ada.has_usable_password()) == ("ada@acme.example", "Ada", False)
    assert ada.memberships.get().role.code == "manager"
    assert entries() == [("user", ada.pk, {})]
    assert ada.history.get().history_user == alma
    assert ada.memberships.get().history.get().history_user == alma


@pytest.mark.parametrize(
    ("email", "words"),
    [("", "is not an e-mail"), ("ada@acme", "is not an e-mail"), ("ANA@acme.example", "has an account with")],
)
def test_a_bad_address_is_refused_and_nothing_is_written(ana, email, words):
    before = User.objects.count()
    with pytest.raises(Refusal, match=words):
        people.create_user(email=email)
    assert User.objects.count() == before
    assert not OutboxEntry.objects.exists()


def test_a_change_remembers_what_thinkific_had(alma):
    ada = UserFactory(first_name="Ada", last_name="Roe", from_thinkific=True)
    people.update_user(ada, last_name="First", by=alma)
    people.update_user(ada, last_name="Second", by=alma)

    assert entries() == [("user", ada.pk, {"last_name": "Roe"})]
    assert ada.history.first().history_user == alma
    assert ada.history.first().last_name == "Second"


def test_what_does_not_change_is_not_written():
    ada = UserFactory(last_name="Roe", from_thinkific=True)
    rows = ada.history.count()
    people.update_user(ada, last_name=" Roe ")

    assert entries() == []
    assert ada.history.count() == rows


def test_somebody_without_an_account_there_is_not_thinkifics_business():
    people.update_user(UserFactory(), last_name="Changed")
    assert entries() == []


def test_who_owns_a_personal_team_can_be_switched_off_and_on_again():
    ada = UserFactory()
    team = personal_team.of(ada, by=None)
    ada.refresh_from_db()

    assert not people.update_user(ada, is_active=False).is_active
    team.refresh_from_db()
    assert (team.owner, team.archived_at) == (ada, None)
    assert people.update_user(ada, is_active=True).is_active

    TeamFactory(owner=ada, name="Ordinary")
    with pytest.raises(Refusal, match=r"owns Ordinary\. Make"):
        people.update_user(ada, is_active=False)


def test_switching_an_account_off_is_told_to_nobody_and_not_for_owners(acme):
    ada = UserFactory(from_thinkific=True)
    people.update_user(ada, is_active=False)
    assert entries() == []

    with pytest.raises(Refusal, match="Make somebody else the owner"):
        people.update_user(acme.owner, is_active=False)


def test_creating_a_thinkific_account_is_for_those_without(ana):
    people.create_thinkific_account(ana)
    assert entries() == [("user", ana.pk, {})]

    with pytest.raises(Refusal, match="has a Thinkific account already"):
        people.create_thinkific_account(UserFactory(from_thinkific=True))


# --- deleting ----------------------------------------------------------------------------------------


def test_a_deletion_names_what_it_destroys_and_follows_the_settings(alma, acme):
    ada = UserFactory(from_thinkific=True, first_name="Ada", last_name="Roe")
    EnrollmentFactory.create_batch(2, user=ada)
    kept = deletions.describe(ada)
    assert kept.sentences()[0] == "Ada Roe is deleted here with 2 enrollments. This cannot be undone."
    assert "stays" in kept.sentences()[1]

    settings = SiteSettings.load()
    settings.delete_students = True
    settings.save()
    with pytest.raises(Refusal, match="has changed since you were asked"):
        deletions.delete(ada, confirmed=kept, by=alma)

    told = deletions.describe(ada)
    assert "is deleted too, permanently" in told.sentences()[1]
    deletions.delete(ada, confirmed=told, by=alma)

    assert not User.objects.filter(pk=ada.pk).exists()
    entry = OutboxEntry.objects.get()
    assert (entry.entity, entry.thinkific_id) == ("user", told.thinkific_id)
    assert User.history.filter(history_type="-").get().history_user == alma


def test_owners_superusers_and_oneself_are_not_deleted(acme, root, alma):
    for user, words in [(acme.owner, "owns Acme"), (root, "superuser"), (alma, "yourself")]:
        with pytest.raises(Refusal, match=words):
            deletions.delete(user, confirmed=deletions.describe(user), by=alma)
        assert User.objects.filter(pk=user.pk).exists()


def test_a_dashboard_user_goes_by_the_setting_for_users():
    settings = SiteSettings.load()
    settings.delete_students = True
    settings.save()
    manager = UserFactory(from_thinkific=True, is_dashboard_user=True)
    TeamFactory()

    assert deletions.describe(manager).thinkific_id is None


@pytest.mark.parametrize("hidden", ["\u200b", "\u00ad", "\u2060", "\ufeff"])
def test_an_address_with_something_that_nobody_sees_is_none(ana, hidden):
    """Two accounts that look the same: whoever reads the list would trust the wrong one."""
    for email in (f"root{hidden}@academy.example", f"root@acad{hidden}emy.example"):
        with pytest.raises(Refusal, match="is not an e-mail address"):
            people.create_user(email=email)
        with pytest.raises(Refusal, match="is not an e-mail address"):
            email_changes.ask(ana, email, by=None)


# --- an account that Thinkific had before --------------------------------------------------------------


@pytest.fixture
def typed(mara, acme, student):
    """Whose address Mara typed, and who turns out to have an account in Thinkific."""
    group = ThinkificGroupFactory(thinkific_id=5)
    GroupAssignmentFactory(team=acme, group=group, direction="bidirectional")
    return people.add_to_teams(
        email="una@elsewhere.example",
        first_name="Una",
        last_name="",
        memberships=[(acme, student)],
        in_thinkific=True,
        by=mara,
    ).user


@pytest.fixture
def student(db):
    return builtin_role("student")


def test_who_typed_an_address_has_not_made_the_account_that_thinkific_had(typed, mara, acme):
    assert scope.may_change_account(mara, typed)

    existing_accounts.found_in_thinkific([typed.pk])

    typed.refresh_from_db()
    assert typed.home_team is None
    assert not scope.may_change_account(mara, typed)
    assert typed not in User.objects.visible_to(mara)
    invitation = typed.invitations.get()
    assert (invitation.team, invitation.invited_by) == (acme, mara)
    assert not GroupMembership.objects.filter(user=typed).exists()
    assert OutboxEntry.objects.filter(entity="groupmembership").exclude(status="discarded").count() == 0


def test_a_home_team_is_one_that_the_person_is_in(alma, ana, acme, globex):
    with pytest.raises(Refusal, match="is not in Globex"):
        people.change_home_team(ana, team=globex, by=alma)

    ana.refresh_from_db()
    assert ana.home_team == acme


def test_whom_an_administrator_brought_stays_in_the_team(alma, mara, acme, student):
    una = people.create_user(email="una@elsewhere.example", memberships=[(acme, student)], by=alma)

    existing_accounts.found_in_thinkific([una.pk])

    assert una.memberships.get().team == acme
    assert not scope.may_change_account(mara, User.objects.get(pk=una.pk))
