"""Factories of rows for tests, one per model. Values that a test does not give are valid and unique.

People get no usable password unless `password=` is given. Built-in roles are looked up, not created again.
"""

from datetime import timedelta

import factory
from django.utils import timezone
from factory.django import DjangoModelFactory

from core import models
from core.exports import sight
from core.permissions.codes import BUILTIN_ROLES
from integrations import models as integration_models

FIRST_NAMES = ["Ada", "Ben", "Cleo", "Dario", "Edith", "Farid", "Greta", "Hugo", "Ines", "Jakob"]
LAST_NAMES = ["Roe", "Stone", "Marsh", "Holt", "Baker", "Quist", "Vance"]


def builtin_role(code: str) -> models.Role:
    """Returns the built-in role of that code; creates it if a test has emptied the tables."""
    name, is_global, permissions = BUILTIN_ROLES[code]
    role, _ = models.Role.objects.get_or_create(
        code=code, defaults={"name": name, "is_global": is_global, "permissions": permissions}
    )
    return role


def _now_plus(**span: float) -> factory.LazyFunction:
    return factory.LazyFunction(lambda: timezone.now() + timedelta(**span))


# --- people and teams --------------------------------------------------------------------------------


class EmailTextFactory(DjangoModelFactory):
    class Meta:
        model = models.EmailText

    name = factory.Iterator(["welcome", "invitation"])


class OrganizationFactory(DjangoModelFactory):
    class Meta:
        model = models.Organization

    name = factory.Sequence(lambda n: f"Organization {n}")


class RoleFactory(DjangoModelFactory):
    """A role that is not built in; for the built-in ones see `builtin_role`."""

    class Meta:
        model = models.Role

    name = factory.Sequence(lambda n: f"Role {n}")
    permissions = factory.LazyFunction(list)


