import pytest

from core.models import Product
from integrations.models import InboundEvent, SyncRun
from tests.integrations.thinkific.webhooks.conftest import envelope

Status = InboundEvent.Status


def product_of(course) -> Product:
    return Product.objects.get(productable_type=Product.Type.COURSE, productable_id=course["id"])


def test_a_new_course_arrives(connected, in_step, happened, deliver, work):
    course = connected.site.write("add_course", name="Brand new")

    deliver(happened)
    assert work() == {"processed": len(happened)}

    product = product_of(course)
    assert product.name == "Brand new"
    assert product.source == Product.Source.REST


@pytest.mark.parametrize("topic", ["course", "product"])
def test_a_new_name_arrives_by_either_topic(connected, in_step, happened, deliver, work, topic, asked):
    course = connected.site.courses.listing[0]
    connected.site.write("rename_course", course_id=course["id"], name="Another name")

    deliver([e for e in happened if e["resource"] == topic])
    work()

    assert product_of(course).name == "Another name"
    assert asked() == 1


def test_what_is_deleted_is_marked_as_removed(connected, in_step, happened, deliver, work):
    course = connected.site.courses.listing[0]
    connected.site.write("delete_course", course_id=course["id"])

    deliver(happened)
    work()

    assert product_of(course).removed_at is not None


def test_what_is_said_to_be_deleted_and_is_there_stays(connected, in_step, deliver, work):
    product = connected.site.products.listing[0]

    deliver([envelope("product.deleted", {"id": product["id"]})])
    work()

    assert Product.objects.get(thinkific_id=product["id"]).removed_at is None


def test_a_course_that_rest_does_not_show_is_left_to_a_pull(connected, in_step, happened, deliver, work):
    connected.site.write("add_course", name="Built anew", new_builder=True)

    deliver(happened)
    work()

    run = SyncRun.objects.get(status=SyncRun.Status.QUEUED)
    assert (run.kind, run.trigger) == ("products", SyncRun.Trigger.WEBHOOK)


def test_a_course_of_the_new_builder_is_not_gone_because_rest_says_so(connected, in_step, deliver, work):
    product = Product.objects.filter(source=Product.Source.GRAPHQL).first()

    deliver([envelope("product.deleted", {"id": product.thinkific_id})])
    work()

    product.refresh_from_db()
    assert product.removed_at is None
    assert SyncRun.objects.get(status=SyncRun.Status.QUEUED).kind == "products"


def test_a_bundle_comes_with_its_courses(connected, in_step, deliver, work):
    bundle = Product.objects.bundles().first()
    held = list(bundle.bundle_items.values_list("course", "position"))
    bundle.bundle_items.all().delete()

    deliver([envelope("product.updated", {"id": bundle.thinkific_id})])
    work()

    assert list(bundle.bundle_items.values_list("course", "position")) == held
    assert held


@pytest.mark.parametrize("payload", [{}, {"id": "x"}, None, []])
def test_a_product_without_an_id_is_a_failure_that_says_so(connected, deliver, work, payload):
    deliver([envelope("product.updated", payload)])

    assert work() == {"failed": 1}
