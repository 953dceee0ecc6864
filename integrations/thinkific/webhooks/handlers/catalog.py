"""The topics product.* and course.*.

Only the id of an event is used: the product is read from Thinkific. A product is marked as removed only if
Thinkific does not find it any more.
"""

from dataclasses import dataclass, field

from django.utils import timezone

from core.models import Product
from core.services.mirror.catalog import apply_products, ensure_courses, product_ids, set_bundle_courses
from core.services.mirror.table import mark_removed
from integrations.models import InboundEvent, Kind, SyncRun
from integrations.thinkific.cleaning import Notes, Unusable
from integrations.thinkific.client import schemas
from integrations.thinkific.client.credentials import Credentials
from integrations.thinkific.client.errors import NotFound, ThinkificError
from integrations.thinkific.mapping import product_row
from integrations.thinkific.pull import unread
from integrations.thinkific.webhooks import retries
from integrations.thinkific.webhooks.batch import SOURCE, Batch, problems
from integrations.thinkific.webhooks.inbox import Verdicts, Write, failed, ignored, processed
from integrations.thinkific.webhooks.payloads import Named, Unreadable, read
from integrations.thinkific.webhooks.test_events import TEST_EVENT, may_be_test_event

MANY = 25  # products to ask for one by one
BUNDLE = Product.Type.BUNDLE


@dataclass
class Work:
    found: dict[int, schemas.Product] = field(default_factory=dict)  # by Thinkific id
    contents: dict[int, list[int]] = field(default_factory=dict)  # course ids, by the bundle's id
    gone: dict[int, Product] = field(default_factory=dict)
    events: dict[int, list[InboundEvent]] = field(default_factory=dict)  # by the product's Thinkific id
    verdicts: Verdicts = field(default_factory=dict)


def prepare(events: list[InboundEvent], batch: Batch) -> Write:
    work = Work()
    unclear: list[InboundEvent] = []  # events about products that REST does not show
    told: dict[tuple[str, int], list[InboundEvent]] = {}
    for event in events:
        try:
            number = read(event.payload, Named).id
        except Unreadable as problem:
            work.verdicts[event.pk] = failed(str(problem))
            continue
        told.setdefault((event.topic.partition(".")[0], number), []).append(event)
    if len(told) > MANY:
        unclear = [event for group in told.values() for event in group]
        told = {}
    for (what, number), group in told.items():
        try:
            product_id = number if what == "product" else _product_of(number, batch)
            if product_id is None or not _ask(product_id, batch, work):
                test_events = [event for event in group if may_be_test_event(event)]
                work.verdicts |= {event.pk: ignored(TEST_EVENT) for event in test_events}
                unclear += [event for event in group if event not in test_events]
            else:
                work.events.setdefault(product_id, []).extend(group)
        except ThinkificError as error:
            work.verdicts |= {event.pk: retries.postpone(error, event.attempts) for event in group}
    if unclear:
        text = batch.pull(Kind.PRODUCTS, full=True)
        work.verdicts |= {event.pk: processed(text) for event in unclear}

    def write() -> Verdicts:
        return store(work)

    return write


def ask_for_course(course_id: int, batch: Batch, work: Work) -> bool:
    """Read the product of a course into `work`. Returns False if REST does not show the course."""
    product_id = _product_of(course_id, batch)
    return product_id is not None and _ask(product_id, batch, work)


def _product_of(course_id: int, batch: Batch) -> int | None:
    """Returns the Thinkific id of the product that sells a course; None if REST does not find the course."""
    stored = Product.objects.filter(productable_type=Product.Type.COURSE, productable_id=course_id).first()
    if stored is not None and stored.thinkific_id is not None:
        return stored.thinkific_id
    try:
        return batch.ask(batch.client.rest.get_course, course_id).product_id
    except NotFound:
        return None


def _ask(product_id: int, batch: Batch, work: Work) -> bool:
    """Read the product into `work`. Returns False if REST does not find it, but it may exist in GraphQL."""
    if product_id in work.found or product_id in work.gone:
        return True
    stored = Product.objects.filter(thinkific_id=product_id).first()
    try:
        product = batch.ask(batch.client.rest.get_product, product_id)
        if (product.productable_type or "").lower() == BUNDLE.lower() and product.productable_id:
            try:
                bundle = batch.ask(batch.client.rest.get_bundle, product.productable_id)
                work.contents[product.productable_id] = list(dict.fromkeys(bundle.course_ids or []))
            except NotFound:
                pass  # the stored courses of the bundle stay
        work.found[product_id] = product
    except NotFound:
        if stored is None or stored.source != Product.Source.REST:
            return False  # REST does not show courses of the new course builder
        work.gone[product_id] = stored
    return True


def store(work: Work) -> Verdicts:
    now, notes = timezone.now(), Notes()
    verdicts = dict(work.verdicts)
    rows, wrong = [], {}
    site_url = Credentials.from_settings().site_url
    for number, product in work.found.items():
        try:
            rows.append(product_row(product, notes, site_url=site_url, now=now))
        except Unusable as error:
            wrong[f"Product {number}"] = str(error)
    wrong |= problems(apply_products(rows, source=SOURCE))
    _store_contents(work.contents)
    mark_removed(Product, [product.pk for product in work.gone.values()], source=SOURCE, now=now)
    for number, events in work.events.items():
        problem = wrong.get(f"Product {number}")
        if number in work.gone:
            verdict = processed("No longer in Thinkific. Marked as removed.")
        else:
            verdict = failed(problem) if problem else processed("Read from Thinkific and stored.")
        verdicts |= {event.pk: verdict for event in events}
    if rows:
        unread.ask_soon(SyncRun.Trigger.WEBHOOK)
    return verdicts


def _store_contents(contents: dict[int, list[int]]) -> None:
    bundles = product_ids((BUNDLE, number) for number in contents)
    for (_, number), pk in bundles.items():
        courses = ensure_courses(dict.fromkeys(contents[number], ""))
        here = [courses[course] for course in contents[number]]
        set_bundle_courses(Product.objects.get(pk=pk), here, now=timezone.now())
