"""manage.py create_api_token."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from core import moments
from core.models import ApiToken
from core.services.api import tokens

pytestmark = pytest.mark.django_db


def run(*args: str) -> str:
    out = StringIO()
    call_command("create_api_token", *args, stdout=out)
    return out.getvalue().strip()


def test_it_prints_a_token_that_works(alma):
    secret = run(alma.email.upper())
    assert tokens.find(secret, now=timezone.now()).user == alma


def test_without_a_name_it_says_where_and_when(alma):
    run(alma.email)
    assert ApiToken.objects.get().name == f"Command line, {moments.day(timezone.localdate())}"


def test_json_scopes_and_an_end(mara):
    made = json.loads(
        run(
            mara.email,
            "--name",
            "Zapier",
            "--scopes",
            "products:read, students:write",
            "--days",
            "30",
            "--json",
        )
    )
    token = ApiToken.objects.get()
    assert (made["id"], made["name"], made["email"]) == (token.pk, "Zapier", mara.email)
    assert token.scopes == made["scopes"] == ["students:write", "products:read"]
    assert 29 <= (token.expires_at - token.created_at).days <= 31


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["nobody@example.com"], "Nobody has an account"),
        (["{alma}", "--scopes", "everything"], "There is no scope"),
        (["{alma}", "--name", " "], "needs a name"),
        (["{alma}", "--days", "0"], "at least 1 day"),
        (["{ana}"], "has no rights here"),
    ],
)
def test_what_is_refused(alma, ana, args, said):
    args = [arg.format(alma=alma.email, ana=ana.email) for arg in args]
    with pytest.raises(CommandError, match=said):
        run(*args)
    assert not ApiToken.objects.exists()
