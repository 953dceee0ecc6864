"""Where deliveries may not go, at saving and at sending."""

import socket
import time

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError

from core.errors import Refusal
from core.models import WebhookDelivery, WebhookEndpoint
from core.services.webhooks import addresses, endpoints, post, sending
from core.services.webhooks.addresses import BadAddress, NotFound
from tests.factories import WebhookDeliveryFactory
from tests.receivers import receiver

PUBLIC = "93.184.216.34"


@pytest.fixture
def loopback_allowed(settings):
    """Overrides the one of the folder: as in production."""
    settings.WEBHOOKS_ALLOW_LOOPBACK = False


@pytest.fixture(autouse=True)
def as_in_production(loopback_allowed):
    pass


@pytest.fixture
def dns(monkeypatch):
    """Answers of DNS by host, each a list of addresses, or of lists that are answered one after the other."""
    known: dict[str, list] = {}
    addresses._checked.clear()
    real = socket.getaddrinfo

    def lookup(host, port, *args, **kwargs):
        if host not in known:
            if host[0].isdigit() or ":" in host:
                return real(host, port, *args, **kwargs)
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        found = known[host]
        if isinstance(found[0], list):
            found = known[host].pop(0) if len(known[host]) > 1 else known[host][0]
        families = {True: socket.AF_INET6, False: socket.AF_INET}
        return [
            (
                families[":" in one],
                socket.SOCK_STREAM,
                6,
                "",
                (one, port, 0, 0) if ":" in one else (one, port),
            )
            for one in found
        ]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    return known


NOT_PUBLIC = [
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254",
    "100.64.0.1", "100.100.100.200", "192.0.0.192", "192.0.2.1", "198.18.0.1", "203.0.113.9", "224.0.0.1",
    "239.1.1.1", "240.0.0.1", "255.255.255.255", "192.88.99.1", "168.63.129.16", "::1", "::", "fe80::1",
    "fc00::1", "fd00:ec2::254", "ff02::1", "::ffff:127.0.0.1", "::ffff:93.184.216.34", "::ffff:10.0.0.1",
    "64:ff9b::7f00:1", "64:ff9b::5db8:d822", "64:ff9b:1::1", "2002:7f00:1::1", "2001:0:1::1", "2001:db8::1",
    "::127.0.0.1", "fec0::1", "3fff::1", "5f00::1",
]  # fmt: skip


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_addresses_that_are_not_public(address, dns):
    assert not addresses.is_public(address)
    dns["hooks.example.com"] = [address]
    with pytest.raises(BadAddress, match="is not a public address"):
        addresses.check("https://hooks.example.com/x")
    literal = f"[{address}]" if ":" in address else address
    with pytest.raises(BadAddress):
        addresses.check(f"https://{literal}/x")


@pytest.mark.parametrize("address", [PUBLIC, "8.8.8.8", "1.1.1.1", "2606:2800:220:1::1", "2a00:1450:4001::1"])
def test_addresses_that_are(address):
    assert addresses.is_public(address)


def test_one_address_that_is_not_public_is_enough(dns):
    dns["hooks.example.com"] = [PUBLIC, "10.0.0.1"]
    with pytest.raises(BadAddress, match=r"hooks\.example\.com leads to 10\.0\.0\.1, which is not"):
        addresses.check("https://hooks.example.com/")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://hooks.example.com/", "has to begin with https"),
        ("ftp://hooks.example.com/", "beginning with https"),
        ("hooks.example.com/x", "beginning with https"),
        ("https:///x", "beginning with https"),
        ("https://ana:pw@hooks.example.com/", "user name or password"),
        ("https://@hooks.example.com/", "user name or password"),
        ("https://hooks.example.com:22/", "Port 22 is not allowed"),
        ("https://hooks.example.com:99999/", "not an address"),
        ("https://hooks.example.com:x/", "not an address"),
        ("https://hooks.example.com\\@10.0.0.1/", "not an address"),
        ("https://hooks.example.com/a b", "not an address"),
        ("https://hooks.example.com/\r\nX: y", "not an address"),
        ("https://2130706433/", "not a host"),
        ("https://0x7f000001/", "not a host"),
        ("https://0177.0.0.1/", "not a host"),
        ("https://127.1/", "not a host"),
        ("https://127.0.0.1./", "not a public"),
        ("https://[fe80::1%25eth0]/", "not a host"),
        ("https://[::1]/", "not a public"),
        ("https://localhost/", "There is no host localhost"),
        ("https://xn--a/", "not the name of a host"),
        ("https://a..b.example/", "not the name of a host"),
        ("https://" + "a" * 3000, "not an address"),
    ],
)
def test_what_is_refused_and_why(url, said, dns):
    with pytest.raises(BadAddress, match=said):
        addresses.check(url)


