import pytest


def test_a_list_comes_in_pages_of_at_most_250_with_its_totals(make_sandbox, call):
    assert len(call.get("/enrollments", limit=1000)["items"]) == 240  # all of them

    first = call.get("/users")
    assert len(first["items"]) == 25
    assert first["meta"]["pagination"] == {
        "current_page": 1,
        "next_page": 2,
        "prev_page": None,
        "total_pages": 3,
        "total_items": 60,
        "entries_info": "1-25 of 60",
    }
    last = call.get("/users", page=3)["meta"]["pagination"]
    assert (last["next_page"], last["prev_page"], last["entries_info"]) == (None, 2, "51-60 of 60")


def test_a_page_after_the_last_is_empty_not_an_error(call):
    answer = call.get("/users", page=9)

    assert answer["items"] == []
    assert answer["meta"]["pagination"]["next_page"] is None


def test_no_limit_above_250_is_honoured(make_sandbox, call):
    call.sandbox.site.write("touch_enrollments", count=0)
    for _ in range(300):
        call.sandbox.site.write("put", kind="users", row={})

    assert len(call.get("/users", limit=1000)["items"]) == 250


def test_users_are_filtered_by_all_that_is_documented(call, sandbox):
    northfield = sandbox.site.group_named("Northfield Logistics")["id"]
    someone = sandbox.site.users[next(iter(sandbox.site.members[northfield]))]

    by_email = call.get("/users", **{"query[email]": someone.email.upper()})["items"]
    assert [u["id"] for u in by_email] == [someone.id]
    members = call.all("/users", **{"query[group_id]": northfield})
    assert {u["id"] for u in members} == set(sandbox.site.members[northfield])
    both = call.get("/users", **{"query[group_id]": northfield + 1, "query[email]": someone.email})
    assert both["items"] == []
    assert {u["roles"][0] for u in call.all("/users", **{"query[role]": "group_analyst"})} == {
        "group_analyst"
    }
    region = {"query[custom_profile_field_label]": "Region", "query[custom_profile_field_value]": "APAC"}
    found = call.all("/users", **region)
    assert found
    assert all(u["custom_profile_fields"][0]["value"] == "APAC" for u in found)


@pytest.mark.parametrize("plain", ["user_id", "email", "query[nothing]"])
def test_what_is_no_filter_is_ignored(call, plain):
    assert call.get("/enrollments", **{plain: "1"})["meta"]["pagination"]["total_items"] == 240


def test_an_unknown_value_of_a_filter_finds_nothing_and_is_no_error(call):
    assert call.get("/users", **{"query[email]": "nobody@example.org"})["items"] == []
    assert call.get("/users", **{"query[group_id]": "1"})["items"] == []
    assert call.get("/enrollments", **{"query[user_id]": "1"})["items"] == []


def test_enrollments_changed_after_a_moment_are_those_and_the_moment_is_exclusive(call, sandbox):
    everything = sorted(call.all("/enrollments"), key=lambda e: e["updated_at"])
    moment = everything[100]["updated_at"]

    found = call.all("/enrollments", **{"query[updated_after]": moment})

    assert {e["id"] for e in found} == {e["id"] for e in everything if e["updated_at"] > moment}
    assert everything[100]["id"] not in {e["id"] for e in found}


def test_date_filters_combine_and_a_bare_date_is_a_whole_day(call):
    everything = call.all("/enrollments")
    day = everything[0]["created_at"][:10]

    on = call.all("/enrollments", **{"query[created_on]": day})
    assert {e["id"] for e in on} == {e["id"] for e in everything if e["created_at"][:10] == day}
    before = call.all("/enrollments", **{"query[created_on_or_before]": day, "query[completed]": "true"})
    assert {e["id"] for e in before} == {
        e["id"] for e in everything if e["created_at"][:10] <= day and e["completed"]
    }
    assert call("GET", "/enrollments", params={"query[updated_after]": "yesterday"}).status_code == 400


def test_expired_is_computed_when_it_is_read(call, sandbox):
    row = next(e for e in call.all("/enrollments") if not e["expired"] and e["expiry_date"])
    expired_before = len(call.all("/enrollments", **{"query[expired]": "true"}))

    sandbox.site.clock.advance(10 * 365 * 86400)

    assert call.get(f"/enrollments/{row['id']}")["expired"] is True
    assert len(call.all("/enrollments", **{"query[expired]": "true"})) > expired_before


def test_rows_of_a_bundle_are_the_course_enrollments_of_its_holders(call, sandbox):
    bundle_id = next(b for b, holders in sandbox.site.holders.items() if holders)
    courses = call.get(f"/bundles/{bundle_id}")["course_ids"]

    rows = call.all(f"/bundles/{bundle_id}/enrollments")

    assert {r["user_id"] for r in rows} == set(sandbox.site.holders[bundle_id])
    assert {r["course_id"] for r in rows} <= set(courses)
    one = rows[0]["user_id"]
    assert {
        r["user_id"] for r in call.all(f"/bundles/{bundle_id}/enrollments", **{"query[user_id]": one})
    } == {one}


def test_courses_of_the_newer_builder_are_nowhere_in_rest_but_enrollments_name_them(call, sandbox):
    hidden = next(iter(sandbox.site.builder_courses))
    course = sandbox.site.courses[hidden]

    assert hidden not in {c["id"] for c in call.all("/courses")}
    assert hidden not in {
        p["productable_id"] for p in call.all("/products") if p["productable_type"] == "Course"
    }
    assert call("GET", f"/courses/{hidden}").status_code == 404
    assert call("GET", f"/chapters/{course['chapter_ids'][0]}").status_code == 404
    assert call("GET", f"/products/{course['product_id']}").status_code == 404
    assert hidden in {e["course_id"] for e in call.all("/enrollments")}


def test_the_curriculum_can_be_walked_down(call):
    course = call.get("/courses")["items"][0]
    chapters = call.all(f"/courses/{course['id']}/chapters")
    contents = call.all(f"/chapters/{chapters[0]['id']}/contents")

    assert [c["id"] for c in chapters] == course["chapter_ids"]
    assert [c["id"] for c in contents] == chapters[0]["content_ids"]
    assert contents[-1]["contentable_type"] == "Quiz"
    assert call.get(f"/contents/{contents[0]['id']}")["chapter_id"] == chapters[0]["id"]


def test_product_and_bundle_ids_are_other_numbers_than_course_ids(call):
    products = call.all("/products")

    bundle = next(p for p in products if p["productable_type"] == "Bundle")
    assert call.get(f"/bundles/{bundle['productable_id']}")["name"] == bundle["name"]
    assert call("GET", f"/bundles/{bundle['id']}").status_code == 404
    # a number that is a course's and a bundle's: only the type tells them apart
    assert bundle["productable_id"] in {c["id"] for c in call.all("/courses")}
    assert all(isinstance(p["price"], str) for p in products)
