"""Who may call what: every operation of the schema, with every kind of token."""

import json
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from django.db import transaction
from django.utils import timezone

from core.errors import Refusal
from core.models import ApiToken, Membership, Seat, User
from core.services.api import tokens
from core.services.api.scopes import SCOPES, allows
from tests.api.whole.operations import OPERATIONS
from tests.api.whole.site import filled
from tests.factories import OrganizationFactory, ProductFactory, SeatFactory, builtin_role

pytestmark = pytest.mark.django_db
UNAUTHENTICATED = b'{"message":"Unauthenticated."}'
MISSING = 987_654_321
NO_SCOPE = ""  # any token will do

# The scope of every operation.
NEEDED = {
    "list_users": "users:read",
    "view_user": "users:read",
    "search_user": "users:read",
    "create_user": "users:write",
    "update_user": "users:write",
    "upsert_user": "users:write",
    "delete_user": "users:write",
    "assign_group": "users:write",
    "give_access": "users:write",
    "add_seats": "users:write",
    "update_expiry": "users:write",
    "list_students": "students:read",
    "view_student": "students:read",
    "upsert_student": "students:write",
    "associate_student": "students:write",
    "dissociate_student": "students:write",
    "enroll_student": "students:write",
    "update_student": "students:write",
    "delete_student": "students:write",
    "list_products": "products:read",
    "search_products": "products:read",
    "view_product": "products:read",
    "list_teams": "teams:read",
    "view_team": "teams:read",
    "list_seats": "seats:read",
    "view_seat": "seats:read",
    "list_groups": "groups:read",
    "list_enrollments": "enrollments:read",
    "view_enrollment": "enrollments:read",
    "list_quiz_results": "reports:read",
    "list_certificates": "reports:read",
    "provision": "provision:write",
    "view_job": NO_SCOPE,
}


@pytest.fixture
def rows(alma, acme, ana, mara, globex, otto):
    return filled(administrator=alma, teams=[acme, globex], students=[ana, otto])


@contextmanager
def undone():
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def each_operation():
    """Yields all operations. What a call to one of them changes is undone before the next."""
    for operation in OPERATIONS.values():
        with undone():
            yield operation


def id_of(operation, rows):
    return rows[operation.resource][0] if operation.has_id else ""


def values_of(rows):
    return {"number": rows["numbers"][0], "student": "ana@acme.example", "user": "owen@acme.example"}


def test_the_table_names_every_operation():
    assert NEEDED.keys() == OPERATIONS.keys()


# --- tokens ------------------------------------------------------------------------------------------


def no_token(client):
    client.secret = ""


def wrong_token(client):
    client.secret = tokens.START + "x" * 43


def revoked(client):
    tokens.revoke(ApiToken.objects.get())


def expired(client):
    ApiToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))


def switched_off(client):
    User.objects.filter(email="alma@academy.example").update(is_active=False)


@pytest.mark.parametrize("end", [no_token, wrong_token, revoked, expired, switched_off])
def test_without_a_token_that_works_nobody_learns_anything(alma, api, rows, end):
    client = api(alma)
    end(client)
    for operation in each_operation():
        for key in {id_of(operation, rows), MISSING if operation.has_id else ""}:
            answer = operation.call(client, id=key, values=values_of(rows))
            assert (answer.status_code, answer.content) == (401, UNAUTHENTICATED), operation.name


@pytest.mark.parametrize("scope", SCOPES)
def test_a_token_does_what_its_scope_allows(alma, api, rows, scope):
    client = api(alma, scope)
    for operation in each_operation():
        needed = NEEDED[operation.name]
        answer = operation.call(client, id=id_of(operation, rows), values=values_of(rows))
        if not needed or allows([scope], needed):
            assert answer.status_code not in (401, 403, 500), (operation.name, answer.content)
        else:
            said = f"This token may not be used for this: it lacks the scope {needed}."
            assert (answer.status_code, answer.json()) == (403, {"message": said}), operation.name


def test_a_students_account_has_no_token(ana):
    with pytest.raises(Refusal, match="no rights here"):
        tokens.issue(user=ana, name="Shop")


def test_a_token_is_worth_nothing_when_its_issuer_has_become_a_student(mara, api, rows):
    client = api(mara)
    Membership.objects.filter(user=mara).update(role=builtin_role("student"))
    for operation in each_operation():
        answer = operation.call(client, id=id_of(operation, rows), values=values_of(rows))
        assert answer.status_code in (401, 403, 404), (operation.name, answer.content)


# --- other teams -------------------------------------------------------------------------------------


