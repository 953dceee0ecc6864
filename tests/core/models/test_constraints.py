"""Every constraint of the database refuses wrong rows, whichever code writes them."""

from datetime import timedelta

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction
from django.db.models import Model
from django.utils import timezone

from core.models import (
    Allowance,
    BundleItem,
    EmailChange,
    Enrollment,
    ExportPiece,
    IdempotentCall,
    Membership,
    MigrationCount,
    MigrationPart,
    MigrationRow,
    OutboxEntry,
    Role,
    Sale,
    Seat,
    SeatAssignment,
    ShownColumns,
    SiteSettings,
    UnreadRecords,
    User,
)
from integrations.models import (
    Drift,
    DriftReport,
    RequestBudget,
    SyncRun,
    SyncSchedule,
    WebhookSubscription,
    WebTurn,
)
from tests.factories import (
    ApiTokenFactory,
    BundleItemFactory,
    CertificateFactory,
    ChapterFactory,
    ConnectionStateFactory,
    EmailTextFactory,
    EnrollmentFactory,
    ExportFileFactory,
    GroupAssignmentFactory,
    GroupMembershipFactory,
    ImpersonationSessionFactory,
    ImportFilePartFactory,
    ImportMappingFactory,
    ImportRowFactory,
    InboundEventFactory,
    InvitationFactory,
    LessonFactory,
    MembershipFactory,
    MigrationFactory,
    OrganizationFactory,
    OutboxEntryFactory,
    ProductFactory,
    QuizFactory,
    QuizResultFactory,
    RoleFactory,
    SeatAssignmentFactory,
    SeatFactory,
    ShortLinkFactory,
    SignUpFactory,
    SignUpLinkFactory,
    StripeEventFactory,
    SyncConflictFactory,
    SyncRunFactory,
    TagFactory,
    TeamFactory,
    ThinkificGroupFactory,
    UserFactory,
    WorkerHeartbeatFactory,
    builtin_role,
)

pytestmark = pytest.mark.django_db


def twice(factory, **values):
    """Two rows of the factory with the same values."""
    factory(**values)
    factory(**values)


def impersonate_oneself():
    somebody = UserFactory()
    ImpersonationSessionFactory(impersonator=somebody, impersonated=somebody)


def two_impersonations_at_once():
    somebody = UserFactory(administrator=True)
    twice(ImpersonationSessionFactory, impersonator=somebody)


def an_end_before_the_beginning():
    now = timezone.now()
    ImpersonationSessionFactory(started_at=now, ended_at=now - timedelta(seconds=1), ended_by="left")


def two_seats_for_one_product():
    team, product = TeamFactory(), ProductFactory()
    for _ in range(2):
        SeatAssignmentFactory(team=team, seat=SeatFactory(product=product))


def same_email_in_another_case():
    UserFactory(email="ana@acme.example")
    User.objects.bulk_create([User(email="Ana@Acme.example", password="!")])


def same_email():
    User.objects.bulk_create([User(email="ana@acme.example", password="!") for _ in range(2)])


def drift(run=None, *, key="7", **values):
    report, _ = DriftReport.objects.get_or_create(run=run or SyncRunFactory(), kind="users")
    Drift.objects.create(report=report, key=key, **values)


def two_reports_of_one_kind():
    DriftReport.objects.bulk_create([DriftReport(run=run, kind="users") for run in [SyncRunFactory()] * 2])


def one_drifted_object_twice():
    run = SyncRunFactory()
    for _ in range(2):
        drift(run, sort="differs", object_id=7)


