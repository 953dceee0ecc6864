"""The requests of two public clients, one after the other, with every field that they read.

Airbyte's source-thinkific (its manifest) and the REST part of the SDK by the makers of the commercial
dashboard (MCKLtech/thinkific-saloon); its GraphQL part is in test_public_graphql.py.
"""

import pytest
import requests

from integrations.thinkific.sandbox import Scale

TEXT, NUMBER, FLAG, LIST = (str,), (int, float), (bool,), (list,)
PER_PAGE = 250

# stream: (path, where the records are, is page sent with the first request, parent and parameter)
STREAMS = {
    "courses": ("/courses", "items", False, None),
    "users": ("/users", None, True, None),
    "promotions": ("/promotions", "items", False, None),
    "categories": ("/collections", "items", False, None),
    "reviews": ("/course_reviews", "items", False, ("courses", "course_id")),
    "enrollments": ("/enrollments", "items", False, None),
    "groups": ("/groups", "items", False, None),
    "instructors": ("/instructors", "items", False, None),
    "orders": ("/orders", "items", False, None),
    "products": ("/products", "items", False, None),
    "coupons": ("/coupons", "items", False, ("promotions", "promotion_id")),
}
TYPES = {
    "courses": {
        TEXT: "banner_image_url contact_information course_card_image_url name slug",
        NUMBER: "id instructor_id product_id user_id",
        FLAG: "reviews_enabled",
        LIST: "administrator_user_ids chapter_ids",
    },
    "users": {LIST: "items"},
    "promotions": {TEXT: "amount created_at discount_type name", NUMBER: "id", LIST: "coupon_ids"},
    "categories": {TEXT: "created_at name slug", NUMBER: "id", FLAG: "default", LIST: "product_ids"},
    "reviews": {
        TEXT: "created_at review_text title",
        NUMBER: "id course_id rating user_id",
        FLAG: "approved",
    },
    "enrollments": {
        TEXT: "activated_at completed_at course_name created_at percentage_completed started_at updated_at "
        "user_email user_name",
        NUMBER: "id course_id user_id",
        FLAG: "completed expired is_free_trial",
    },
    "groups": {TEXT: "created_at name token", NUMBER: "id"},
    "instructors": {TEXT: "avatar_url created_at email first_name last_name slug", NUMBER: "id user_id"},
    "orders": {
        TEXT: "amount_dollars created_at product_name status user_email user_name",
        NUMBER: "id amount_cents product_id user_id",
        FLAG: "subscription",
        LIST: "items",
    },
    "products": {
        TEXT: "card_image_url created_at instructor_names name price productable_type slug status",
        NUMBER: "id position productable_id",
        FLAG: "has_certificate hidden private subscription",
        LIST: "collection_ids product_prices related_product_ids",
    },
    "coupons": {TEXT: "code created_at", NUMBER: "id promotion_id quantity quantity_used"},
}


@pytest.fixture
def site(make_sandbox):
    return make_sandbox(Scale(users=90))


@pytest.fixture
def ask(site):
    def ask(path, base="/api/public/v1", headers=None, **query):
        answer = requests.get(site.url + base + path, params=query, headers=headers or site.auth, timeout=10)
        assert answer.status_code == 200, (path, query, answer.text)
        return answer.json()

    return ask


def airbyte(ask, stream):
    """As its paginator does it: on to the next page while one is full."""
    path, where, numbered, parent = STREAMS[stream]
    parents = [{parent[1]: row["id"]} for row in airbyte(ask, parent[0])] if parent else [{}]
    found = []
    for query in parents:
        page = {"page": 1} if numbered else {}
        while True:
            body = ask(path, limit=PER_PAGE, **query, **page)
            records = [body] if where is None else body[where]
            found += records
            if len(records) < PER_PAGE:
                break
            page = {"page": page.get("page", 1) + 1}
    return found