@pytest.fixture
def hidden(rows, globex, otto, gwen):
    """What no manager of Acme sees: primary keys by resource, and values of fields and filters."""
    organization = OrganizationFactory()
    globex.organization = organization
    globex.save()
    product = ProductFactory(name="Globex only")
    SeatFactory(product=product, teams=[globex])
    keys = {name: found[-1] for name, found in rows.items()}
    keys |= {"users": gwen.pk, "students": otto.pk, "products": product.pk, "organizations": organization.pk}
    return Hidden(keys, {"student": otto.email, "user": gwen.email, "number": product.productable_id})


class Hidden(NamedTuple):
    keys: dict[str, Any]
    values: dict[str, Any]


# Filters of lists, and what they name.
FILTERS = {
    "student_id": "students",
    "team_id": "teams",
    "product_id": "products",
    "organization_id": "organizations",
    "productable_id": "number",
    "email": "student",
    "owner": "user",
    "user_email": "user",
}
NO_NAMES = {"page", "per_page", "cursor", "sort", "since", "updated_since", "ending_within", "fields"} | {
    *("term", "search", "product_type", "status", "passed", "active", "state", "archived")
}


def said(answer, value=""):
    """Returns an answer without the value that was asked for."""
    told = answer.json()
    told.pop("links", None)
    text = json.dumps(told, ensure_ascii=False)
    return answer.status_code, text.replace(str(value), "…") if value else text


def test_hidden_ids_in_paths_are_like_missing_ones(mara, api, rows, hidden):
    client = api(mara)
    for operation in each_operation():
        if not operation.has_id:
            continue
        secret = operation.call(client, id=hidden.keys[operation.resource], values=values_of(rows))
        missing = operation.call(client, id=MISSING, values=values_of(rows))
        assert secret.status_code in (403, 404), operation.name
        assert said(secret) == said(missing), operation.name


# An address belongs to one person, so that a new one that is taken must be refused. Whose it is stays unsaid.
NEW_ADDRESS = {"update_student", "update_user"}


@pytest.mark.parametrize(
    ("field", "missing"), [("student", "no@body.example"), ("user", "no@body.example"), ("number", MISSING)]
)
def test_hidden_values_in_bodies_are_like_missing_ones(mara, api, rows, hidden, field, missing):
    client, value = api(mara), hidden.values[field]
    for operation in each_operation():
        takes = operation.body({field: value}) != operation.example
        if not takes or (operation.name in NEW_ADDRESS and field == "student"):
            continue
        with undone():
            one = said(_with(operation, client, rows, {field: value}), value)
        assert one == said(_with(operation, client, rows, {field: missing}), missing), operation.name


def _with(operation, client, rows, values):
    return operation.call(client, id=id_of(operation, rows), values=values_of(rows) | values)


def test_a_new_address_that_somebody_hidden_has_is_refused_without_their_name(mara, api, rows, hidden):
    for name, key in (("update_student", rows["students"][0]), ("update_user", mara.pk)):
        values = {"student": hidden.values["student"]}
        answer = OPERATIONS[name].call(api(mara), id=key, values=values)
        assert answer.status_code == 422, name
        assert "cannot be used here" in answer.json()["errors"]["email"][0]
        assert "Otto" not in answer.content.decode()


def test_hidden_values_in_filters_are_like_missing_ones(mara, api, rows, hidden):
    client = api(mara)
    for operation in each_operation():
        for name in operation.filters:
            if name in NO_NAMES:
                continue
            kind = FILTERS[name]
            value = (hidden.keys | hidden.values)[kind]
            missing = "no@body.example" if "@" in str(value) else MISSING
            one = operation.call(client, query=f"{name}={value}")
            assert one.status_code == 200, (operation.name, name, one.content)
            other = operation.call(client, query=f"{name}={missing}")
            assert said(one) == said(other), (operation.name, name)


def test_lists_name_nobody_of_other_teams(mara, api, rows, hidden):
    client = api(mara)
    for operation in each_operation():
        if operation.method == "GET" and not operation.has_id:
            shown = operation.call(client, query="per_page=100")
            assert shown.status_code == 200, operation.name
            for text in ("globex", "Globex", "Otto", "Gwen"):
                assert text not in shown.content.decode(), operation.name


# --- what managers may not do ------------------------------------------------------------------------


def test_a_managers_token_makes_no_users_and_changes_no_seats(mara, api, rows):
    client = api(mara)
    for name in ("create_user", "upsert_user", "give_access", "add_seats", "provision"):
        before = [*Seat.objects.order_by("pk").values()], User.objects.count()
        new = values_of(rows) | {"student": "new.person@acme.example"}
        answer = OPERATIONS[name].call(client, id=rows["users"][0], values=new)
        assert answer.status_code == 403, (name, answer.content)
        assert ([*Seat.objects.order_by("pk").values()], User.objects.count()) == before