BREACHES = {
    "nobody_impersonates_themselves": impersonate_oneself,
    "one_impersonation_at_a_time": two_impersonations_at_once,
    "an_ended_impersonation_says_how": lambda: ImpersonationSessionFactory(ended_at=timezone.now()),
    "an_impersonation_ends_after_it_began": an_end_before_the_beginning,
    "one_product_per_thinkific_id": lambda: twice(ProductFactory, thinkific_id=7),
    "one_product_per_productable": lambda: twice(ProductFactory, productable_id=7),
    "one_item_per_bundle_and_course": lambda: BundleItem.objects.bulk_create(
        [BundleItem(bundle=item.bundle, course=item.course) for item in [BundleItemFactory()]]
    ),
    "one_chapter_per_thinkific_id": lambda: twice(ChapterFactory, thinkific_id=7),
    "one_quiz_per_thinkific_id": lambda: twice(QuizFactory, thinkific_id=7),
    "one_lesson_per_thinkific_id": lambda: twice(LessonFactory, thinkific_id=7),
    "one_organization_per_name": lambda: [OrganizationFactory(name=name) for name in ("Acme", "ACME")],
    "one_role_per_name": lambda: [RoleFactory(name=name) for name in ("Coach", "coach")],
    "one_role_per_code": lambda: Role.objects.create(name="Second manager", code="manager"),
    "one_team_per_name": lambda: [TeamFactory(name=name) for name in ("Acme", "ACME")],
    "one_membership_per_team_and_user": lambda: twice(
        MembershipFactory, team=TeamFactory(), user=UserFactory()
    ),
    "one_holder_per_web_turn": lambda: [
        WebTurn.objects.create(slot=1, holder=holder, until=timezone.now()) for holder in ("one", "two")
    ],
    "sign_up_link_within_its_uses": lambda: SignUpLinkFactory(max_uses=2, used_count=3),
    "sign_up_link_has_uses": lambda: SignUpLinkFactory(max_uses=0),
    "one_sign_up_per_link_and_address": lambda: twice(
        SignUpFactory, link=SignUpLinkFactory(), email="ana@acme.example"
    ),
    "one_invitation_per_team_and_user": lambda: twice(
        InvitationFactory, team=TeamFactory(), user=UserFactory()
    ),
    "one_user_per_email": same_email,
    "one_user_per_email_ignoring_case": same_email_in_another_case,
    "one_user_per_thinkific_id": lambda: twice(UserFactory, thinkific_id=7),
    "one_tag_per_name": lambda: [TagFactory(name=name) for name in ("night", "Night")],
    "one_text_per_email": lambda: twice(EmailTextFactory, name="welcome"),
    "an_email_text_has_subject_and_body": lambda: EmailTextFactory(subject="Only a subject", body=""),
    "seat_is_unlimited_or_has_max_seats": lambda: SeatFactory(unlimited=False, max_seats=None),
    "seat_expiry_has_its_days_or_date": lambda: SeatFactory(expiry_type="date", expiry_date=None),
    "one_seat_per_team_and_product": two_seats_for_one_product,
    "one_enrollment_per_student_and_product": lambda: twice(
        EnrollmentFactory, user=UserFactory(), product=ProductFactory()
    ),
    "one_enrollment_per_thinkific_id": lambda: twice(EnrollmentFactory, thinkific_id=7),
    "one_group_per_thinkific_id": lambda: twice(ThinkificGroupFactory, thinkific_id=7),
    "one_new_group_per_name": lambda: [
        ThinkificGroupFactory(name=name, thinkific_id=None) for name in ("Night", "NIGHT")
    ],
    "one_assignment_per_group_and_team": lambda: twice(
        GroupAssignmentFactory, group=ThinkificGroupFactory(), team=TeamFactory()
    ),
    "one_membership_per_group_and_user": lambda: twice(
        GroupMembershipFactory, group=ThinkificGroupFactory(), user=UserFactory()
    ),
    "one_part_per_batch_and_number": lambda: twice(
        ImportFilePartFactory, batch=ImportRowFactory().batch, number=2
    ),
    "one_mapping_per_user_kind_and_headers": lambda: twice(
        ImportMappingFactory, user=UserFactory(), headers="a"
    ),
    "one_piece_of_a_file": lambda: twice(
        ExportPiece.objects.create, file=ExportFileFactory(), attempt=1, number=0, content=b"x"
    ),
    "one_row_per_batch_and_number": lambda: twice(ImportRowFactory, batch=ImportRowFactory().batch, number=2),
    "one_part_per_migration_and_number": lambda: [
        MigrationPart.objects.create(migration=one, number=1, content=b"") for one in [MigrationFactory()] * 2
    ],
    "one_count_per_migration_and_kind": lambda: [
        MigrationCount.objects.create(migration=one, position=1, kind="teams")
        for one in [MigrationFactory()] * 2
    ],
    "one_row_per_migration_and_number": lambda: [
        MigrationRow.objects.create(migration=one, number=1, line=2, kind="teams")
        for one in [MigrationFactory()] * 2
    ],
    "one_pending_email_change_per_person": lambda: [
        EmailChange.objects.create(user=user, new_email="new@acme.example", way="confirmed")
        for user in [UserFactory()] * 2
    ],
    "one_open_conflict_per_identity": lambda: twice(SyncConflictFactory, kind="link", object_id=7),
    "one_pending_entry_per_object": lambda: twice(OutboxEntryFactory, object_id=7),
    "one_quiz_result_per_thinkific_id": lambda: twice(QuizResultFactory, thinkific_id=7),
    "one_certificate_per_credential_id": lambda: twice(CertificateFactory, credential_id="c-7"),
    "one_certificate_per_thinkific_id": lambda: twice(CertificateFactory, thinkific_id=7),
    "one_row_of_settings": lambda: SiteSettings.objects.create(pk=2),
    "one_choice_of_columns_per_list": lambda: twice(
        ShownColumns.objects.create, user=UserFactory(), screen="core.user"
    ),
    "unread_records_of_a_kind_once_per_person": lambda: twice(
        UnreadRecords.objects.create, user=UserFactory(), kind="enrollments"
    ),
    "short_link_of_a_team_or_a_product": lambda: ShortLinkFactory(team=None),
    "one_allowance_per_key": lambda: twice(Allowance.objects.create, key="k", since=timezone.now()),
    "one_call_per_issuer_and_key": lambda: twice(
        IdempotentCall.objects.create, user=UserFactory(), key="k", digest="d"
    ),
    "one_sale_per_session": lambda: twice(Sale.objects.create, session_id="cs_7"),
    "one_stripe_event_per_id": lambda: twice(StripeEventFactory, event_id="evt_7"),
    "one_api_token_per_digest": lambda: twice(ApiTokenFactory, digest="d" * 64),
    "one_active_run_per_kind": lambda: [SyncRunFactory(status=s) for s in ("queued", "running")],
    "one_schedule_per_kind_and_extent": lambda: SyncSchedule.objects.create(
        kind="users", full=True, every_minutes=5
    ),
    "schedule_runs_at_most_every_minute": lambda: SyncSchedule.objects.update(every_minutes=0),
    "one_drift_report_per_run_and_kind": two_reports_of_one_kind,
    "one_drift_row_per_object": one_drifted_object_twice,
    "drift_only_here_names_our_row": lambda: drift(sort="only_here"),
    "drift_choice_is_a_side": lambda: drift(sort="differs", object_id=7, choice="both"),
    "one_inbound_event_per_event_id": lambda: twice(InboundEventFactory, event_id="e-7"),
    "one_row_per_webhook_subscription": lambda: [
        WebhookSubscription.objects.create(subscription_id="7", topic="user.signup") for _ in range(2)
    ],
    "one_budget_per_site": lambda: [RequestBudget.objects.create(site="acme") for _ in range(2)],
    "one_state_per_surface": lambda: type(ConnectionStateFactory()).objects.create(surface="rest"),
    "one_heartbeat_per_process": lambda: twice(WorkerHeartbeatFactory, process=7),
}


