"""Products: what Thinkific sells, what is inside, and who uses it."""

from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, Q, QuerySet
from django.http import HttpRequest
from django.utils.html import strip_tags
from django.utils.safestring import SafeString
from unfold.decorators import display

from core.admin.kit import cells
from core.admin.kit.base import DashboardAdmin
from core.admin.kit.dialogs.buttons import opens
from core.admin.kit.lists.filters import ChoiceFilter, key_of
from core.admin.kit.lists.lists import CappedCount, amount
from core.admin.kit.sync import in_thinkific
from core.admin.kit.sync.last_synced import last_synced
from core.admin.kit.viewer import viewer_of
from core.admin.products.dialogs import SyncProduct, SyncProducts
from core.admin.products.tabs import PRODUCT_TABS, publication
from core.admin.quiz_results import course_cell
from core.models import BundleItem, Enrollment, Lesson, Product, Quiz, Seat, User


class TypeFilter(ChoiceFilter):
    title = "type"
    parameter_name = "type"
    choices_offered = tuple((value, label) for value, label in Product.Type.choices)

    def matching(self, queryset: QuerySet, value: str, viewer: User) -> QuerySet:
        return queryset.filter(productable_type=value)


class StateFilter(ChoiceFilter):
    title = "status"
    parameter_name = "status"
    choices_offered = (("published", "Published"), ("draft", "Draft"), ("removed", "Removed in Thinkific"))

    def matching(self, queryset: QuerySet, value: str, viewer: User) -> QuerySet:
        if value == "removed":
            return queryset.filter(removed_at__isnull=False)
        return queryset.filter(status=value, removed_at__isnull=True)


@admin.register(Product)
class ProductAdmin(DashboardAdmin):
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
    list_filter = [TypeFilter, StateFilter]
    search_fields = ["folded"]
    search_help_text = "Search by name, Thinkific ID or productable ID"
    sortable_by = ["title", "productable"]
    ordering = ["name", "id"]
    tabs = PRODUCT_TABS
    shows_sync = True
    sync_products = opens(SyncProducts)
    sync_product = opens(SyncProduct)
    actions_list = ("sync_products",)
    actions_detail = ("sync_product",)
    empty_text = "Courses and bundles come from Thinkific."
    empty_how = "Use Sync Products above."

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        product, viewer = OuterRef("pk"), viewer_of(request)
        return (
            super()
            .get_queryset(request)
            .annotate(
                contents=CappedCount(BundleItem.objects.filter(bundle=product, removed_at__isnull=True)),
                seats_counted=CappedCount(Seat.objects.visible_to(viewer).filter(product=product)),
                enrolled=CappedCount(Enrollment.objects.visible_to(viewer).filter(product=product)),
            )
        )

    def search_condition(self, word: str, viewer: User) -> Q:
        condition = super().search_condition(word, viewer)
        key = key_of(word)
        return condition if key is None else condition | Q(thinkific_id=key) | Q(productable_id=key)

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

    # --- columns ------------------------------------------------------------------------------------

    @display(description="Name", ordering="name")
    def title(self, product: Product) -> SafeString:
        return cells.named(product)

    @display(description="Type")
    def kind(self, product: Product) -> str:
        return product.get_productable_type_display()

    @display(description="Status")
    def state(self, product: Product) -> SafeString:
        return publication(product)

    @display(description="Price")
    def shown_price(self, product: Product) -> str | SafeString:
        return cells.price(product.price, product.currency)

    @display(description="Productable ID", ordering="productable_id")
    def productable(self, product: Product) -> SafeString:
        return cells.thinkific_id(product.productable_id)

    @display(description="Bundle contents")
    def content_count(self, product: Any) -> str | SafeString:
        return f"{amount(product.contents)} courses" if product.is_bundle else cells.NOTHING

    @display(description="Seats")
    def seat_count(self, product: Any) -> str:
        return amount(product.seats_counted)

    @display(description="Enrollments")
    def enrollment_count(self, product: Any) -> str:
        return amount(product.enrolled)

    @display(description="Last synced")
    def synced(self, product: Product) -> SafeString:
        return cells.moment(last_synced(product), empty="Never")

    @display(description="Contents last synced")
    def content_synced(self, product: Product) -> SafeString:
        return cells.moment(product.content_synced_at, empty="Never")

    @display(description="Description")
    def about(self, product: Product) -> str | SafeString:
        return strip_tags(product.description)[:1000] or cells.NOTHING

    @display(description="Access")
    def access(self, product: Product) -> str:
        return f"{product.days_until_expiry:,} days" if product.days_until_expiry else "No end"

    @display(description="Thinkific ID")
    def thinkific(self, product: Product) -> SafeString:
        by_enrollment = product.source == Product.Source.ENROLLMENT
        untold = (
            "An enrollment named it; the next sync of products brings its number." if by_enrollment else ""
        )
        return cells.thinkific_id(product.thinkific_id, in_thinkific.admin_page(product), untold=untold)

    @display(description="Slug")
    def slug_text(self, product: Product) -> SafeString:
        return cells.text(product.slug)

    @display(description="Certificate")
    def certificate(self, product: Product) -> SafeString:
        return cells.yes_no(product.has_certificate)

    @display(description="Known from")
    def known_from(self, product: Product) -> str:
        return product.get_source_display()


@admin.register(Quiz)
class QuizAdmin(DashboardAdmin):
    """Not in the sidebar: it serves the filter of the quiz results."""

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
        inside = Lesson.objects.here().filter(chapter__product__in=courses).values("quiz")
        return queryset.filter(Q(product__in=courses) | Q(pk__in=inside))

    @display(description="Name")
    def title(self, quiz: Quiz) -> SafeString:
        return cells.named(quiz)

    @display(description="Course")
    def course(self, quiz: Quiz) -> SafeString:
        return course_cell(quiz)
