"""Who sees which rows. Acme: Owen owns, Mara manages, Ana and Bo study. Globex: Gwen owns, Otto studies."""

import pytest

from core.models import (
    Certificate,
    Enrollment,
    Membership,
    Product,
    QuizResult,
    Seat,
    Team,
    ThinkificGroup,
    User,
)
from tests.factories import (
    CertificateFactory,
    EnrollmentFactory,
    GroupAssignmentFactory,
    MembershipFactory,
    ProductFactory,
    QuizFactory,
    QuizResultFactory,
    RoleFactory,
    SeatFactory,
    TeamFactory,
    ThinkificGroupFactory,
    UserFactory,
    builtin_role,
)

MODELS = [Certificate, Enrollment, Membership, Product, QuizResult, Seat, Team, ThinkificGroup, User]


@pytest.fixture
def auditor(db) -> User:
    """A global role of one's own, with a single permission."""
    return UserFactory(global_role=RoleFactory(is_global=True, permissions=["reports.view"]))


@pytest.fixture
def world(root, alma, auditor, owen, mara, ana, bo, gwen, otto, acme, globex, acme_seat, accounting):
    """Everybody studies accounting (Acme has a seat on it) and fishing (Globex has one)."""
    fishing = ProductFactory(name="Fishing")
    SeatFactory(name="Globex: Fishing", product=fishing, teams=[globex])
    SeatFactory(name="nobody's", product=ProductFactory(name="Weaving"))
    quizzes = {course: QuizFactory(product=course) for course in (accounting, fishing)}
    for student in (ana, bo, otto):
        for course, quiz in quizzes.items():
            EnrollmentFactory(user=student, product=course)
            QuizResultFactory(user=student, quiz=quiz)
            CertificateFactory(user=student, product=course)
    for team in (acme, globex):
        GroupAssignmentFactory(team=team, group=ThinkificGroupFactory(name=f"{team} group"))
    ThinkificGroupFactory(name="unassigned")


def names(queryset) -> list[str]:
    return sorted(str(row) for row in queryset)


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.__name__)
@pytest.mark.parametrize("who", ["root", "alma", "auditor"])
def test_a_superuser_and_every_global_role_see_all(request, world, who, model):
    viewer = request.getfixturevalue(who)

    assert model.objects.visible_to(viewer).count() == model.objects.count() > 0


@pytest.mark.parametrize("who", ["owen", "mara"])
def test_owners_and_managers_see_their_team_only(request, world, who):
    viewer = request.getfixturevalue(who)

    assert names(Team.objects.visible_to(viewer)) == ["Acme"]
    assert names(User.objects.visible_to(viewer)) == ["Ana Ames", "Bo Berg", "Mara Marsh", "Owen Owner"]
    assert Membership.objects.visible_to(viewer).count() == 4
    assert names(Seat.objects.visible_to(viewer)) == ["Acme: Accounting 101"]
    assert names(Product.objects.visible_to(viewer)) == ["Accounting 101"]
    assert names(ThinkificGroup.objects.visible_to(viewer)) == ["Acme group"]


@pytest.mark.parametrize("model", [Enrollment, QuizResult, Certificate], ids=lambda m: m.__name__)
def test_a_manager_sees_members_only_in_what_the_team_has_a_seat_on(world, mara, ana, bo, accounting, model):
    seen = model.objects.visible_to(mara)

    assert {row.user for row in seen} == {ana, bo}
    assert {(row.quiz.product if model is QuizResult else row.product) for row in seen} == {accounting}


def test_a_student_sees_their_own_learning_and_nobody_else(world, ana):
    assert names(User.objects.visible_to(ana)) == ["Ana Ames"]
    assert names(Product.objects.visible_to(ana)) == ["Accounting 101", "Fishing"]
    assert [m.user for m in Membership.objects.visible_to(ana)] == [ana]
    for model in (Enrollment, QuizResult, Certificate):
        assert [row.user for row in model.objects.visible_to(ana)] == [ana, ana]
    for model in (Team, Seat, ThinkificGroup):
        assert not model.objects.visible_to(ana).exists()


def test_a_managers_own_learning_is_visible_without_a_seat(world, mara):
    own = EnrollmentFactory(user=mara, product=ProductFactory(name="Weaving for managers"))

    assert own in Enrollment.objects.visible_to(mara)


def test_a_seat_of_another_team_of_the_student_opens_nothing(world, mara, ana, globex):
    """Ana studies at Globex too, where she has a seat on fishing; that is none of Mara's business."""
    MembershipFactory(team=globex, user=ana)

    assert names(Product.objects.visible_to(mara)) == ["Accounting 101"]
    assert not Enrollment.objects.visible_to(mara).filter(product__name="Fishing").exists()


def test_a_seat_of_another_team_of_the_manager_opens_nothing(world, mara, globex):
    """Mara is a student at Globex: managing Acme does not make her manage there."""
    MembershipFactory(team=globex, user=mara)

    assert names(Team.objects.visible_to(mara)) == ["Acme"]
    assert not User.objects.visible_to(mara).filter(first_name="Otto").exists()
    assert not Enrollment.objects.visible_to(mara).filter(product__name="Fishing").exists()


def test_who_manages_two_teams_mixes_up_neither(world, gwen, ana, acme, globex):
    """Gwen manages both: Acme's Ana does fishing, on which only Globex has a seat."""
    MembershipFactory(team=acme, user=gwen, role=builtin_role("manager"))

    fishers = Enrollment.objects.visible_to(gwen).filter(product__name="Fishing")

    assert {row.user.first_name for row in fishers} == {"Otto"}


def test_rows_come_once_however_many_ways_lead_to_them(world, gwen, otto, globex, accounting, acme_seat):
    second = TeamFactory(owner=gwen)
    MembershipFactory(team=second, user=otto)
    SeatFactory(product=accounting, teams=[globex, second])
    group = ThinkificGroup.objects.get(name="Globex group")
    GroupAssignmentFactory(group=group, team=second)

    for model in MODELS:
        rows = list(model.objects.visible_to(gwen))
        assert len(rows) == len(set(rows)), model


def test_who_left_the_team_is_no_longer_visible(world, mara, ana, acme):
    Membership.objects.get(team=acme, user=ana).delete()

    assert ana not in User.objects.visible_to(mara)
    assert not Enrollment.objects.visible_to(mara).filter(user=ana).exists()


def test_a_team_role_without_the_right_to_view_teams_shows_nobody(world, otto, acme):
    helper = RoleFactory(permissions=["users.view", "enrollments.view"])
    MembershipFactory(team=acme, user=otto, role=helper)

    assert names(User.objects.visible_to(otto)) == ["Otto Oberg"]


def test_an_inactive_administrator_sees_like_anybody_else(world, alma):
    alma.is_active = False

    assert names(User.objects.visible_to(alma)) == ["Alma Admin"]
