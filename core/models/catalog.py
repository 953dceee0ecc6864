"""Products of Thinkific (courses and bundles) and their content: chapters, lessons, quizzes."""

from typing import TYPE_CHECKING

from django.db import models
from django.utils import timezone

from core.folding import searched
from core.models.fields.folded import Folded, FoldedField, FoldedQuerySet

if TYPE_CHECKING:
    from core.models.people import User

TITLE_LENGTH = 500


def product_name(name: str, productable_type: str, productable_id: int) -> str:
    return name or f"{productable_type} {productable_id}"


class ProductQuerySet(FoldedQuerySet["Product"]):
    def visible_to(self, viewer: "User") -> "ProductQuerySet":
        """Administrators see all products, team managers those that their teams have seats on, students those
        that they are enrolled in."""
        if viewer.sees_everything:
            return self
        products = Product.objects.order_by().values("pk")
        with_a_seat = products.filter(seat_assignments__team__in=viewer.managed_teams())
        return self.filter(pk__in=with_a_seat.union(products.filter(enrollments__user=viewer)))

    def courses(self) -> "ProductQuerySet":
        return self.filter(productable_type=Product.Type.COURSE)

    def bundles(self) -> "ProductQuerySet":
        return self.filter(productable_type=Product.Type.BUNDLE)


class Product(Folded):
    """A Thinkific course or bundle.

    Thinkific has two ids for a course: that of the product (`thinkific_id`), and that of the course, which
    the product calls `productable_id` and enrollments call `course_id`. A course and a bundle can have the
    same `productable_id`.
    """

    class Type(models.TextChoices):
        COURSE = "Course"
        BUNDLE = "Bundle"

    class Source(models.TextChoices):
        REST = "rest", "REST"
        GRAPHQL = "graphql", "GraphQL"
        ENROLLMENT = "enrollment", "an enrollment"

    thinkific_id = models.BigIntegerField("Thinkific ID", null=True, blank=True)
    productable_type = models.CharField("type", max_length=10, choices=Type)
    productable_id = models.BigIntegerField("productable ID", help_text="Thinkific's course or bundle id.")
    name = models.CharField(max_length=TITLE_LENGTH, blank=True)
    folded = FoldedField("name", how=searched)
    slug = models.CharField(max_length=TITLE_LENGTH, blank=True)
    description = models.TextField(blank=True)
    price = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    currency = models.CharField(max_length=3, blank=True, default="", db_default="", help_text="ISO 4217.")
    status = models.CharField(
        max_length=50, blank=True, help_text="published or draft, in Thinkific's words."
    )
    hidden = models.BooleanField(default=False)
    private = models.BooleanField(default=False)
    subscription = models.BooleanField(default=False)
    has_certificate = models.BooleanField(default=False)
    days_until_expiry = models.IntegerField(null=True, blank=True)
    card_image_url = models.CharField(max_length=2000, blank=True)
    # Where this product was read from. REST does not list the courses of the new builder, so a course of
    # another source that REST does not list is not removed.
    source = models.CharField(max_length=10, choices=Source, default=Source.REST)
    thinkific_created_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    synced_at = models.DateTimeField(null=True, blank=True)
    content_synced_at = models.DateTimeField(null=True, blank=True)
    removed_at = models.DateTimeField(null=True, blank=True)

    objects = ProductQuerySet.as_manager()

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(fields=["thinkific_id"], name="one_product_per_thinkific_id"),
            models.UniqueConstraint(
                fields=["productable_type", "productable_id"], name="one_product_per_productable"
            ),
        ]
        indexes = [
            models.Index(fields=["name", "id"], name="product_name"),
            models.Index(fields=["productable_id"], name="product_productable_id"),
        ]

    def __str__(self) -> str:
        return product_name(self.name, self.productable_type, self.productable_id)

    @property
    def is_bundle(self) -> bool:
        return self.productable_type == self.Type.BUNDLE


