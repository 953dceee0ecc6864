import pytest

from tests.integrations.sandbox.conftest import Client

NADIA = {"email": "nadia@example.org", "first_name": "Nadia", "last_name": "Okafor"}


def test_a_user_is_created_found_changed_and_deleted(call):
    created = call(
        "POST", "/users", json=NADIA | {"external_id": "emp-1", "provider": "SSO", "password": "secret"}
    )
    user_id = created.json()["id"]

    assert created.status_code == 201
    assert call.get(f"/users/{user_id}")["full_name"] == "Nadia Okafor"
    assert call.get("/users/emp-1", provider="SSO")["id"] == user_id
    assert call.get(f"/users/{user_id}/authentications/SSO") == {"provider": "SSO", "external_id": "emp-1"}
    changed = call("PUT", f"/users/{user_id}", json={"email": "n.okafor@example.org"})
    assert (changed.status_code, changed.content) == (204, b"")
    assert call.get("/users", **{"query[email]": "n.okafor@example.org"})["items"][0]["first_name"] == "Nadia"
    assert call.get("/users", **{"query[email]": "nadia@example.org"})["items"] == []
    assert call("DELETE", f"/users/{user_id}").status_code == 204
    assert call("GET", f"/users/{user_id}").json() == {"error": "Record not found."}


@pytest.mark.parametrize(
    ("change", "errors"),
    [
        ({"last_name": ""}, {"last_name": ["can't be blank"]}),
        ({"email": "nobody"}, {"email": ["is invalid"]}),
        ({"email": "DANA.ROTH@harborlight.example"}, {"email": ["has already been taken"]}),
        ({"roles": ["king"]}, {"roles": ["is not included in the list"]}),
    ],
)
def test_a_wrong_user_is_refused_field_by_field(call, change, errors):
    answer = call("POST", "/users", json=NADIA | change)

    assert (answer.status_code, answer.json()) == (422, {"errors": errors})


def test_a_body_that_is_not_json_is_malformed(call):
    assert call("POST", "/users", data="{oops").status_code == 400


def test_an_enrollment_is_made_dated_and_never_deleted(call):
    user_id = call("POST", "/users", json=NADIA).json()["id"]
    body = {"user_id": user_id, "course_id": 3001, "activated_at": "2026-01-01T00:00:00Z"}
    row = call("POST", "/enrollments", json=body).json()

    assert (row["user_name"], row["percentage_completed"], row["is_free_trial"]) == (
        "Nadia Okafor",
        "0.0",
        False,
    )
    ended = call(
        "PUT", f"/enrollments/{row['id']}", json={"expiry_date": "2026-01-02T00:00:00Z", "completed": True}
    )
    assert ended.status_code == 204
    after = call.get(f"/enrollments/{row['id']}")
    assert (after["expired"], after["completed"]) == (True, False)
    assert after["updated_at"] > row["updated_at"]
    assert call("DELETE", f"/enrollments/{row['id']}").status_code == 404


def test_an_enrollment_without_activation_is_a_trial(call):
    user_id = call("POST", "/users", json=NADIA).json()["id"]

    assert call("POST", "/enrollments", json={"user_id": user_id, "course_id": 3001}).json()["is_free_trial"]


def test_unknown_people_and_courses_are_refused_in_a_list(call):
    answer = call("POST", "/enrollments", json={"user_id": 1, "course_id": 1})

    assert answer.status_code == 422
    assert answer.json() == {"errors": ["Course could not be found.", "User could not be found."]}


@pytest.mark.parametrize(
    ("repost", "status", "rows"), [("reject", 422, 1), ("update", 201, 1), ("duplicate", 201, 2)]
)
def test_what_a_second_enrollment_in_a_course_does_can_be_chosen(make_sandbox, repost, status, rows):
    call = Client(make_sandbox(repost=repost))
    user_id = call("POST", "/users", json=NADIA).json()["id"]
    body = {"user_id": user_id, "course_id": 3001, "activated_at": "2026-01-01T00:00:00Z"}
    call("POST", "/enrollments", json=body)

    assert call("POST", "/enrollments", json=body).status_code == status
    assert len(call.all("/enrollments", **{"query[user_id]": user_id})) == rows


def test_a_bundle_enrolls_in_all_its_courses_and_ends_them(call):
    user_id = call("POST", "/users", json=NADIA).json()["id"]
    body = {"user_id": user_id, "activated_at": "2026-01-01T00:00:00Z"}

    answer = call("POST", "/bundles/3002/enrollments", json=body)
    assert (answer.status_code, answer.content) == (201, b"")
    rows = call.all("/bundles/3002/enrollments", **{"query[user_id]": user_id})
    assert {r["course_id"] for r in rows} == set(call.get("/bundles/3002")["course_ids"])

    ended = call("PUT", "/bundles/3002/enrollments", json=body | {"expiry_date": "2026-01-02T00:00:00Z"})
    assert ended.status_code == 204
    assert all(r["expired"] for r in call.all("/bundles/3002/enrollments", **{"query[user_id]": user_id}))


