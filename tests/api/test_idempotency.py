"""Idempotency keys: repeated calls get the first answer, and have no second effect."""

import hashlib
import json
from datetime import timedelta

import pytest
from django.utils import timezone

from core.models import IdempotentCall, User

pytestmark = pytest.mark.django_db
BODY = {"name": "Ada Roe", "email": "ada@shop.example", "password": "a long enough Passw0rd"}


def test_the_same_call_has_one_effect(alma, api):
    client = api(alma)
    first = client.post("users", BODY, Idempotency_Key="k1")
    again = client.post("users", BODY, Idempotency_Key="k1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert ("Idempotency-Replayed" in first, again["Idempotency-Replayed"]) == (False, "true")
    assert User.objects.filter(email=BODY["email"]).count() == 1


def test_another_body_is_a_conflict(alma, api):
    client = api(alma)
    client.post("users", BODY, Idempotency_Key="k1")
    answer = client.post("users", BODY | {"email": "bo@shop.example"}, Idempotency_Key="k1")
    assert answer.status_code == 409
    assert "new key" in answer.json()["message"]
    assert not User.objects.filter(email="bo@shop.example").exists()


def test_a_refusal_is_repeated_too(alma, api):
    client = api(alma)
    first = client.post("users", BODY | {"email": "nonsense"}, Idempotency_Key="k1")
    again = client.post("users", BODY | {"email": "nonsense"}, Idempotency_Key="k1")
    assert first.status_code == again.status_code == 422
    assert first.content == again.content


def test_a_last_slash_is_no_other_call(alma, api):
    client = api(alma)
    first = client.post("users", BODY, Idempotency_Key="k1")
    assert client.post("users/", BODY, Idempotency_Key="k1").content == first.content


def test_what_is_kept_of_a_call_is_no_plain_hash_of_it(alma, api):
    api(alma).post("users", BODY, Idempotency_Key="k1")
    said = b"\0".join([b"POST", b"/api/users", json.dumps(BODY).encode()])
    assert IdempotentCall.objects.get().digest != hashlib.sha256(said).hexdigest()


def test_keys_belong_to_the_issuer(alma, root, api):
    api(alma).post("users", BODY, Idempotency_Key="k1")
    other = api(root).post("users", BODY | {"email": "bo@shop.example"}, Idempotency_Key="k1")
    assert other.status_code == 201


def test_a_key_may_be_used_anew_after_a_day(alma, api):
    client = api(alma)
    client.post("users", BODY, Idempotency_Key="k1")
    IdempotentCall.objects.update(created_at=timezone.now() - timedelta(hours=25))
    answer = client.post("users", BODY | {"email": "bo@shop.example"}, Idempotency_Key="k1")
    assert answer.status_code == 201
    assert IdempotentCall.objects.count() == 1


@pytest.mark.parametrize("key", ["x" * 256, "a\tb"])
def test_keys_that_cannot_be_used(alma, api, key):
    assert api(alma).post("users", BODY, Idempotency_Key=key).status_code == 422
    assert not User.objects.filter(email=BODY["email"]).exists()


def test_only_posts_have_keys(alma, api):
    client = api(alma)
    made = client.post("users", BODY).json()["data"]
    client.put(f"users/{made['id']}", {"name": "One"}, Idempotency_Key="k1")
    client.put(f"users/{made['id']}", {"name": "Two"}, Idempotency_Key="k1")
    assert client.get(f"users/{made['id']}").json()["data"]["name"] == "Two"
    assert not IdempotentCall.objects.exists()


@pytest.mark.parametrize("key", ["", "  ", "x" * 256, "caf\u00e9"])
def test_a_key_that_cannot_be_used_is_named(alma, api, key):
    answer = api(alma).post("users/search", {"email": "a@b.example"}, Idempotency_Key=key)
    assert answer.status_code == 422
    assert set(answer.json()["errors"]) == {"Idempotency-Key"}
    assert answer.json()["message"].startswith("Idempotency-Key: ")
