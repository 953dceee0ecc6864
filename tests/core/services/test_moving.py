"""Moving members to another team: what changes, what stays, and who may."""

import pytest

from core.errors import Refusal
from core.models import Enrollment, GroupMembership, Invitation, Membership, Seat, SiteSettings, Team, User
from core.services.memberships import TeamIsFull
from core.services.seats import counting
from core.services.teams import moving
from tests.factories import (
    EnrollmentFactory,
    GroupAssignmentFactory,
    MembershipFactory,
    RoleFactory,
    SeatFactory,
    TeamFactory,
    builtin_role,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def both(acme, globex, mara):
    """Mara manages Globex too."""
    return MembershipFactory(team=globex, user=mara, role=builtin_role("manager"))


def teams_of(user) -> dict[str, str]:
    rows = Membership.objects.filter(user=user).select_related("team", "role")
    return {row.team.name: row.role.code or row.role.name for row in rows}


def test_who_is_moved_keeps_role_and_enrollments(both, acme, globex, acme_seat, accounting, mara, ana):
    mine = EnrollmentFactory(user=ana, product=accounting, last_seat=acme_seat, expiry_date=None)
    before = Enrollment.objects.filter(pk=mine.pk).values().get()

    moving.move_members(source=acme, target=globex, users=[ana], by=mara)

    assert teams_of(ana) == {"Globex": "student"}
    after = Enrollment.objects.filter(pk=mine.pk).values().get()
    assert after == before
    joined = Membership.objects.get(user=ana)
    assert joined.history.get().history_change_reason == "moved here from Acme"
    left = Membership.history.get(user_id=ana.pk, history_type="-")
    assert (left.history_user, left.history_change_reason) == (mara, "moved to Globex")


def test_the_places_of_both_teams_are_counted(
    both, acme, globex, acme_seat, globex_seat, accounting, mara, ana
):
    assert acme_seat.product == globex_seat.product == accounting
    EnrollmentFactory(user=ana, product=accounting, last_seat=acme_seat)
    counting.recalculate()

    told = moving.effects(source=acme, target=globex, users=[ana], by=mara)
    moving.move_members(source=acme, target=globex, users=[ana], by=mara)

    assert (told.takes, told.unseen) == (1, 1)
    assert Seat.objects.get(pk=acme_seat.pk).used_count == 0
    assert Seat.objects.get(pk=globex_seat.pk).used_count == 1
    assert counting.recalculate() == 0


def test_a_seat_of_both_teams_gives_no_second_place(both, acme, globex, mara, ana):
    seat = SeatFactory(teams=[acme, globex])
    EnrollmentFactory(user=ana, product=seat.product)
    counting.recalculate()

    assert moving.effects(source=acme, target=globex, users=[ana], by=mara).takes == 0
    moving.move_members(source=acme, target=globex, users=[ana], by=mara)
    assert Seat.objects.get(pk=seat.pk).used_count == 1


def test_new_groups_get_the_person_and_none_loses_them(both, acme, globex, mara, ana):
    SiteSettings.load()
    SiteSettings.objects.update(mirror_group_removals=True)
    old, new = GroupAssignmentFactory(team=acme).group, GroupAssignmentFactory(team=globex).group
    GroupMembership.objects.create(group=old, user=ana)

    moving.move_members(source=acme, target=globex, users=[ana], by=mara)

    inside = GroupMembership.objects.filter(user=ana, removed_at__isnull=True)
    assert set(inside.values_list("group", flat=True)) == {old.pk, new.pk}


def test_another_role_can_be_chosen_and_overrides_begin_anew(both, acme, globex, mara, ana):
    helper = RoleFactory(name="Helper", permissions=["users.view"])
    Membership.objects.filter(user=ana).update(overrides={"users.view": "allow"})

    moving.move_members(source=acme, target=globex, users=[ana], role=builtin_role("student"), by=mara)
    assert Membership.objects.get(user=ana).overrides is None
    moving.move_members(source=globex, target=acme, users=[ana], role=helper, by=mara)
    assert teams_of(ana) == {"Acme": "Helper"}


def test_who_is_in_both_keeps_the_role_in_the_new_team(both, acme, globex, mara, ana):
    MembershipFactory(team=globex, user=ana, role=RoleFactory(name="Reader", permissions=["users.view"]))

    assert moving.effects(source=acme, target=globex, users=[ana], by=mara).there == 1
    moving.move_members(source=acme, target=globex, users=[ana], by=mara)

    assert teams_of(ana) == {"Globex": "Reader"}


def test_an_invitation_to_the_new_team_is_done_with(both, acme, globex, mara, ana):
    Invitation.objects.create(team=globex, user=ana, role=builtin_role("student"), address=ana.email)

    moving.move_members(source=acme, target=globex, users=[ana], by=mara)

    assert not Invitation.objects.exists()


def test_the_home_team_moves_only_by_an_administrator(both, acme, globex, mara, alma, ana, bo):
    User.objects.filter(pk__in=[ana.pk, bo.pk]).update(home_team=acme)
    ana.refresh_from_db()
    bo.refresh_from_db()

    moving.move_members(source=acme, target=globex, users=[ana], by=mara)
    moving.move_members(source=acme, target=globex, users=[bo], by=alma)

    ana.refresh_from_db()
    bo.refresh_from_db()
    assert (ana.home_team, bo.home_team) == (acme, globex)
    assert bo.history.latest().history_user == alma


def test_another_home_team_stays(acme, globex, alma, ana):
    third = TeamFactory()
    User.objects.filter(pk=ana.pk).update(home_team=third)
    ana.refresh_from_db()

    moving.move_members(source=acme, target=globex, users=[ana], by=alma)

    ana.refresh_from_db()
    assert ana.home_team == third


@pytest.mark.parametrize(
    ("case", "says"),
    [
        ("one team", "You cannot move people from Acme to Globex"),
        ("student there", "You cannot move people from Acme to Globex"),
        ("archived", "You cannot move people from Acme to Globex"),
        ("same", "is in Acme already"),
        ("owner", "Owen Owner owns Acme and stays"),
        ("above", "their role has more rights than yours"),
        ("role", "You cannot give the role Mighty in Globex"),
        ("limited", "The role Only here is not offered in Globex"),
        ("full", "Globex has no room"),
        ("gone", "Ana Ames is not in Acme any more. Nobody was moved."),
    ],
)
def test_what_cannot_be_is_refused_and_nobody_is_moved(both, acme, globex, owen, mara, ana, bo, case, says):
    users, role, target = [ana, bo], None, globex
    if case == "one team":
        both.delete()
    elif case == "student there":
        Membership.objects.filter(pk=both.pk).update(role=builtin_role("student"))
    elif case == "archived":
        Team.objects.filter(pk=globex.pk).update(archived_at=globex.created_at)
    elif case == "same":
        target, users = acme, [ana]
    elif case == "owner":
        users = [ana, owen]
    elif case == "above":
        mighty = RoleFactory(name="Mighty", permissions=["users.view", "teams.view", "students.delete"])
        users = [ana, MembershipFactory(team=acme, role=mighty).user]
    elif case == "role":
        role = RoleFactory(name="Mighty", permissions=["users.view", "teams.view", "students.delete"])
    elif case == "limited":
        role = RoleFactory(name="Only here", permissions=[])
        role.limited_to.add(acme)
    elif case == "full":
        Team.objects.filter(pk=globex.pk).update(max_members=1)
    elif case == "gone":
        Membership.objects.filter(user=ana).delete()
    before = list(Membership.objects.order_by("pk").values())

    with pytest.raises(Refusal, match=says) as refused:
        moving.move_members(source=acme, target=target, users=users, role=role, by=mara)

    assert (refused.type is TeamIsFull) == (case == "full")
    assert list(Membership.objects.order_by("pk").values()) == before


def test_a_guest_gets_no_role_with_rights(both, acme, globex, mara, otto):
    """Otto's account belongs to Globex. Mara sees of him only what he does in Acme."""
    third = TeamFactory()
    MembershipFactory(team=third, user=mara, role=builtin_role("manager"))
    both.delete()
    guest = MembershipFactory(team=acme, user=otto, as_guest=True)
    helper = RoleFactory(name="Helper", permissions=["users.view"])

    with pytest.raises(Refusal, match="is a guest"):
        moving.move_members(source=acme, target=third, users=[otto], role=helper, by=mara)
    moving.move_members(source=acme, target=third, users=[otto], by=mara)

    assert Membership.objects.get(team=third, user=otto).as_guest
    assert not Membership.objects.filter(pk=guest.pk).exists()
