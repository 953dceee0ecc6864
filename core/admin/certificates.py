"""Certificates that students earned by completing courses."""

from django.contrib import admin
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from core.admin.kit import cells
from core.admin.kit.lists.columns import column
from core.admin.kit.lists.filters import choice_filter, related_filter
from core.admin.kit.lists.student_lists import PRODUCT, PRODUCT_IN_FILE, STUDENT, TEAM_FILTER, ResultAdmin
from core.models import Certificate, User


def _valid(certificates: QuerySet) -> QuerySet:
    return certificates.filter(~Q(expiry_date__lte=timezone.now()), removed_at__isnull=True)


def _expired(certificates: QuerySet) -> QuerySet:
    return certificates.filter(expiry_date__lte=timezone.now(), removed_at__isnull=True)


@admin.register(Certificate)
class CertificateAdmin(ResultAdmin):
    course = column("Course", "product", cells.text, in_file=PRODUCT_IN_FILE)
    credential = column(
        "Credential ID",
        lambda one: cells.named(one, one.credential_id),
        sort="credential_id",
        in_file="credential_id",
    )
    issued = column("Issued", "issued_at", cells.moment, sort=True)
    expires = column("Expires", "expiry_date", cells.moment, sort=True, empty="Never", ahead=True)
    open_link = column("Certificate", "url", cells.outside_link, label="View", in_file=[column("URL", "url")])

    list_display = ["student", "course", "credential", "issued", "expires", "open_link"]
    list_filter = [
        related_filter(Certificate, "product", title="course"),
        TEAM_FILTER,
        choice_filter(
            "validity",
            {
                "valid": ("Valid", _valid),
                "expired": ("Expired", _expired),
                "removed": ("Removed in Thinkific", Q(removed_at__isnull=False)),
            },
        ),
    ]
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
    search_help_text = "Search by the student's name or e-mail, or by the whole credential ID"
    ordering = [F("issued_at").desc(nulls_last=True)]
    fields = ["student_link", "course", "credential", "issued", "expires", "open_link", "thinkific"]
    empty_text = "Certificates arrive from Thinkific when students earn them."
    empty_how = "Open Tools and choose Sync Certificates."

    def search(self, queryset: QuerySet, words: list[str], viewer: User) -> QuerySet:
        """Finds a certificate by its ID too, with that column's index."""
        found = queryset.filter(credential_id__in=words)
        return found if found.exists() else super().search(queryset, words, viewer)

    export_columns = (
        column("Thinkific ID", "thinkific_id"),
        column("Removed in Thinkific", "removed_at"),
    )
