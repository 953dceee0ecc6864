"""Certificates: what students earned by completing courses."""

from django.contrib import admin
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.decorators import display

from core.admin.kit import cells
from core.admin.kit.lists.filters import ChoiceFilter, RelatedFilter
from core.admin.kit.lists.student_lists import PRODUCT, STUDENT, ResultAdmin, TeamFilter
from core.models import Certificate, User


class ProductFilter(RelatedFilter):
    title = "course"
    parameter_name = "product"
    foreign_key = (Certificate, "product")


class ValidityFilter(ChoiceFilter):
    title = "validity"
    parameter_name = "validity"
    choices_offered = (("valid", "Valid"), ("expired", "Expired"), ("removed", "Removed in Thinkific"))

    def matching(self, queryset: QuerySet, value: str, viewer: User) -> QuerySet:
        if value == "removed":
            return queryset.filter(removed_at__isnull=False)
        over = Q(expiry_date__lte=timezone.now())
        return queryset.filter(over if value == "expired" else ~over, removed_at__isnull=True)


@admin.register(Certificate)
class CertificateAdmin(ResultAdmin):
    list_display = ["student", "course", "credential", "issued", "expires", "open_link"]
    list_filter = [ProductFilter, TeamFilter, ValidityFilter]
    list_select_related = ["user", "product"]
    list_only = (
        *STUDENT,
        *PRODUCT,
        "credential_id",
        "issued_at",
        "expiry_date",
        "url",
        "removed_at",
        "thinkific_id",
    )
    sortable_by = ["issued", "expires"]
    ordering = [F("issued_at").desc(nulls_last=True)]
    fields = ["student_link", "course", "credential", "issued", "expires", "open_link", "thinkific"]
    empty_text = "Certificates arrive from Thinkific when students earn them."
    empty_how = "Open Tools and choose Sync Certificates."
    export_columns = (
        ("Name", lambda c: c.user.get_full_name()),
        ("Email", lambda c: c.user.email),
        ("Course", lambda c: str(c.product)),
        ("Credential ID", lambda c: c.credential_id),
        ("Issued", lambda c: c.issued_at),
        ("Expires", lambda c: c.expiry_date),
        ("URL", lambda c: c.url),
    )

    @display(description="Course")
    def course(self, certificate: Certificate) -> SafeString:
        return cells.text(str(certificate.product))

    @display(description="Credential ID")
    def credential(self, certificate: Certificate) -> SafeString:
        return cells.named(certificate, certificate.credential_id)

    @display(description="Issued", ordering="issued_at")
    def issued(self, certificate: Certificate) -> SafeString:
        return cells.moment(certificate.issued_at)

    @display(description="Expires", ordering="expiry_date")
    def expires(self, certificate: Certificate) -> SafeString:
        return cells.moment(certificate.expiry_date, empty="Never", ahead=True)

    @display(description="Certificate")
    def open_link(self, certificate: Certificate) -> SafeString:
        return cells.outside_link(certificate.url, "View")
