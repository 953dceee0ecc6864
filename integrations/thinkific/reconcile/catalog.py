"""Compares products and their contents: the courses of bundles and the curricula of courses."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from django.db.models import QuerySet
from django.utils import timezone

from core.models import Chapter, Lesson, Product
from core.services.mirror.catalog import (
    CHAPTERS,
    LESSONS,
    PRODUCTS,
    apply_curriculum,
    apply_products,
    ensure_courses,
    match_plain,
    match_products,
    set_bundle_courses,
)
from core.services.mirror.outcome import Applied
from core.services.mirror.table import Table, Values, compare, mark_removed
from integrations.models import Drift, DriftReport
from integrations.thinkific.cleaning import Notes, Unusable
from integrations.thinkific.client import schemas
from integrations.thinkific.client.credentials import Credentials
from integrations.thinkific.client.decoding import BadRow
from integrations.thinkific.client.errors import CredentialsRefused, NotFound
from integrations.thinkific.client.graphql import lists
from integrations.thinkific.mapping import product_node_row, product_row
from integrations.thinkific.pull.content import note_unread, read_curricula
from integrations.thinkific.pull.content_plan import Plan
from integrations.thinkific.pull.course_content import Curriculum, read_course
from integrations.thinkific.reconcile import ledger, listing, stored
from integrations.thinkific.reconcile.findings import (
    Difference,
    Finding,
    Look,
    Sort,
    difference,
    nothing_passed,
    sort_keys,
    sort_out,
)
from integrations.thinkific.runs.context import RunContext
from integrations.thinkific.runs.jobs import Ask, Job
from integrations.thinkific.runs.pages import RawRow, decode_row
from integrations.thinkific.runs.state import NodesPlace, Place

COURSES = "courses"  # the courses of a bundle, as the name of a field


class CatalogPlace(Place, rename={"content_of": "content of"}):
    # Products that REST has listed: the type, and the id of the course or bundle.
    shown: list[list[str | int]] = []
    content_of: int = 0  # the last course (primary key) whose content was compared


def compare_products(context: RunContext, report: DriftReport) -> str:
    compare_rows = partial(_compare_rows, context)
    walked = listing.walk_list(context, report, "products", "/products", compare_rows)
    unread = listing.WHY_NOT[walked.verdict]
    without = _compare_new_builder(context, report, walked.top)
    expected = stored.expected(report.kind)
    if not context.client.credentials.token:
        expected = expected.filter(source=Product.Source.REST)
    listing.find_only_here(context, report, "products", expected, top=walked.top, unread=unread or without)
    return " ".join(part for part in (unread, without) if part)


def _compare_rows(context: RunContext, rows: list[RawRow], passed: Callable[[int], bool]) -> Look:
    look, products = Look(), []
    for row in rows:
        product = decode_row(row, schemas.Product)
        if isinstance(product, BadRow):
            known = Product.objects.filter(thinkific_id=row.id).values_list("pk", flat=True).first()
            look.fail(f"Product {row.id}", product.message, pk=known)
        else:
            products.append(product)
    return look_at(context, products, look, passed)


def look_at(
    context: RunContext,
    products: list[schemas.Product],
    look: Look | None = None,
    passed: Callable[[int], bool] = nothing_passed,
) -> Look:
    """Compare products, and request and compare the courses of each bundle."""
    look = look or Look()
    rows, notes, now = [], Notes(), timezone.now()
    site_url = context.client.credentials.site_url
    for product in products:
        try:
            rows.append(product_row(product, notes, site_url=site_url, now=now))
        except Unusable:
            look.new.add(product.id)  # neither a course nor a bundle, so not stored here
    context.place(CatalogPlace).shown.extend(list(_what(row)) for row in rows)
    left_out = Applied()
    pairs = match_products(rows, left_out)
    look.new |= left_out.lost
    look.met += left_out.met
    bundles = {have[0]: row for row, have in pairs if have and row["productable_type"] == Product.Type.BUNDLE}
    asked = {pk: row["productable_id"] for pk, row in bundles.items() if not passed(pk)}
    jobs = (_courses_of(context, pk, number) for pk, number in asked.items())
    answers = context.side_by_side(jobs, whole=True)  # a page is compared as a whole
    more = {pk: found for pk, found in zip(asked, answers, strict=True) if found}
    sort_out(PRODUCTS, pairs, look, passed=passed, more=more, describe=_only_there)
    return look


def _courses_of(context: RunContext, bundle: int, number: int) -> Job[list[Difference]]:
    """Returns the difference between the courses of a bundle here and in Thinkific; empty if they agree."""
    try:
        [found] = yield [Ask(partial(context.client.rest.get_bundle, number))]
    except NotFound:
        return []
    if found.course_ids is None:
        return []
    theirs = list(dict.fromkeys(found.course_ids))
    items = Product.objects.get(pk=bundle).bundle_items.filter(removed_at__isnull=True).order_by("position")
    ours = list(items.values_list("course__productable_id", flat=True))
    return [] if ours == theirs else [difference(COURSES, _named(ours), _named(theirs))]


def _named(numbers: list[int]) -> str:
    courses = Product.objects.filter(productable_type=Product.Type.COURSE, productable_id__in=numbers)
    names = dict(courses.values_list("productable_id", "name"))
    return ", ".join(names.get(number) or f"course {number}" for number in numbers)


def _only_there(row: Values) -> Finding:
    return Finding(Sort.ONLY_THERE, row["name"], thinkific_id=row["thinkific_id"])


def _compare_new_builder(context: RunContext, report: DriftReport, top: int) -> str:
    """Compare products that only GraphQL shows. This also finds products that moved to the new course
    builder, which would look gone otherwise. Returns what was left out, and why."""
    state = context.place(NodesPlace, "graphql products")
    if not context.client.credentials.token or state.done:
        return ""
    try:
        for page in lists.products(context.client.graphql, after=state.after):
            shown = {tuple(what) for what in context.place(CatalogPlace).shown}
            look = _look_at_nodes(page.rows, shown, listing.passed(context, "products", top))
            listing.store_nodes(context, report, "products", look, page, top=top, note=state.note)
    except CredentialsRefused as error:
        context.refuse(error, "Courses of the new course builder were not compared.")
        return f"Courses of the new course builder were not compared: {error}"
    return ""


def _what(row: Values) -> tuple[str, int]:
    return row["productable_type"], row["productable_id"]


def _look_at_nodes(
    nodes: lists.Rows[schemas.ProductNode], shown: set[Any], passed: Callable[[int], bool]
) -> Look:
    """Compare products of GraphQL without those that REST has listed, which are compared already."""
    look, rows, notes, now = Look(), [], Notes(), timezone.now()
    site_url = Credentials.from_settings().site_url
    for node in nodes:
        try:
            rows.append(product_node_row(node, notes, site_url=site_url, now=now))
        except Unusable:
            continue
    rows = [row for row in rows if _what(row) not in shown]
    sort_out(PRODUCTS, match_products(rows, Applied()), look, passed=passed, describe=_only_there)
    return look


class Found(NamedTuple):
    product: schemas.Product
    courses: list[int] | None  # of a bundle


def read(context: RunContext, row: Drift) -> Job[list[Found]]:
    """Returns the product as REST has it now; empty if it does not have it."""
    if row.thinkific_id is None:
        return []
    try:
        [product] = yield [Ask(partial(context.client.rest.get_product, row.thinkific_id))]
        courses = None
        if (product.productable_type or "").lower() == "bundle":
            [bundle] = yield [Ask(partial(context.client.rest.get_bundle, product.productable_id or 0))]
            courses = bundle.course_ids
    except NotFound:
        return []
    return [Found(product, courses)]


def take(context: RunContext, row: Drift, found: list[Found]) -> list[str]:
    """Store the product as Thinkific has it, with the courses of a bundle. Returns the problems."""
    if not found:
        mark_removed(Product, [row.object_id or 0], source=context.source, now=context.now)
        return []
    product, courses = found[0]
    site_url = context.client.credentials.site_url
    applied = apply_products(
        [product_row(product, Notes(), site_url=site_url, now=context.now)], source=context.source
    )
    bundle = Product.objects.bundles().filter(thinkific_id=product.id).first()
    if bundle is not None and courses is not None:
        wanted = list(dict.fromkeys(courses))
        pks = ensure_courses(dict.fromkeys(wanted, ""))
        set_bundle_courses(bundle, [pks[number] for number in wanted], now=context.now)
    return [issue.message for issue in applied.issues] if applied.failed else []


# --- content ------------------------------------------------------------------------------------------


def compare_content(context: RunContext, report: DriftReport) -> str:
    """Compare the content of each course. All differences in a course are one finding."""
    courses = Product.objects.courses().filter(removed_at__isnull=True).order_by("pk")
    place = context.place(CatalogPlace)
    todo = list(courses.filter(pk__gt=place.content_of))
    for course, curriculum in read_curricula(context, Plan(context, todo), todo):
        look = look_at_course(course, curriculum)

        def write(course: Product = course, look: Look = look, curriculum: Curriculum = curriculum) -> None:
            place.content_of = course.pk
            note_unread(context, course, curriculum)
            ledger.add(context, report, look)
            listing.progress(context, rows=1)

        context.store(write)
    return ""


def look_at_course(course: Product, curriculum: Curriculum) -> Look:
    look = Look()
    if not curriculum.is_known:
        return look
    chapters = _items(CHAPTERS, curriculum.chapters, "Chapter")
    known = dict(Chapter.objects.filter(product=course).values_list("thinkific_id", "pk"))
    lessons = [
        {name: value for name, value in row.items() if name not in ("chapter", "quiz")}
        | {"chapter_id": known.get(row["chapter"])}
        for row in curriculum.lessons
    ]
    found = chapters + _items(LESSONS, lessons, "Lesson")
    if curriculum.complete:
        here = Chapter.objects.filter(product=course, removed_at__isnull=True)
        found += _gone(here, curriculum.chapters, "Chapter")
        under = Lesson.objects.filter(chapter__product=course, removed_at__isnull=True)
        found += _gone(under, curriculum.lessons, "Lesson")
    numbers = {course.pk: course.thinkific_id}
    sort_keys("product", [course.pk], {course.pk: found}, look, numbers=numbers)
    return look


def _items(table: Table, rows: list[Values], what: str) -> list[Difference]:
    changes = compare(table, match_plain(table, rows), Applied(), lock=False)
    found: list[Difference] = []
    for _, before, after in changes.changed:
        moved = [name for name in table.fields if before[name] != after[name]]
        found += [_of(what, before, difference(name, before[name], after[name])) for name in moved]
    return found + [
        {"field": f"{what} “{row['name']}”", "ours": "not here", "theirs": "there"} for row in changes.new
    ]


def _of(what: str, row: Values, found: Difference) -> Difference:
    return found | {"field": f"{what} “{row['name']}”: {found['field'].replace('_', ' ')}"}


def _gone(here: QuerySet, rows: list[Values], what: str) -> list[Difference]:
    missing = here.exclude(thinkific_id__in=[row["thinkific_id"] for row in rows])
    return [
        {"field": f"{what} “{name}”", "ours": "there", "theirs": "gone"}
        for name in missing.values_list("name", flat=True)
    ]


def read_again(context: RunContext, row: Drift) -> Job[list[Curriculum]]:
    course = Product.objects.filter(pk=row.object_id or 0).first()
    found = (yield from read_course(context, Plan(context, [course]), course)) if course else None
    return [found] if found and found.is_known else []


def take_course(context: RunContext, row: Drift, found: list[Curriculum]) -> list[str]:
    if not found:
        return ["Thinkific does not show what is in this course."]
    course = Product.objects.get(pk=row.object_id or 0)
    applied, _, _ = apply_curriculum(
        course,
        found[0].chapters,
        found[0].lessons,
        found[0].quizzes,
        complete=found[0].complete,
        now=context.now,
        source=context.source,
    )
    return [issue.message for issue in applied.issues] if applied.failed else []
