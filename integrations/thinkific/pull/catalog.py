"""Pulls products: courses and bundles, the courses of each bundle, and the courses that REST leaves out."""

from functools import partial

from msgspec import field

from core.models import Product
from core.services.mirror.catalog import apply_products, ensure_courses, set_bundle_courses
from core.services.mirror.outcome import Applied
from core.services.mirror.table import mark_removed
from integrations.thinkific.cleaning import Notes, Unusable
from integrations.thinkific.client import schemas
from integrations.thinkific.client.decoding import BadRow
from integrations.thinkific.client.errors import CredentialsRefused, NotFound
from integrations.thinkific.client.graphql import lists
from integrations.thinkific.mapping import Values, product_node_row, product_row
from integrations.thinkific.pull.content import pull_course_content
from integrations.thinkific.runs.context import RunContext
from integrations.thinkific.runs.deletion_guard import mark_missing
from integrations.thinkific.runs.jobs import Ask, Job
from integrations.thinkific.runs.list_walk import Pulled, walk
from integrations.thinkific.runs.pages import RawPage, decode_row
from integrations.thinkific.runs.state import NodesPlace, Place

REMOVE = partial(mark_removed, Product)


class CatalogPlace(Place):
    # The ids of courses and of bundles that REST has listed.
    shown: dict[str, list[int]] = field(default_factory=lambda: {kind: [] for kind in Product.Type.values})
    bundles: int = 0  # the last bundle (primary key) whose courses are stored


def pull_products(context: RunContext) -> None:
    """Pull all products, or with the option `product_id` (a primary key) one with its contents."""
    if "product_id" in context.run.options:
        _pull_one(context, Product.objects.get(pk=context.run.options["product_id"]))
        return
    stored = Product.objects.filter(source=Product.Source.REST, removed_at__isnull=True)
    handler = Pulled(context, "products", partial(_apply_pages, context))
    walked = walk("/products", handler, stored=Product.objects.all())
    _pull_bundle_contents(context)
    # Before the removals: products that moved to the new course builder are no longer among those of REST.
    _pull_new_builder(context, top=walked.top)
    mark_missing(context, "products", stored, REMOVE, walked=walked, what="products")


def _apply_pages(context: RunContext, pages: list[RawPage]) -> Applied:
    notes, values, failed = Notes(), [], Applied()
    site_url = context.client.credentials.site_url
    for row in (row for page in pages for row in page.items):
        product = decode_row(row, schemas.Product)
        try:
            if isinstance(product, BadRow):
                raise Unusable(product.message)
            values.append(product_row(product, notes, site_url=site_url, now=context.now))
        except Unusable as error:
            known = Product.objects.filter(thinkific_id=row.id).values_list("pk", flat=True).first()
            failed.skip(f"Product {row.id}", str(error), pk=known, number=row.id)
    shown = context.place(CatalogPlace).shown
    for value in values:
        shown[value["productable_type"]].append(value["productable_id"])
    applied = apply_products(values, source=context.source)
    applied.issues += notes.issues
    applied += failed
    return applied


def _pull_bundle_contents(context: RunContext) -> None:
    done = context.place(CatalogPlace).bundles
    bundles = Product.objects.bundles().filter(removed_at__isnull=True, pk__gt=done).order_by("pk")
    _pull_bundles(context, list(bundles))


def _pull_bundles(context: RunContext, bundles: list[Product]) -> None:
    found = context.side_by_side(_read_bundle(context, bundle) for bundle in bundles)
    for bundle, details in zip(bundles, found, strict=True):
        _store_bundle(context, bundle, details)


def _read_bundle(context: RunContext, bundle: Product) -> Job[schemas.Bundle | None]:
    try:
        [found] = yield [Ask(partial(context.client.rest.get_bundle, bundle.productable_id))]
    except NotFound:
        return None
    return found


def _store_bundle(context: RunContext, bundle: Product, found: schemas.Bundle | None) -> None:
    def write() -> None:
        context.place(CatalogPlace).bundles = bundle.pk
        if found is None:
            context.partial = True
            context.note(str(bundle), "Thinkific does not know this bundle; its courses could not be read.")
        if found is not None and found.course_ids is not None:
            courses = list(dict.fromkeys(found.course_ids))
            pks = ensure_courses(dict.fromkeys(courses, ""))
            set_bundle_courses(bundle, [pks[number] for number in courses], now=context.now)

    context.store(write)


def _pull_new_builder(context: RunContext, *, top: int) -> None:
    """Pull products that only GraphQL shows."""
    if not context.client.credentials.token:
        return
    state = context.place(NodesPlace, "graphql")
    try:
        pages = iter(()) if state.done else lists.products(context.client.graphql, after=state.after)
        for page in context.in_advance(pages):
            rows, skipped = _nodes(context, page.rows)

            def write(
                rows: list[Values] = rows,
                skipped: Applied = skipped,
                page: lists.GraphPage[schemas.ProductNode] = page,
            ) -> None:
                applied = apply_products(rows, source=context.source)
                context.run.fetched += len(rows)
                context.count(applied)
                context.count(skipped)
                context.seen("graphql").add(applied.met)
                state.note(page)

            context.store(write)
    except CredentialsRefused as error:
        context.refuse(error, "Courses of the new course builder were left out.")
        return
    here = Product.objects.filter(source=Product.Source.GRAPHQL, removed_at__isnull=True)
    mark_missing(
        context,
        "graphql",
        here,
        REMOVE,
        top=top,
        what="new-builder courses",
    )


def _nodes(context: RunContext, nodes: lists.Rows[schemas.ProductNode]) -> tuple[list[Values], Applied]:
    """The rows for products that REST has not shown in this run."""
    notes, applied = Notes(), Applied()
    rows, site_url = [], context.client.credentials.site_url
    for node in nodes:
        try:
            rows.append(product_node_row(node, notes, site_url=site_url, now=context.now))
        except Unusable as error:
            applied.skip(f"Product {node.id}", str(error))
    for bad in nodes.bad:
        applied.fail(f"Product {bad.id}", bad.message)
    applied.issues += notes.issues
    shown = {kind: set(numbers) for kind, numbers in context.place(CatalogPlace).shown.items()}
    return [row for row in rows if row["productable_id"] not in shown[row["productable_type"]]], applied


def _pull_one(context: RunContext, product: Product) -> None:
    """The product itself, then its courses (bundle) or its curriculum (course)."""
    if product.thinkific_id is not None and product.source == Product.Source.REST:
        notes, rows, gone = Notes(), [], False
        try:
            found = context.client.rest.get_product(product.thinkific_id)
            rows = [product_row(found, notes, site_url=context.client.credentials.site_url, now=context.now)]
        except NotFound:
            gone = True

        def write() -> None:
            context.run.fetched += len(rows)
            context.count(apply_products(rows, source=context.source))
            if gone:
                context.run.removed += REMOVE([product.pk], source=context.source, now=context.now)
                context.note(str(product), "It is no longer in Thinkific, and is marked as removed.")

        context.store(write)
        if gone:
            return
    if product.is_bundle:
        _pull_bundles(context, [product])
    else:
        pull_course_content(context, product)
