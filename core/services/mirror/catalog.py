"""Stores products and their content as Thinkific has them."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Exists, F, OuterRef, QuerySet, Subquery

from core.models import BundleItem, Chapter, Lesson, Product, Quiz
from core.services.mirror.outcome import Applied
from core.services.mirror.results import set_passed
from core.services.mirror.source import Source
from core.services.mirror.table import Table, Values, compare, mark_removed, write
from core.services.storage import bulk

ProductKey = tuple[str, int]  # (productable_type, productable_id): course and bundle ids overlap

PRODUCTS = Table(
    model=Product,
    key="pk",
    fields=(
        "thinkific_id",
        "productable_type",
        "productable_id",
        "name",
        "slug",
        "description",
        "price",
        "currency",
        "status",
        "hidden",
        "private",
        "subscription",
        "has_certificate",
        "days_until_expiry",
        "card_image_url",
        "source",
        "thinkific_created_at",
        "removed_at",
    ),
    stamp=("synced_at",),
)
CHAPTERS = Table(model=Chapter, fields=("product_id", "name", "position", "removed_at"))
LESSONS = Table(
    model=Lesson,
    fields=("chapter_id", "name", "position", "content_type", "free", "take_url", "quiz_id", "removed_at"),
)
QUIZZES = Table(model=Quiz, fields=("product_id", "name", "passing_score", "removed_at"))


def apply_products(rows: list[Values], *, source: Source) -> Applied:
    """Store products, identified by `productable_type` and `productable_id`. A row may leave out fields that
    its source does not have; these stay as they are."""
    applied = Applied()
    write(compare(PRODUCTS, match_products(rows, applied), applied), applied, source=source)
    return applied


def match_products(rows: list[Values], applied: Applied) -> list[tuple[Values, tuple[int, Values] | None]]:
    """Returns each row with the stored product that it belongs to, or None. Rows that cannot be matched are
    reported in `applied`. Only reads."""
    stored = {
        (values["productable_type"], values["productable_id"]): (pk, values)
        for pk, values in PRODUCTS.stored(productable_id__in=[row["productable_id"] for row in rows]).values()
    }
    by_id = PRODUCTS.stored(thinkific_id__in=[row["thinkific_id"] for row in rows if row["thinkific_id"]])
    owners = {values["thinkific_id"]: pk for pk, values in by_id.values()}
    pairs: list[tuple[Values, tuple[int, Values] | None]] = []
    sold: dict[ProductKey, Values] = {}
    for row in {row["thinkific_id"]: row for row in rows}.values():
        what = (row["productable_type"], row["productable_id"])
        if sold.setdefault(what, row) is not row:
            applied.skip(
                f"Product {row['thinkific_id']}",
                "Another product sells the same course or bundle; that one is shown.",
                number=row["thinkific_id"],
            )
            continue
        have = stored.get(what)
        owner = owners.get(row["thinkific_id"])
        if owner is not None and (have is None or have[0] != owner):
            applied.fail(
                f"Product {row['thinkific_id']}",
                "In Thinkific it sells another course or bundle than before; it was not changed here.",
                pk=owner,
            )
            continue
        if have is not None and have[1]["thinkific_id"] not in (None, row["thinkific_id"]):
            applied.replaced.append((have[0], have[1]["thinkific_id"]))
        base = have[1] if have else {f: _default(f) for f in PRODUCTS.fields}
        pairs.append((base | row, have))
    return pairs


def _default(name: str) -> object:
    return next(f for f in Product._meta.concrete_fields if f.attname == name).get_default()


def product_ids(keys: Iterable[ProductKey]) -> dict[ProductKey, int]:
    """Returns the primary keys of products by ProductKey."""
    wanted = set(keys)
    rows = Product.objects.filter(productable_id__in={key[1] for key in wanted}).order_by()
    found = {
        (kind, number): pk
        for kind, number, pk in rows.values_list("productable_type", "productable_id", "pk")
    }
    return {key: found[key] for key in wanted if key in found}


def ensure_courses(names: dict[int, str]) -> dict[int, int]:
    """Returns `course id -> primary key`. Makes a product for each unknown course (`names` by course id):
    courses of the new builder have enrollments although REST does not list them."""
    known = product_ids((Product.Type.COURSE, number) for number in names)
    missing = [number for number in names if (Product.Type.COURSE, number) not in known]
    if missing:
        made = bulk.insert(
            Product,
            ["productable_type", "productable_id", "name", "source"],
            [(Product.Type.COURSE, n, names[n], Product.Source.ENROLLMENT) for n in missing],
        )
        known |= {(Product.Type.COURSE, n): pk for n, pk in zip(missing, made, strict=True)}
    return {number: pk for (_, number), pk in known.items()}


def set_bundle_courses(bundle: Product, courses: list[int], *, now: datetime) -> bool:
    """Make the bundle contain exactly these courses (primary keys), in order. Returns whether it changed."""
    items = {item.course_id: item for item in bundle.bundle_items.all()}
    changed = False
    for position, course in enumerate(courses, start=1):
        item = items.pop(course, None)
        if item is None:
            BundleItem.objects.create(bundle=bundle, course_id=course, position=position)
        elif item.position != position or item.removed_at is not None:
            item.position, item.removed_at = position, None
            item.save(update_fields=["position", "removed_at"])
        else:
            continue
        changed = True
    gone = [item.pk for item in items.values() if item.removed_at is None]
    if gone:
        BundleItem.objects.filter(pk__in=gone).update(removed_at=now)
    return changed or bool(gone)


def apply_curriculum(
    course: Product,
    chapters: list[Values],
    lessons: list[Values],
    quizzes: list[Values],
    *,
    complete: bool,
    now: datetime,
    source: Source,
) -> tuple[Applied, list[int], list[int]]:
    """Store a course's chapters, lessons (each with the Thinkific ids `chapter` and `quiz`) and quizzes.
    Fields that a lesson leaves out stay as they are: REST has no `quiz`, GraphQL no `free`.

    With `complete`, stored chapters and lessons of the course that are not in the rows are marked as removed.
    Returns the outcome and the primary keys of the chapters and of the lessons.
    """
    applied = Applied()
    _apply_plain(QUIZZES, _with_scores(with_stored_courses(quizzes)), applied, source)
    _apply_plain(CHAPTERS, chapters, applied, source)
    chapter_pks = _pks(Chapter, [row["thinkific_id"] for row in chapters])
    quiz_pks = _pks(Quiz, [row["thinkific_id"] for row in quizzes])
    set_passed(list(quiz_pks.values()))
    placed = [
        {name: value for name, value in row.items() if name not in ("chapter", "quiz")}
        | {"chapter_id": chapter_pks[row["chapter"]]}
        | ({"quiz_id": quiz_pks.get(row["quiz"])} if "quiz" in row else {})
        for row in lessons
        if row["chapter"] in chapter_pks
    ]
    _apply_plain(LESSONS, placed, applied, source)
    if complete:
        here = Chapter.objects.filter(product=course, removed_at__isnull=True)
        here.exclude(thinkific_id__in=chapter_pks).update(removed_at=now)
        left = Lesson.objects.filter(chapter__product=course, removed_at__isnull=True)
        left.exclude(thinkific_id__in=[row["thinkific_id"] for row in lessons]).update(removed_at=now)
        move_quizzes(Quiz.objects.filter(product=course))
    lesson_pks = _pks(Lesson, [row["thinkific_id"] for row in lessons])
    return applied, list(chapter_pks.values()), list(lesson_pks.values())


def with_stored_courses(quizzes: list[Values]) -> list[Values]:
    """Returns the rows with the product that each quiz keeps. A quiz that several courses contain keeps its
    stored one; otherwise every pull would move it from course to course."""
    lessons = Lesson.objects.not_removed().order_by().filter(quiz__product=F("chapter__product"))
    numbers = [row["thinkific_id"] for row in quizzes]
    homes = dict(
        lessons.filter(quiz__thinkific_id__in=numbers).values_list("quiz__thinkific_id", "chapter__product")
    )
    return [row | {"product_id": homes.get(row["thinkific_id"], row["product_id"])} for row in quizzes]


def move_quizzes(quizzes: QuerySet[Quiz]) -> int:
    """Give another course to quizzes that their stored course no longer contains. A quiz that no course
    contains keeps its course, for the results. Returns how many quizzes moved."""
    lessons = Lesson.objects.not_removed().filter(quiz=OuterRef("pk")).order_by("chapter__product", "pk")
    lost = quizzes.exclude(Exists(lessons.filter(chapter__product=OuterRef("product"))))
    elsewhere = lost.annotate(found=Subquery(lessons.values("chapter__product")[:1]))
    moves = list(elsewhere.filter(found__isnull=False).values_list("pk", "found"))
    bulk.update(Quiz, ["product_id"], moves)
    return len(moves)


def remove_lessons(pks: list[int], *, source: Source, now: datetime) -> int:
    """Mark lessons (primary keys) as removed from Thinkific. Returns how many."""
    removed = mark_removed(Lesson, pks, source=source, now=now)
    move_quizzes(Quiz.objects.filter(lessons__in=pks).distinct())
    return removed


def _with_scores(quizzes: list[Values]) -> list[Values]:
    """Returns the rows, with the stored passing score where a row has none."""
    untold = [row["thinkific_id"] for row in quizzes if row["passing_score"] is None]
    rows = Quiz.objects.filter(thinkific_id__in=untold).order_by()
    known = dict(rows.values_list("thinkific_id", "passing_score"))
    return [
        row | {"passing_score": known[row["thinkific_id"]]} if row["thinkific_id"] in known else row
        for row in quizzes
    ]


def remove_chapters(pks: list[int], *, now: datetime) -> int:
    """Mark chapters (primary keys) and their lessons as removed from Thinkific. Returns how many of both."""
    lessons = Lesson.objects.filter(chapter__in=pks, removed_at__isnull=True).update(removed_at=now)
    move_quizzes(Quiz.objects.filter(lessons__chapter__in=pks).distinct())
    return lessons + Chapter.objects.filter(pk__in=pks, removed_at__isnull=True).update(removed_at=now)


def _apply_plain(table: Table, rows: list[Values], applied: Applied, source: Source) -> None:
    write(compare(table, match_plain(table, rows), applied), applied, source=source)


def match_plain(table: Table, rows: list[Values]) -> list[tuple[Values, tuple[int, Values] | None]]:
    """Returns each row with the stored chapter, lesson or quiz that it belongs to, or None. Only reads."""
    rows = list({row[table.key]: row for row in rows}.values())
    stored = table.stored(**{f"{table.key}__in": [row[table.key] for row in rows]})
    defaults = {field.attname: field.get_default() for field in table.model._meta.concrete_fields}
    pairs: list[tuple[Values, tuple[int, Values] | None]] = []
    for row in rows:
        have = stored.get(row[table.key])
        pairs.append(({**defaults, **(have[1] if have else {}), **row}, have))
    return pairs


def _pks(model: type[Chapter] | type[Lesson] | type[Quiz], thinkific_ids: list[int]) -> dict[int | None, int]:
    rows = model._default_manager.filter(thinkific_id__in=thinkific_ids).values_list("thinkific_id", "pk")
    return dict(rows)