def test_every_stream_of_airbyte_is_read_to_its_end_with_the_types_of_its_schema(ask, site):
    found = {stream: airbyte(ask, stream) for stream in STREAMS}

    for stream, records in found.items():
        assert records, stream
        for types, names in TYPES[stream].items():
            for name in names.split():
                for record in records:
                    assert record[name] is None or isinstance(record[name], types), (stream, name)
        if stream != "users":
            assert len({record["id"] for record in records}) == len(records), stream
    assert len(found["enrollments"]) == len(site.site.enrollments) > PER_PAGE
    assert len(found["users"][0]["items"]) == len(site.site.users)
    assert len(found["coupons"]) == len(site.site.coupons)
    assert len(found["reviews"]) == len(site.site.reviews)


USER = (
    "id first_name last_name email roles avatar_url bio company headline external_source affiliate_code "
    "affiliate_commission affiliate_commission_type affiliate_payout_email custom_profile_fields"
)
ENROLLMENT = (
    "id user_email user_name user_id course_name course_id percentage_completed expired is_free_trial "
    "completed started_at activated_at completed_at updated_at expiry_date"
)
COURSE = (
    "id name slug subtitle product_id description course_card_text intro_video_youtube contact_information "
    "keywords duration banner_image_url course_card_image_url intro_video_wistia_identifier "
    "administrator_user_ids chapter_ids reviews_enabled user_id instructor_id"
)
PRODUCT = (
    "id created_at productable_id productable_type price position status name private hidden subscription "
    "days_until_expiry has_certificate keywords seo_title seo_description collection_ids "
    "related_product_ids description card_image_url slug product_prices"
)
ORDER = (
    "id created_at user_id user_email user_name product_name product_id amount_dollars amount_cents "
    "subscription coupon_code coupon_id affiliate_referral_code status items"
)
BUNDLE = "id name description banner_image_url course_ids bundle_card_image_url tagline"
CHAPTER = "id name position description duration_in_seconds content_ids"
PROMOTION = "id name description starts_at expires_at discount_type amount coupon_ids product_ids duration"
COUPON = "id code note quantity_used quantity promotion_id created_at"
REVIEW = "id rating title review_text user_id course_id approved created_at"
INSTRUCTOR = "id user_id title first_name last_name bio slug avatar_url email created_at"
GROUP = "id name token created_at"
CONTENT = "id name position chapter_id contentable_type free take_url"
DEFINITION = "id label field_type required"
WEBHOOK = "id status topic created_at created_by updated_at updated_by target_url"


def saloon(ask, path, fields, **query):
    """Its paginator: page after page until `next_page` is null; each row becomes an object of its fields."""
    rows, page = [], 1
    while page:
        body = ask(path, page=page, limit=query.pop("limit", 100), **query)
        rows += body["items"]
        page = body["meta"]["pagination"]["next_page"]
        assert body["meta"]["pagination"]["total_pages"] >= 1
    for row in rows:
        assert set(fields.split()) <= set(row), path
    return rows


def test_the_lists_of_the_sdk_are_read_to_their_end(ask, site):
    users = saloon(ask, "/users", USER)
    enrollments = saloon(ask, "/enrollments", ENROLLMENT)
    courses = saloon(ask, "/courses", COURSE)
    products = saloon(ask, "/products", PRODUCT)
    groups = saloon(ask, "/groups", GROUP)
    promotions = saloon(ask, "/promotions", PROMOTION)

    assert [len(rows) for rows in (users, enrollments)] == [len(site.site.users), len(site.site.enrollments)]
    user, course = users[3], next(c for c in courses if c["reviews_enabled"])
    assert [u["id"] for u in saloon(ask, "/users", USER, limit=1, **{"query[email]": user["email"]})] == [
        user["id"]
    ]
    assert saloon(ask, "/users", USER, **{"query[group_id]": groups[0]["id"]})
    held = enrollments[0]
    for name, value in (("user_id", held["user_id"]), ("email", held["user_email"])):
        wanted = {f"query[{name}]": value, "query[course_id]": held["course_id"]}
        assert held["id"] in {row["id"] for row in saloon(ask, "/enrollments", ENROLLMENT, **wanted)}
    assert saloon(ask, "/coupons", COUPON, promotion_id=promotions[0]["id"])
    reviews = saloon(ask, "/course_reviews", REVIEW, course_id=course["id"])
    approved = saloon(ask, "/course_reviews", REVIEW, course_id=course["id"], approved=1)
    assert approved == [review for review in reviews if review["approved"]] != reviews
    assert saloon(ask, "/instructors", INSTRUCTOR)
    assert saloon(ask, "/orders", ORDER)
    assert saloon(ask, "/custom_profile_field_definitions", DEFINITION)
    chapters = saloon(ask, f"/courses/{course['id']}/chapters", CHAPTER)
    assert saloon(ask, f"/chapters/{chapters[0]['id']}/contents", CONTENT)
    saloon(ask, f"/products/{products[0]['id']}/related", PRODUCT)
    bundle = next(p for p in products if p["productable_type"] == "Bundle")["productable_id"]
    assert saloon(ask, f"/bundles/{bundle}/courses", COURSE)
    assert saloon(ask, f"/bundles/{bundle}/enrollments", ENROLLMENT)


