"""The headers that tell a browser what it may do: on every answer, whoever gives it."""

import pytest
from csp.decorators import csp_update
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import HttpResponse
from django.test import Client, override_settings
from django.urls import path

from project.middleware import policy
from project.unfold import theme

pytestmark = pytest.mark.once
STRICT = "default-src 'none'"


def boom(request):
    raise {"403": PermissionDenied, "400": SuspiciousOperation}.get(request.GET.get("as"), RuntimeError)


@csp_update({"script-src": ["'self'"]})
def page_of_its_own(request):
    return HttpResponse("ok")


urlpatterns = [path("boom/", boom), path("own/", page_of_its_own)]


def directives(response) -> dict[str, list[str]]:
    return {part.split()[0]: part.split()[1:] for part in response["Content-Security-Policy"].split("; ")}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("method", "address"),
    [
        ("get", "/healthz"),
        ("get", "/readyz"),
        ("post", "/healthz"),
        ("get", "/"),
        ("post", "/webhooks/thinkific/"),
        ("get", "/webhooks/thinkific/"),
        ("get", "/nothing-here/"),
        ("get", "/api/nothing-here/"),
    ],
)
def test_whatever_is_no_screen_may_do_nothing(client, method, address):
    response = getattr(client, method)(address)

    allowed = directives(response)
    assert allowed.pop("style-src") == [policy.style_of_error_pages()]
    assert allowed.pop("img-src") == ["'self'"]  # the icon
    assert set(allowed) == {"default-src", "base-uri", "form-action", "frame-ancestors", "object-src"}
    assert all(value == ["'none'"] for value in allowed.values())
    assert response["X-Content-Type-Options"] == "nosniff"
    assert "camera=()" in response["Permissions-Policy"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "address", ["/admin/login/", "/admin/password/forgotten/", "/admin/", "/admin/none/"]
)
def test_screens_run_only_scripts_of_ours(client, address):
    allowed = directives(client.get(address))

    assert allowed["script-src"] == ["'self'", "'unsafe-eval'"]
    assert "'unsafe-inline'" not in allowed["style-src-elem"]
    assert allowed["frame-ancestors"] == allowed["object-src"] == allowed["base-uri"] == ["'none'"]
    assert allowed["form-action"] == ["'self'"]
    assert not any(
        "//" in source or source in ("*", "https:") for sources in allowed.values() for source in sources
    )


@pytest.mark.django_db
@override_settings(ROOT_URLCONF="tests.project.middleware.test_policy")
@pytest.mark.parametrize(("address", "status"), [("", 500), ("?as=403", 403), ("?as=400", 400)])
def test_an_error_is_told_the_same(address, status):
    response = Client(raise_request_exception=False).get(f"/boom/{address}")

    assert response.status_code == status
    assert directives(response)["default-src"] == ["'none'"]
    assert b"<style>" in response.content


@override_settings(ALLOWED_HOSTS=["dashboard.example.com"])
def test_a_host_that_is_none_of_ours_is_told_the_same(client):
    response = client.get("/admin/")

    assert response.status_code == 400
    assert response["Content-Security-Policy"]


@override_settings(ROOT_URLCONF="tests.project.middleware.test_policy")
def test_a_view_can_have_a_policy_of_its_own(client):
    allowed = directives(client.get("/own/"))

    assert allowed["script-src"] == ["'self'"]
    assert allowed["default-src"] == ["'none'"]


@pytest.mark.django_db
def test_windows_of_other_sites_learn_nothing(client):
    response = client.get("/admin/login/")

    assert response["Cross-Origin-Opener-Policy"] == "same-origin"
    assert response["Referrer-Policy"] == "same-origin"
    assert response["X-Frame-Options"] == "DENY"


def test_the_colours_are_written_to_their_file():
    assert theme.FILE.read_text() == theme.rendered(), "Run python -m project.unfold.theme."


@pytest.mark.django_db
def test_no_screen_has_a_script_or_a_style_in_it(signed_in, root):
    for address in (
        "/admin/",
        "/admin/tools/",
        "/admin/core/user/",
        "/admin/login/",
    ):
        page = signed_in(root).get(address, follow=True).content.decode()
        assert "<style" not in page
        inline = [
            part.split(">")[0] for part in page.split("<script")[1:] if "src=" not in part.split(">")[0]
        ]
        assert [tag for tag in inline if "application/json" not in tag] == []