def test_what_is_stored(dns):
    dns["hooks.example.com"] = dns["xn--bcher-kva.example"] = [PUBLIC]

    assert addresses.check("https://Hooks.Example.com") == "https://hooks.example.com/"
    assert addresses.check(" https://hooks.example.com:443/a?b=c#d ") == "https://hooks.example.com/a?b=c"
    assert addresses.check("https://hooks.example.com:8443/ä?ö=ü") == (
        "https://hooks.example.com:8443/%C3%A4?%C3%B6=%C3%BC"
    )
    assert addresses.check("https://bücher.example/x") == "https://xn--bcher-kva.example/x"
    assert addresses.check("https://hooks.example.com./x") == "https://hooks.example.com/x"


def test_a_host_that_does_not_exist_and_a_slow_resolver(dns, monkeypatch):
    with pytest.raises(NotFound, match=r"There is no host nowhere\.example"):
        addresses.check("https://nowhere.example/")
    monkeypatch.setattr(addresses, "RESOLVE_SECONDS", 0.05)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: time.sleep(1))
    with pytest.raises(NotFound, match="in time"):
        addresses.check("https://slow.example/")


@pytest.mark.django_db
def test_an_endpoint_with_such_an_address_is_not_made(alma, dns):
    dns["intern.example"] = ["10.0.0.7"]
    with pytest.raises(Refusal, match="not a public address"):
        endpoints.create(url="https://intern.example/", events=["*"], by=alma)
    assert not WebhookEndpoint.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_name_that_leads_elsewhere_by_now_is_not_connected_to(alma, dns):
    """DNS rebinding: public while it is saved, this machine while it is sent."""
    with receiver() as victim:
        dns["rebinding.example"] = [[PUBLIC], ["127.0.0.1"]]
        endpoint, _ = endpoints.create(url=f"https://rebinding.example:{victim.port}/", events=["*"], by=alma)
        delivery = WebhookDeliveryFactory(endpoint=endpoint)

        sending.send_due(seconds=0.5)

        assert victim.received == []
    delivery.refresh_from_db()
    assert delivery.status == WebhookDelivery.Status.PENDING
    assert delivery.error.startswith("Not sent: rebinding.example leads to 127.0.0.1, which is not")


def test_the_connection_goes_to_the_address_that_was_checked(dns, settings):
    """The name is looked up once for a request: an answer in between does not count. Host stays the name."""
    settings.WEBHOOKS_ALLOW_LOOPBACK = settings.DEBUG = True
    with receiver() as shop:
        dns["shop.example"] = [["127.0.0.1"], ["10.255.255.1"]]

        answer = post.post(f"http://shop.example:{shop.port}/hook", b"{}", {})

        assert answer.status == 200
        [(_, headers, _)] = shop.received
    assert headers["Host"] == f"shop.example:{shop.port}"


def test_a_proxy_of_the_environment_is_not_used(dns, settings, monkeypatch):
    settings.WEBHOOKS_ALLOW_LOOPBACK = True
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    with receiver() as shop:
        assert post.post(shop.url, b"{}", {}).status == 200


def test_loopback_is_for_development_only(settings):
    settings.WEBHOOKS_ALLOW_LOOPBACK = True
    assert addresses.check("http://127.0.0.1:9000/x") == "http://127.0.0.1:9000/x"
    for address in ("10.0.0.1", "169.254.169.254"):
        with pytest.raises(BadAddress):
            addresses.check(f"https://{address}/")
    with pytest.raises(SystemCheckError, match="WEBHOOKS_ALLOW_LOOPBACK"):
        call_command("check", deploy=True, tags=["security"])
