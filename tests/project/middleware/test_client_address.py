import json
import logging

import pytest
from axes.models import AccessAttempt
from django.http import HttpResponse
from django.test import Client, RequestFactory

from project.middleware import client_address
from tests.project.test_logs import lines
from tests.project.test_settings import PRODUCTION, start
from tests.project.test_settings import settings as settings_with

__all__ = ["lines"]


def seen(peer, forwarded=None, **more):
    headers = {} if forwarded is None else {"HTTP_X_FORWARDED_FOR": forwarded}
    request = RequestFactory().get("/", REMOTE_ADDR=peer, **headers, **more)
    client_address.settle(lambda request: HttpResponse())(request)
    return request.META["REMOTE_ADDR"], client_address.network_of(request)


def test_without_a_proxy_the_header_says_nothing():
    assert seen("192.0.2.1", "198.51.100.1")[0] == "192.0.2.1"
    assert (
        seen("192.0.2.1", HTTP_X_REAL_IP="198.51.100.1", HTTP_FORWARDED="for=198.51.100.1")[0] == "192.0.2.1"
    )


@pytest.mark.parametrize(
    ("proxies", "forwarded", "client"),
    [
        (1, "198.51.100.7", "198.51.100.7"),
        (1, "forged, 198.51.100.7", "198.51.100.7"),
        (1, "1.1.1.1, 2.2.2.2 , 198.51.100.7", "198.51.100.7"),
        (2, "1.1.1.1, 198.51.100.7, 10.0.0.2", "198.51.100.7"),
        (2, "198.51.100.7", "10.0.0.1"),  # came past a proxy: nothing in it is ours
        (1, "", "10.0.0.1"),
        (1, None, "10.0.0.1"),
        (1, "198.51.100.7, nonsense", "10.0.0.1"),
        (1, "198.51.100.7:5050", "198.51.100.7"),
        (1, "[2001:db8::7]:5050", "2001:db8::7"),
        (1, "2001:db8::7", "2001:db8::7"),
        (1, "::ffff:198.51.100.7", "198.51.100.7"),
    ],
)
def test_behind_proxies_only_what_they_added_counts(settings, proxies, forwarded, client):
    settings.PROXY_COUNT = proxies

    assert seen("10.0.0.1", forwarded)[0] == client


@pytest.mark.parametrize(
    ("peer", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::"),
        ("", None),  # a Unix socket
    ],
)
def test_a_network_is_what_one_subscriber_has(peer, network):
    assert seen(peer)[1] == network


@pytest.mark.once
def test_the_settings_read_the_number_of_proxies():
    assert settings_with(PRODUCTION | {"BEHIND_PROXY": "0", "PROXY_COUNT": "3"})["PROXY_COUNT"] == 0
    assert settings_with(PRODUCTION | {"BEHIND_PROXY": "1"})["PROXY_COUNT"] == 1
    assert settings_with(PRODUCTION | {"BEHIND_PROXY": "1", "PROXY_COUNT": "2"})["PROXY_COUNT"] == 2
    refused = start(PRODUCTION | {"BEHIND_PROXY": "1", "PROXY_COUNT": "0"})
    assert refused.returncode != 0 and "PROXY_COUNT has to be 1 or more" in refused.stderr


@pytest.mark.django_db
def test_a_forged_header_buys_no_tries():
    for number in range(11):
        answer = Client().post(
            "/admin/login/",
            {"username": f"{number}@x.example", "password": "x"},
            headers={"x-forwarded-for": f"198.51.100.{number}", "x-real-ip": f"198.51.100.{number}"},
        )
    assert answer.status_code == 200
    assert set(AccessAttempt.objects.values_list("ip_address", flat=True)) == {"127.0.0.1"}


@pytest.mark.django_db
def test_behind_a_proxy_clients_are_told_apart(settings):
    settings.PROXY_COUNT = 1
    for number in range(3):
        Client().post(
            "/admin/login/",
            {"username": "x@x.example", "password": "x"},
            headers={"x-forwarded-for": f"forged, 198.51.100.{number}"},
        )
    assert AccessAttempt.objects.filter(ip_address__startswith="198.51.100.").count() == 3


@pytest.mark.django_db
def test_lines_name_the_address_that_was_settled(lines, monkeypatch):
    monkeypatch.setattr(
        "django.views.generic.RedirectView.get_redirect_url",
        lambda *a, **k: logging.getLogger("core").info("Hm"),
    )
    Client().get("/", headers={"x-forwarded-for": "198.51.100.7"})

    assert "198.51.100.7" not in json.dumps(lines())
    assert next(line for line in lines() if line["event"] == "Hm")["ip"] == "127.0.0.1"