class UserFactory(DjangoModelFactory):
    class Meta:
        model = models.User
        skip_postgeneration_save = True

    first_name = factory.Sequence(lambda n: FIRST_NAMES[n % len(FIRST_NAMES)])
    last_name = factory.Sequence(lambda n: LAST_NAMES[n // len(FIRST_NAMES) % len(LAST_NAMES)])
    email = factory.LazyAttributeSequence(lambda o, n: f"{o.first_name.lower()}{n}@people.example")

    @classmethod
    def _create(cls, model_class, *args, **kwargs):
        return model_class.objects.create_user(*args, **kwargs)

    class Params:
        from_thinkific = factory.Trait(thinkific_id=factory.Sequence(lambda n: 90_000_001 + n))
        administrator = factory.Trait(
            is_staff=True,
            is_dashboard_user=True,
            global_role=factory.LazyFunction(lambda: builtin_role("administrator")),
        )


class TeamFactory(DjangoModelFactory):
    """A team with an owner, who is a member of it by the role Owner."""

    class Meta:
        model = models.Team
        skip_postgeneration_save = True

    name = factory.Sequence(lambda n: f"Team {n}")
    owner = factory.SubFactory(UserFactory, is_dashboard_user=True)

    @factory.post_generation
    def owner_membership(self, create, extracted, **kwargs):
        if create and extracted is not False:
            models.Membership.objects.create(team=self, user=self.owner, role=builtin_role("owner"))


class MembershipFactory(DjangoModelFactory):
    """A student in a team; for another role give `role=builtin_role("manager")`."""

    class Meta:
        model = models.Membership

    team = factory.SubFactory(TeamFactory)
    user = factory.SubFactory(UserFactory)
    role = factory.LazyFunction(lambda: builtin_role("student"))


class InvitationFactory(DjangoModelFactory):
    """An invitation by the team's owner to a person who already has an account."""

    class Meta:
        model = models.Invitation

    team = factory.SubFactory(TeamFactory)
    user = factory.SubFactory(UserFactory)
    role = factory.LazyFunction(lambda: builtin_role("student"))
    address = factory.SelfAttribute("user.email")
    invited_by = factory.SelfAttribute("team.owner")


class SignUpLinkFactory(DjangoModelFactory):
    """A link that works, made by the team's owner."""

    class Meta:
        model = models.SignUpLink

    team = factory.SubFactory(TeamFactory)
    role = factory.LazyFunction(lambda: builtin_role("student"))
    max_uses = 10
    expires_at = _now_plus(days=30)
    made_by = factory.SelfAttribute("team.owner")


class SignUpFactory(DjangoModelFactory):
    """Somebody who has asked to join and not answered the mail."""

    class Meta:
        model = models.SignUp

    link = factory.SubFactory(SignUpLinkFactory)
    email = factory.Sequence(lambda n: f"nora{n}@new.example")
    first_name = "Nora"
    last_name = "New"


class ShortLinkFactory(DjangoModelFactory):
    """A link of a team; for one of a product give `team=None, product=…`."""

    class Meta:
        model = models.ShortLink

    code = factory.Sequence(lambda n: f"abc{n:06}")
    team = factory.SubFactory(TeamFactory)


class ThinkificOpeningFactory(DjangoModelFactory):
    class Meta:
        model = models.ThinkificOpening

    user = factory.SubFactory(UserFactory)
    email = factory.SelfAttribute("user.email")
    thinkific_id = factory.Sequence(lambda n: 90_000_001 + n)
    page = "https://acme.thinkific.com/enrollments"


class TagFactory(DjangoModelFactory):
    class Meta:
        model = models.Tag

    name = factory.Sequence(lambda n: f"tag-{n}")


class UserTagFactory(DjangoModelFactory):
    class Meta:
        model = models.UserTag

    user = factory.SubFactory(UserFactory)
    tag = factory.SubFactory(TagFactory)


class NoteFactory(DjangoModelFactory):
    class Meta:
        model = models.Note

    user = factory.SubFactory(UserFactory)
    author = factory.SubFactory(UserFactory)
    text = "Prefers to be called in the morning."


class NoticeFactory(DjangoModelFactory):
    class Meta:
        model = models.Notice

    user = factory.SubFactory(UserFactory)
    text = factory.Sequence(lambda n: f"Notice {n}")


# --- catalog -----------------------------------------------------------------------------------------


class ProductFactory(DjangoModelFactory):
    """A course; `ProductFactory(bundle=True)` is a bundle."""

    class Meta:
        model = models.Product

    thinkific_id = factory.Sequence(lambda n: 4_000_001 + n)
    productable_type = models.Product.Type.COURSE
    productable_id = factory.Sequence(lambda n: 3_000_001 + n)
    name = factory.Sequence(lambda n: f"Course {n}")
    status = "published"

    class Params:
        bundle = factory.Trait(
            productable_type=models.Product.Type.BUNDLE, name=factory.Sequence(lambda n: f"Bundle {n}")
        )


class BundleItemFactory(DjangoModelFactory):
    class Meta:
        model = models.BundleItem

    bundle = factory.SubFactory(ProductFactory, bundle=True)
    course = factory.SubFactory(ProductFactory)


class ChapterFactory(DjangoModelFactory):
    class Meta:
        model = models.Chapter

    product = factory.SubFactory(ProductFactory)
    thinkific_id = factory.Sequence(lambda n: 50_000_001 + n)
    name = factory.Sequence(lambda n: f"Chapter {n}")
    position = factory.Sequence(lambda n: n)


class QuizFactory(DjangoModelFactory):
    class Meta:
        model = models.Quiz

    thinkific_id = factory.Sequence(lambda n: 6_000_001 + n)
    product = factory.SubFactory(ProductFactory)
    name = factory.Sequence(lambda n: f"Quiz {n}")


class LessonFactory(DjangoModelFactory):
    class Meta:
        model = models.Lesson

    chapter = factory.SubFactory(ChapterFactory)
    thinkific_id = factory.Sequence(lambda n: 150_000_001 + n)
    name = factory.Sequence(lambda n: f"Lesson {n}")
    position = factory.Sequence(lambda n: n)
    content_type = "Lesson"


# --- seats and enrollments ---------------------------------------------------------------------------


class SeatFactory(DjangoModelFactory):
    """Ten places for a year; `SeatFactory(teams=[acme])` also assigns it, shared."""

    class Meta:
        model = models.Seat
        skip_postgeneration_save = True

    name = factory.Sequence(lambda n: f"Seat {n}")
    product = factory.SubFactory(ProductFactory)
    max_seats = 10
    expiry_type = models.Seat.Expiry.DAYS
    expiry_days = 365

    @factory.post_generation
    def teams(self, create, extracted, **kwargs):
        for team in extracted or []:
            models.SeatAssignment.objects.create(team=team, seat=self, product=self.product)
        if extracted and self.used_count:  # which the database has counted again
            models.Seat.objects.filter(pk=self.pk).update(used_count=self.used_count)


class SeatAssignmentFactory(DjangoModelFactory):
    class Meta:
        model = models.SeatAssignment

    team = factory.SubFactory(TeamFactory)
    seat = factory.SubFactory(SeatFactory)
    product = factory.SelfAttribute("seat.product")


class EnrollmentFactory(DjangoModelFactory):
    """An active enrollment that Thinkific has and that ends in half a year. The traits are other states."""

    class Meta:
        model = models.Enrollment

    user = factory.SubFactory(UserFactory)
    product = factory.SubFactory(ProductFactory)
    thinkific_id = factory.Sequence(lambda n: 700_000_001 + n)
    activated_at = _now_plus(days=-180)
    expiry_date = _now_plus(days=185)
    origin = models.Enrollment.Origin.THINKIFIC

    class Params:
        expired = factory.Trait(expiry_date=_now_plus(days=-1))
        completed = factory.Trait(percentage_completed=1, completed_at=_now_plus(days=-7))
        pending = factory.Trait(
            thinkific_id=None,
            push_state="pending",
            activated_at=None,
            origin=models.Enrollment.Origin.DASHBOARD,
        )
        failed = factory.Trait(
            thinkific_id=None,
            push_state="failed",
            activated_at=None,
            origin=models.Enrollment.Origin.DASHBOARD,
        )
        removed = factory.Trait(removed_at=_now_plus(hours=-1))


# --- groups ------------------------------------------------------------------------------------------


class ThinkificGroupFactory(DjangoModelFactory):
    class Meta:
        model = models.ThinkificGroup

    name = factory.Sequence(lambda n: f"Group {n}")
    thinkific_id = factory.Sequence(lambda n: 300_001 + n)


class GroupAssignmentFactory(DjangoModelFactory):
    class Meta:
        model = models.GroupAssignment

    group = factory.SubFactory(ThinkificGroupFactory)
    team = factory.SubFactory(TeamFactory)


class GroupMembershipFactory(DjangoModelFactory):
    class Meta:
        model = models.GroupMembership

    group = factory.SubFactory(ThinkificGroupFactory)
    user = factory.SubFactory(UserFactory)


# --- results -----------------------------------------------------------------------------------------


class QuizResultFactory(DjangoModelFactory):
    class Meta:
        model = models.QuizResult

    thinkific_id = factory.Sequence(lambda n: 88_000_001 + n)
    quiz = factory.SubFactory(QuizFactory)
    user = factory.SubFactory(UserFactory)
    attempts = 1
    correct_count = 8
    incorrect_count = 2
    passed = True
    completed_at = _now_plus(days=-3)


class CertificateFactory(DjangoModelFactory):
    class Meta:
        model = models.Certificate

    thinkific_id = factory.Sequence(lambda n: 99_000_001 + n)
    credential_id = factory.Sequence(lambda n: f"credential-{n}")
    user = factory.SubFactory(UserFactory)
    product = factory.SubFactory(ProductFactory)
    issued_at = _now_plus(days=-3)


# --- imports, outbox, audit, tokens ------------------------------------------------------------------


class ImportBatchFactory(DjangoModelFactory):
    class Meta:
        model = models.ImportBatch

    file_name = factory.Sequence(lambda n: f"people-{n}.csv")
    created_by = factory.SubFactory(UserFactory)


class ImportFilePartFactory(DjangoModelFactory):
    class Meta:
        model = models.ImportFilePart

    batch = factory.SubFactory(ImportBatchFactory)
    number = factory.Sequence(lambda n: n)
    content = b"Email\nana@acme.example\n"


class ImportMappingFactory(DjangoModelFactory):
    class Meta:
        model = models.ImportMapping

    user = factory.SubFactory(UserFactory)
    kind = models.ImportBatch.Kind.USERS
    headers = factory.Sequence(lambda n: f"{n:064}")


class ImportRowFactory(DjangoModelFactory):
    class Meta:
        model = models.ImportRow

    batch = factory.SubFactory(ImportBatchFactory)
    number = factory.Sequence(lambda n: n + 2)


class MigrationFactory(DjangoModelFactory):
    class Meta:
        model = models.Migration

    file_name = factory.Sequence(lambda n: f"old-dashboard-{n}.zip")
    created_by = factory.SubFactory(UserFactory)
    status = "failed"


class OutboxEntryFactory(DjangoModelFactory):
    class Meta:
        model = models.OutboxEntry

    entity = "user"
    object_id = factory.Sequence(lambda n: 1_000_000_001 + n)
    reason = "name changed"


class ImpersonationSessionFactory(DjangoModelFactory):
    class Meta:
        model = models.ImpersonationSession

    impersonator = factory.SubFactory(UserFactory, administrator=True)
    impersonated = factory.SubFactory(UserFactory)


class ApiTokenFactory(DjangoModelFactory):
    """A token whose secret nobody knows."""

    class Meta:
        model = models.ApiToken

    name = factory.Sequence(lambda n: f"Shop {n}")
    user = factory.SubFactory(UserFactory, administrator=True)
    prefix = factory.Sequence(lambda n: f"b2b_{n:06}")
    digest = factory.Sequence(lambda n: f"{n:064x}")


class WebhookEndpointFactory(DjangoModelFactory):
    class Meta:
        model = models.WebhookEndpoint

    events = ["enrollment.created"]
    url = factory.Sequence(lambda n: f"https://hooks.example/{n}")


class WebhookDeliveryFactory(DjangoModelFactory):
    class Meta:
        model = models.WebhookDelivery

    endpoint = factory.SubFactory(WebhookEndpointFactory)
    event = "enrollment.created"
    event_id = factory.Sequence(lambda n: f"event-{n}")


class StripeEventFactory(DjangoModelFactory):
    class Meta:
        model = models.StripeEvent

    topic = "checkout.session.completed"
    event_id = factory.Sequence(lambda n: f"evt_{n}")
    payload = factory.LazyAttribute(lambda event: {"id": event.event_id, "data": {"object": {}}})


class ExportFileFactory(DjangoModelFactory):
    """A file that waits to be made. For a ready one give `content=b"…"`."""

    class Meta:
        model = models.ExportFile
        skip_postgeneration_save = True

    kind = "enrollments"
    title = "Enrollments"
    file_format = "csv"
    created_by = factory.SubFactory(UserFactory)

    @factory.post_generation
    def content(self, create: bool, content: bytes | None, **_: object) -> None:
        if content is None:
            return
        self.status, self.size, self.made_in = "succeeded", len(content), 1
        self.sight, self.expires_at = sight.of(self.created_by), timezone.now() + timedelta(days=7)
        self.save()
        models.ExportPiece.objects.create(file=self, attempt=1, number=0, content=content)


# --- integrations ------------------------------------------------------------------------------------


class SyncRunFactory(DjangoModelFactory):
    """A run that succeeded. For a running one give `status="running", heartbeat_at=timezone.now()`."""

    class Meta:
        model = integration_models.SyncRun

    kind = integration_models.Kind.USERS
    status = integration_models.SyncRun.Status.SUCCEEDED
    started_at = _now_plus(minutes=-2)
    finished_at = factory.Maybe(
        factory.LazyAttribute(lambda o: o.status not in integration_models.SyncRun.ACTIVE),
        yes_declaration=_now_plus(minutes=-1),
        no_declaration=None,
    )


class SyncConflictFactory(DjangoModelFactory):
    class Meta:
        model = integration_models.SyncConflict

    run = factory.SubFactory(SyncRunFactory)
    entity = "user"
    object_id = factory.Sequence(lambda n: 1_000_000_001 + n)
    label = "Ada Roe"
    field = "last_name"
    ours = "Roe"
    theirs = "Row"
    resolution = integration_models.SyncConflict.Resolution.KEPT_OURS


class InboundEventFactory(DjangoModelFactory):
    class Meta:
        model = integration_models.InboundEvent

    event_id = factory.Sequence(lambda n: f"inbound-{n}")
    topic = "user.updated"


class ConnectionStateFactory(DjangoModelFactory):
    class Meta:
        model = integration_models.ConnectionState
        django_get_or_create = ["surface"]

    surface = "rest"


class WorkerHeartbeatFactory(DjangoModelFactory):
    class Meta:
        model = integration_models.WorkerHeartbeat

    host = "worker.example"
    group = 4000
    process = factory.Sequence(lambda n: 4001 + n)
