"""The stored rows of each kind, their labels, and which of them should be in Thinkific as well."""

from django.db.models import Model, Q, QuerySet
from django.utils import timezone

from core.models import (
    Certificate,
    Enrollment,
    GroupMembership,
    Product,
    QuizResult,
    ThinkificGroup,
    User,
)
from integrations.models import DriftKind

MODELS: dict[str, type[Model]] = {
    DriftKind.USERS: User,
    DriftKind.PRODUCTS: Product,
    DriftKind.CONTENT: Product,
    DriftKind.ENROLLMENTS: Enrollment,
    DriftKind.GROUPS: ThinkificGroup,
    DriftKind.MEMBERS: GroupMembership,
    DriftKind.QUIZ_RESULTS: QuizResult,
    DriftKind.CERTIFICATES: Certificate,
}
NAMED_BY: dict[str, tuple[str, ...]] = {
    DriftKind.ENROLLMENTS: ("user", "product"),
    DriftKind.MEMBERS: ("user", "group"),
    DriftKind.QUIZ_RESULTS: ("user", "quiz"),
    DriftKind.CERTIFICATES: ("user", "product"),
}


def of(kind: str) -> QuerySet:
    return MODELS[kind]._default_manager.all()


def rows(kind: str) -> QuerySet:
    """Returns the stored rows of a kind, with the related rows that their labels need."""
    related = NAMED_BY.get(kind)
    return of(kind).select_related(*related) if related else of(kind)


def entity(kind: str) -> str:
    return MODELS[kind]._meta.model_name or ""


def labels(kind: str, pks: list[int]) -> dict[int, str]:
    """Returns `primary key -> label` of stored rows of a kind."""
    return {row.pk: name(kind, row) for row in rows(kind).filter(pk__in=pks)} if pks else {}


def name(kind: str, row: Model) -> str:
    if isinstance(row, User):
        return f"{row} ({row.email})" if str(row) != row.shown_email else row.email
    if isinstance(row, Certificate):
        return f"{row.user}: {row.product} ({row.credential_id})"
    return str(row)


def expected(kind: str) -> QuerySet:
    """Returns the stored rows of a kind that should be in Thinkific as well. These are not rows marked as
    removed, dashboard users without an account there, or enrollments that ended before they were sent."""
    here = rows(kind).filter(removed_at__isnull=True)
    if kind == DriftKind.USERS:
        students = Q(is_active=True, is_dashboard_user=False, is_staff=False, is_superuser=False)
        return here.filter(Q(thinkific_id__isnull=False) | students & Q(global_role__isnull=True))
    if kind == DriftKind.ENROLLMENTS:
        # Bundle enrollments exist only here: Thinkific has only the enrollments in their courses.
        courses = here.filter(product__productable_type=Product.Type.COURSE)
        never_sent = Q(expiry_date__isnull=True) | Q(expiry_date__gt=timezone.now())
        return courses.filter(Q(thinkific_id__isnull=False) | never_sent)
    if kind == DriftKind.PRODUCTS:
        return here.filter(source__in=[Product.Source.REST, Product.Source.GRAPHQL])
    if kind == DriftKind.QUIZ_RESULTS:
        return here.filter(thinkific_id__isnull=False)
    return here
