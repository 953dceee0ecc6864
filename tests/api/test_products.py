"""Products: the list, one by its id here, and the search."""

import pytest

from core.models import Product
from tests.factories import BundleItemFactory, ProductFactory, SeatFactory

pytestmark = pytest.mark.django_db


def names(answer) -> list[str]:
    assert answer.status_code == 200, answer.json()
    return [product["name"] for product in answer.json()["data"]]


def test_one_product(alma, api):
    bundle = ProductFactory(
        productable_type=Product.Type.BUNDLE, name="Both", price="49.5", status="draft", private=True
    )
    course = ProductFactory(name="One")
    BundleItemFactory(bundle=bundle, course=course)
    shown = api(alma).get(f"products/{bundle.pk}").json()["data"]
    assert (shown["id"], shown["productable_type"], shown["price"]) == (bundle.pk, "Bundle", "49.50")
    assert shown["courses"] == [{"id": course.pk, "productable_id": course.productable_id, "name": "One"}]


@pytest.mark.parametrize("key", ["0", "999999", "9" * 30, "abc"])
def test_unknown_ids(alma, api, key):
    answer = api(alma).get(f"products/{key}")
    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/json"


def test_the_id_is_not_that_of_thinkific(alma, api):
    product = ProductFactory(thinkific_id=777001, productable_id=777002)
    assert api(alma).get("products/777001").status_code == 404
    assert api(alma).get(f"products/{product.pk}").json()["data"]["thinkific_id"] == 777001


def test_searching(alma, api):
    ProductFactory(name="Forklift 100% Safety", productable_id=41, thinkific_id=51)
    ProductFactory(name="Éclairs", productable_id=410, thinkific_id=510)
    search = api(alma).get
    assert names(search("products/search?term=forklift")) == ["Forklift 100% Safety"]
    assert names(search("products/search?term=eclair")) == ["Éclairs"]
    assert names(search("products/search?term=%25")) == ["Forklift 100% Safety"]
    assert names(search("products/search?term=_")) == []
    assert names(search("products/search?term=41")) == ["Forklift 100% Safety"]
    assert names(search("products/search?term=510")) == ["Éclairs"]
    assert names(search("products/search?term=%20")) == []
    assert search("products/search").json()["errors"] == {"term": ["This field is required."]}
    assert search("products/search?term=").status_code == 422
    assert names(search("products/search?term=" + "9" * 300)) == []


def test_pages_have_links_that_keep_the_question(alma, api):
    for number in range(5):
        ProductFactory(name=f"Course {number}")
    client = api(alma)
    page = client.get("products?per_page=2&sort=-name&page=2").json()
    assert [product["name"] for product in page["data"]] == ["Course 2", "Course 1"]
    assert page["meta"] == {
        "current_page": 2,
        "from": 3,
        "last_page": 3,
        "path": "http://testserver/api/products",
        "per_page": 2,
        "to": 4,
        "total": 5,
    }
    assert page["links"]["next"] == "http://testserver/api/products?per_page=2&sort=-name&page=3"
    assert page["links"]["prev"].endswith("page=1")
    assert names(client.get(page["links"]["next"].split("/api/")[1])) == ["Course 0"]
    beyond = client.get("products?page=99").json()
    assert (beyond["data"], beyond["meta"]["from"], beyond["links"]["next"]) == ([], None, None)


def test_cursors_walk_through_everything_once(alma, api):
    made = {ProductFactory(name=f"Same {number % 2}").pk for number in range(7)}
    client = api(alma)
    for sort in ("id", "-id", "name", "-name"):
        path, seen = f"products?cursor=&per_page=3&sort={sort}", []
        while path:
            page = client.get(path).json()
            seen += [product["id"] for product in page["data"]]
            path = page["links"]["next"] and page["links"]["next"].split("/api/")[1]
        assert len(seen) == 7
        assert set(seen) == made


@pytest.mark.parametrize(
    "query",
    [
        "page=0",
        "page=-1",
        "page=x",
        "per_page=101",
        "per_page=0",
        "cursor=x",
        "cursor=W10",
        "sort=price",
        "page=" + "9" * 30,
    ],
)
def test_bad_questions(alma, api, query):
    ProductFactory()
    answer = api(alma).get(f"products?{query}")
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == [query.split("=")[0]]


def test_a_manager_sees_the_products_of_their_seats(mara, acme, api):
    seat = SeatFactory(product=ProductFactory(name="Ours"), teams=[acme])
    other = ProductFactory(name="Theirs")
    client = api(mara)
    assert names(client.get("products")) == ["Ours"]
    assert client.get(f"products/{other.pk}").status_code == 404
    assert client.get(f"products/{seat.product_id}").status_code == 200


def test_etags(alma, api):
    product = ProductFactory()
    client = api(alma)
    tag = client.get(f"products/{product.pk}")["ETag"]
    again = client.get(f"products/{product.pk}", If_None_Match=tag)
    assert (again.status_code, again.content) == (304, b"")
    product.name = "Renamed"
    product.save()
    assert client.get(f"products/{product.pk}", If_None_Match=tag).status_code == 200


def test_queries_do_not_grow_with_rows(alma, api, django_assert_num_queries):
    def ask(client):
        for _ in range(3):
            BundleItemFactory(bundle=ProductFactory(productable_type=Product.Type.BUNDLE))
        with django_assert_num_queries(4):
            client.get("products?per_page=100")

    client = api(alma)
    client.get("products")
    ask(client)
    ask(client)