def declared() -> dict[str, type[Model]]:
    models = [m for app in ("core", "integrations") for m in apps.get_app_config(app).get_models()]
    return {c.name: m for m in models for c in m._meta.constraints}


def refused_by(error: IntegrityError, name: str) -> bool:
    """PostgreSQL names the constraint. SQLite names checks and indexes, but columns of plain uniques."""
    if connection.vendor == "postgresql":
        return error.__cause__.diag.constraint_name == name
    constraint = next(c for c in declared()[name]._meta.constraints if c.name == name)
    table = declared()[name]._meta.db_table
    columns = [
        f"{table}.{declared()[name]._meta.get_field(f).column}" for f in getattr(constraint, "fields", ())
    ]
    return name in str(error) or (bool(columns) and all(column in str(error) for column in columns))


def test_every_constraint_has_its_breach():
    assert set(BREACHES) == set(declared())


@pytest.mark.parametrize("name", BREACHES)
def test_the_database_refuses(name):
    with pytest.raises(IntegrityError) as refusal, transaction.atomic():
        BREACHES[name]()

    assert refused_by(refusal.value, name), refusal.value


def test_what_looks_like_a_breach_and_is_none():
    twice(ProductFactory, thinkific_id=None)
    twice(UserFactory, thinkific_id=None)
    ProductFactory(productable_id=9)
    ProductFactory(productable_id=9, bundle=True)  # course and bundle ids are different number spaces
    OutboxEntryFactory(object_id=7, status=OutboxEntry.Status.IN_FLIGHT)
    twice(OutboxEntryFactory, object_id=7, status=OutboxEntry.Status.FAILED)
    OutboxEntryFactory(object_id=7)  # changed again while being sent
    OutboxEntryFactory(object_id=7, entity="team")
    SyncRunFactory(status=SyncRun.Status.RUNNING)
    SyncRunFactory(status=SyncRun.Status.QUEUED, kind="groups")
    twice(SyncRunFactory, status=SyncRun.Status.FAILED)
    SeatFactory(unlimited=True, max_seats=None)
    SeatFactory(max_seats=0)
    SeatFactory(expiry_type=Seat.Expiry.NEVER, expiry_days=None)
    twice(RoleFactory, code=None)
    for archived_at in (None, timezone.now(), timezone.now()):
        TeamFactory(name="Acme", archived_at=archived_at)
    twice(ThinkificGroupFactory, name="Night")  # Thinkific may have two of one name