def test_the_single_objects_of_the_sdk_have_the_fields_that_it_reads(ask, site):
    known = site.site
    promotion, coupon = known.promotions.listing[0], known.coupons.listing[0]
    for table, path, fields in (
        (known.users, "users", USER),
        (known.enrollments, "enrollments", ENROLLMENT),
        (known.courses, "courses", COURSE),
        (known.products, "products", PRODUCT),
        (known.bundles, "bundles", BUNDLE),
        (known.chapters, "chapters", CHAPTER),
        (known.contents, "contents", CONTENT),
        (known.promotions, "promotions", PROMOTION),
        (known.coupons, "coupons", COUPON),
        (known.reviews, "course_reviews", REVIEW),
        (known.instructors, "instructors", INSTRUCTOR),
        (known.orders, "orders", ORDER),
        (known.collections, "collections", "id name description slug created_at product_ids default"),
    ):
        assert set(fields.split()) <= set(ask(f"/{path}/{table.ids()[0]}")), path
    group = known.groups.ids()[0]
    assert set(GROUP.split()) <= set(ask(f"/groups/{group}")["group"])
    assert ask(f"/groups/{group}/analysts")["group_analysts"]
    wanted = {"product_id": promotion["product_ids"][0], "coupon_code": coupon["code"]}
    assert ask("/promotions/by_coupon", **wanted)["id"] == promotion["id"]


def test_the_sdk_lists_webhooks_with_its_bearer_token_and_the_paging_of_rest(ask, site):
    made = requests.post(
        f"{site.url}/api/v2/webhooks",
        json={"topic": "user.signup", "target_url": "https://hooks.example.org/"},
        headers=site.bearer,
        timeout=10,
    )

    body = ask("/webhooks", "/api/v2", site.bearer, page=1, limit=100)
    assert set(WEBHOOK.split()) <= set(body["items"][0])
    assert set(WEBHOOK.split()) <= set(ask(f"/webhooks/{made.json()['id']}", "/api/v2", site.bearer))
    assert "pagination" not in body["meta"]  # so that it takes this page for the last


def test_lists_that_need_a_parent_say_so(site):
    for path in ("/coupons", "/course_reviews", "/promotions/by_coupon"):
        answer = requests.get(f"{site.url}/api/public/v1{path}", headers=site.auth, timeout=10)
        assert answer.status_code == 400, path
        assert "is required" in answer.json()["error"]


def test_a_category_takes_products_in_and_gives_them_back(ask, site):
    bundles = ask("/collections")["items"][1]
    course = next(p for p in ask("/products")["items"] if p["productable_type"] == "Course")
    url = f"{site.url}/api/public/v1/collection_memberships/{bundles['id']}"

    def change(method):
        body = {"product_ids": [course["id"]]}
        status = requests.request(method, url, json=body, headers=site.auth, timeout=10).status_code
        return status, ask(f"/products/{course['id']}")["collection_ids"]

    assert change("POST") == (201, [11, bundles["id"]])
    listed = ask(f"/collections/{bundles['id']}/products")["items"]
    assert course["id"] in [product["id"] for product in listed]
    assert change("DELETE") == (204, [11])