def test_a_bundle_answered_with_202_shows_later(make_sandbox):
    sandbox = make_sandbox(bundle_delay=30)
    call = Client(sandbox)
    user_id = call("POST", "/users", json=NADIA).json()["id"]

    answer = call("POST", "/bundles/3002/enrollments", json={"user_id": user_id})
    assert answer.status_code == 202
    assert call.all("/bundles/3002/enrollments", **{"query[user_id]": user_id}) == []

    sandbox.site.clock.advance(31)
    assert len(call.all("/bundles/3002/enrollments", **{"query[user_id]": user_id})) == 3


def test_members_join_a_group_by_its_name(call):
    made = call("POST", "/groups", json={"name": "Night shift"})
    group = made.json()["group"]

    assert made.status_code == 201
    assert call.get(f"/groups/{group['id']}") == {"group": group}
    joined = call("POST", "/group_users", json={"user_id": 90001, "group_names": ["Night shift"]})
    assert joined.status_code == 201
    assert [u["id"] for u in call.all("/users", **{"query[group_id]": group["id"]})] == [90001]
    unknown = call("POST", "/group_users", json={"user_id": 90001, "group_names": ["night shift"]})
    assert (unknown.status_code, unknown.json()) == (422, {"errors": ["Invalid group_names"]})
    assert call("DELETE", f"/groups/{group['id']}").status_code == 204
    assert call("GET", f"/groups/{group['id']}").json() == {"error": ["Record not found."]}


def test_only_group_analysts_can_be_assigned(call, sandbox):
    group_id = sandbox.site.groups.listing[0]["id"]
    analyst, nobody = next(iter(sandbox.site.analysts[group_id + 1])), 90002

    refused = call("POST", f"/groups/{group_id}/analysts", json={"user_ids": [nobody]})
    assert (refused.status_code, refused.json()) == (422, {"errors": {"user_id": "Invalid user IDs: 90002"}})
    assert call("POST", f"/groups/{group_id}/analysts", json={"user_ids": [analyst]}).status_code == 201
    assert analyst in call.get(f"/groups/{group_id}/analysts")["group_analysts"]
    assert call("DELETE", f"/group_analysts/{analyst}/groups/{group_id}").status_code == 204
    assert analyst not in call.get(f"/groups/{group_id}/analysts")["group_analysts"]


@pytest.mark.parametrize("kept", ["take_enrollments", "leave_enrollments"])
def test_what_becomes_of_a_deleted_users_enrollments_can_be_chosen(make_sandbox, kept):
    sandbox = make_sandbox(deleted_users=kept)
    call = Client(sandbox)
    row = call.get("/enrollments")["items"][0]

    call("DELETE", f"/users/{row['user_id']}")

    answer = call("GET", f"/enrollments/{row['id']}")
    if kept == "take_enrollments":
        assert answer.status_code == 404
    else:
        assert (answer.json()["user_id"], answer.json()["user_email"]) == (row["user_id"], None)


def test_a_planted_row_goes_on_the_wire_as_it_is(call):
    strange = {
        "first_name": "\u0645\u0631\u064a\u0645" * 2500,
        "email": "Nadia@EXAMPLE.org",
        "roles": ["king"],
        "company": 7,
    }
    user_id = call("POST", "/_sandbox/write/put", json={"kind": "users", "row": strange}).json()
    nulls = {"percentage_completed": None, "user_email": None, "course_name": None, "expiry_date": None}
    row = {"user_id": user_id, "course_id": 3001, "updated_at": "2020-01-01T00:00:00.000Z"} | nulls
    row_id = call("POST", "/_sandbox/write/put", json={"kind": "enrollments", "row": row}).json()

    assert call.get(f"/users/{user_id}") | strange == call.get(f"/users/{user_id}")
    assert call.get("/users", **{"query[email]": "nadia@example.org"})["items"][0]["id"] == user_id
    assert call.get(f"/enrollments/{row_id}") | row == call.get(f"/enrollments/{row_id}")
    assert [e["id"] for e in call.all("/enrollments", **{"query[updated_before]": "2020-02-01"})] == [row_id]


def test_touched_enrollments_are_what_an_incremental_pull_finds(call, sandbox):
    before = max(e["updated_at"] for e in call.all("/enrollments"))

    touched = call("POST", "/_sandbox/write/touch_enrollments", json={"share": 0.05}).json()

    found = call.all("/enrollments", **{"query[updated_after]": before})
    assert len(touched) == 12
    assert {e["id"] for e in found} == set(touched)