@pytest.mark.parametrize("field", ["max_seats", "expiry_days", "used_count"])
def test_places_and_days_are_never_negative(field):
    seat = SeatFactory()

    with pytest.raises(IntegrityError), transaction.atomic():
        Seat.objects.filter(pk=seat.pk).update(**{field: -1})


def test_a_seat_that_expires_after_days_needs_the_days():
    with pytest.raises(IntegrityError), transaction.atomic():
        SeatFactory(expiry_type=Seat.Expiry.DAYS, expiry_days=None)


@pytest.mark.parametrize(
    "owner_of",
    [
        lambda: TeamFactory().owner,
        lambda: builtin_role("student") if MembershipFactory() else None,
        lambda: EnrollmentFactory().product,
        lambda: SeatFactory().product,
        lambda: ImpersonationSessionFactory().impersonated,
        lambda: QuizResultFactory().quiz,
    ],
    ids=[
        "owner of a team",
        "role in use",
        "studied product",
        "product of a seat",
        "impersonated",
        "taken quiz",
    ],
)
def test_what_is_in_use_cannot_be_deleted(owner_of):
    with pytest.raises(IntegrityError), transaction.atomic():
        owner_of().delete()


def test_a_change_that_waits_outlives_its_person():
    entry = OutboxEntryFactory(person=UserFactory())

    entry.person.delete()

    entry.refresh_from_db()
    assert entry.person is None


def test_deleting_a_seat_keeps_the_enrollments_it_gave():
    assignment = SeatAssignmentFactory()
    enrollment = EnrollmentFactory(last_seat=assignment.seat)

    assignment.seat.delete()

    assert Enrollment.objects.get(pk=enrollment.pk).last_seat is None
    assert not SeatAssignment.objects.exists()


def test_deleting_a_team_keeps_its_people(ana, acme):
    acme.delete()

    assert User.objects.filter(pk=ana.pk).exists()
    assert not Membership.objects.filter(user=ana).exists()