class BundleItem(models.Model):
    """A course inside a bundle."""

    bundle = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="bundle_items", db_index=False)
    course = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="in_bundles")
    position = models.PositiveIntegerField(default=0)
    removed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["bundle", "position"]
        constraints = [
            models.UniqueConstraint(fields=["bundle", "course"], name="one_item_per_bundle_and_course")
        ]

    def __str__(self) -> str:
        return f"{self.course} in {self.bundle}"


class Chapter(models.Model):
    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="chapters")
    thinkific_id = models.BigIntegerField("Thinkific ID", null=True, blank=True)
    name = models.CharField(max_length=TITLE_LENGTH, blank=True)
    position = models.IntegerField(default=0)
    removed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["product", "position", "id"]
        constraints = [models.UniqueConstraint(fields=["thinkific_id"], name="one_chapter_per_thinkific_id")]

    def __str__(self) -> str:
        return self.name or f"Chapter {self.position}"


class QuizQuerySet(FoldedQuerySet):
    def with_courses(self) -> "QuizQuerySet":
        """Prefetch what `courses()` reads: two queries for any number of quizzes."""
        lessons = Lesson.objects.not_removed().select_related("chapter__product")
        lessons = lessons.defer("chapter__product__description")
        return self.select_related("product").prefetch_related(
            models.Prefetch("lessons", lessons.order_by("chapter__product", "pk"))
        )


class Quiz(Folded):
    """A quiz. Thinkific's results name the quiz and no course; its courses are known from their lessons.

    Several courses may contain one quiz (`courses()`). `product` is the first course that was read with it,
    and changes only when that course no longer contains the quiz and another does.
    """

    thinkific_id = models.BigIntegerField("Thinkific ID", null=True, blank=True)
    product = models.ForeignKey(
        Product,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="quizzes",
        verbose_name="course",
    )
    name = models.CharField(max_length=TITLE_LENGTH, blank=True)
    folded = FoldedField("name", how=searched)
    passing_score = models.DecimalField(max_digits=6, decimal_places=2, null=True, blank=True)
    removed_at = models.DateTimeField(null=True, blank=True)

    objects = QuizQuerySet.as_manager()

    class Meta:
        ordering = ["name", "id"]
        verbose_name_plural = "quizzes"
        constraints = [models.UniqueConstraint(fields=["thinkific_id"], name="one_quiz_per_thinkific_id")]

    def __str__(self) -> str:
        return self.name or f"Quiz {self.thinkific_id}"

    def courses(self) -> list[Product]:
        """Returns the courses that contain the quiz, `product` first. Makes no query after `with_courses`."""
        found = {self.product_id: self.product} if self.product else {}
        for lesson in self.lessons.all():
            if lesson.removed_at is None and lesson.chapter.removed_at is None:
                found.setdefault(lesson.chapter.product_id, lesson.chapter.product)
        return [course for course in found.values() if course is not None]


class LessonQuerySet(models.QuerySet["Lesson"]):
    def not_removed(self) -> "LessonQuerySet":
        """Lessons that Thinkific still has."""
        return self.filter(removed_at__isnull=True, chapter__removed_at__isnull=True)


class Lesson(models.Model):
    chapter = models.ForeignKey(Chapter, on_delete=models.CASCADE, related_name="lessons")
    thinkific_id = models.BigIntegerField("Thinkific ID", null=True, blank=True)
    name = models.CharField(max_length=TITLE_LENGTH, blank=True)
    position = models.IntegerField(default=0)
    content_type = models.CharField(max_length=100, blank=True)
    free = models.BooleanField(default=False)
    take_url = models.CharField(max_length=2000, blank=True)
    quiz = models.ForeignKey(Quiz, null=True, blank=True, on_delete=models.SET_NULL, related_name="lessons")
    removed_at = models.DateTimeField(null=True, blank=True)

    objects = LessonQuerySet.as_manager()

    class Meta:
        ordering = ["chapter", "position", "id"]
        constraints = [models.UniqueConstraint(fields=["thinkific_id"], name="one_lesson_per_thinkific_id")]

    def __str__(self) -> str:
        return self.name or f"Lesson {self.position}"
