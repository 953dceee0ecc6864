"""Products: courses and bundles, their content, seats and enrollments."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import strip_tags
from django.utils.safestring import SafeString

from core.admin.kit import cells
from core.admin.kit.base import DashboardAdmin
from core.admin.kit.dialogs.buttons import opens
from core.admin.kit.exports.screens import ExportingAdmin
from core.admin.kit.lists.columns import column, count_column
from core.admin.kit.lists.filters import choice_filter
from core.admin.kit.lists.lists import amount
from core.admin.kit.sync import in_thinkific
from core.admin.kit.sync.last_synced import last_synced
from core.admin.products.dialogs import SyncProduct, SyncProducts
from core.admin.products.tabs import PRODUCT_TABS, publication
from core.admin.quiz_results import course_cell
from core.admin.seats.dialogs import AddSeatOnProduct
from core.admin.short_links import SHORT_LINK_DIALOGS
from core.models import BundleItem, Enrollment, Lesson, Product, Quiz, Seat, User


def _thinkific_id(product: Product) -> SafeString:
    by_enrollment = product.source == Product.Source.ENROLLMENT
    why_unknown = (
        "It is known from an enrollment. The next sync of products adds its ID." if by_enrollment else ""
    )
    return cells.thinkific_id(product.thinkific_id, in_thinkific.admin_page(product), why_unknown=why_unknown)


@admin.register(Product)
class ProductAdmin(ExportingAdmin):
    title = column("Name", cells.named, sort="name", in_file=str)
    kind = column("Type", "get_productable_type_display", sort="productable_type")
    state = column("Status", publication, sort="status", in_file="status")
    shown_price = column(
        "Price",
        lambda product: cells.price(product.price, product.currency),
        sort="price",
        in_file=[column("Price", "price"), column("Currency", "currency")],
    )
    productable = column("Productable ID", "productable_id", cells.thinkific_id, sort=True)
    contents = count_column(
        "Courses", lambda viewer: BundleItem.objects.filter(removed_at__isnull=True), "bundle", sort=True
    )
    content_count = column(
        "Bundle contents",
        lambda bundle: f"{amount(bundle.contents_counted)} courses" if bundle.is_bundle else cells.NOTHING,
        sort="contents_counted",
        in_file=lambda bundle: bundle.contents_counted if bundle.is_bundle else None,
    )
    seat_count = count_column("Seats", Seat.objects.visible_to, "product", sort=True)
    enrollment_count = count_column("Enrollments", Enrollment.objects.visible_to, "product")
    synced = column("Last synced", last_synced, cells.moment, empty="Never", in_file=())
    content_synced = column("Contents last synced", "content_synced_at", cells.moment, empty="Never")
    about = column("Description", lambda product: strip_tags(product.description)[:1000], cells.whole)
    access = column("Access", "days_until_expiry", lambda days: f"{days:,} days" if days else "No end")
    thinkific = column("Thinkific ID", _thinkific_id)
    slug_text = column("Slug", "slug", cells.text)
    certificate = column("Certificate", "has_certificate", cells.yes_no)
    known_from = column("Known from", "get_source_display")

    list_display = [
        "title",
        "kind",
        "state",
        "shown_price",
        "productable",
        "content_count",
        "seat_count",
        "enrollment_count",
        "synced",
    ]
    list_filter = [
        choice_filter("type", field="productable_type"),
        choice_filter(
            "status",
            {
                "published": ("Published", Q(status="published", removed_at__isnull=True)),
                "draft": ("Draft", Q(status="draft", removed_at__isnull=True)),
                "removed": ("Removed in Thinkific", Q(removed_at__isnull=False)),
            },
        ),
    ]
    search_fields = ["folded"]
    search_numbers = ("thinkific_id", "productable_id")
    search_help_text = "Search by name, Thinkific ID or productable ID"
    ordering = ["name", "id"]
    few_rows = True
    tabs = PRODUCT_TABS
    shows_sync = True
    sync_products = opens(SyncProducts)
    sync_product = opens(SyncProduct)
    dialogs = (AddSeatOnProduct, *SHORT_LINK_DIALOGS)
    actions_list = ("sync_products", "export")
    actions_detail = ("sync_product",)
    export_columns = (
        column("Thinkific ID", "thinkific_id"),
        column("Removed in Thinkific", "removed_at"),
    )
    empty_text = "Courses and bundles come from Thinkific."
    empty_how = "Use Sync Products above."

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        product = [
            "title",
            "kind",
            "state",
            "shown_price",
            "access",
            "about",
            "enrollment_count",
            "seat_count",
        ]
        thinkific = [
            "thinkific",
            "productable",
            "slug_text",
            "certificate",
            "known_from",
            "synced",
            "content_synced",
        ]
        return [(None, {"fields": product}), ("Thinkific", {"fields": thinkific})]


@admin.register(Quiz)
class QuizAdmin(DashboardAdmin):
    """Not in the sidebar. The filter of quiz results needs its search."""

    title = column("Name", cells.named)
    course = column("Course", course_cell)

    list_display = ["title", "course"]
    search_fields = ["folded"]
    search_help_text = "Search by name"
    ordering = ["name", "id"]
    fields = ["title", "course", "passing_score"]

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).with_courses()  # type: ignore[attr-defined]

    def limit(self, queryset: QuerySet, viewer: User) -> QuerySet:
        if viewer.sees_everything:
            return queryset
        courses = Product.objects.visible_to(viewer)
        inside = Lesson.objects.not_removed().filter(chapter__product__in=courses).values("quiz")
        return queryset.filter(Q(product__in=courses) | Q(pk__in=inside))
