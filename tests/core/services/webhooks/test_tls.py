"""Deliveries over TLS: the certificate is about the name, whatever address it leads to."""

import datetime
import ssl
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from core.services.webhooks import post
from tests.core.services.webhooks.test_addresses import dns  # noqa: F401 (a fixture)
from tests.receivers import Receiver, receiver

NAME = "shop.example"


@pytest.fixture
def certificate(tmp_path):
    """A certificate for the name, signed by itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = (
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)]),
        datetime.datetime.now(datetime.UTC),
    )
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now - datetime.timedelta(days=1))
    made = made.not_valid_after(now + datetime.timedelta(days=1))
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    path = tmp_path / "certificate.pem"
    path.write_bytes(
        made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return path


@pytest.fixture
def shop(certificate) -> Receiver:
    with receiver() as one:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        names: list[str | None] = []
        context.sni_callback = lambda sock, name, own: names.append(name)
        one.names = names  # type: ignore[attr-defined]
        one.server.socket = context.wrap_socket(one.server.socket, server_side=True)
        yield one


@pytest.fixture
def trusted(certificate, monkeypatch):
    """The machine has the certificate among its authorities."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    post._context.cache_clear()
    yield
    post._context.cache_clear()


def test_the_name_is_asked_for_and_verified(shop, trusted, dns):  # noqa: F811
    dns[NAME] = ["127.0.0.1"]

    answer = post.post(f"https://{NAME}:{shop.port}/hook", b"{}", {})

    assert (answer.status, answer.problem) == (200, "")
    assert shop.names == [NAME]


def test_who_is_late_before_the_handshake_sends_nothing(shop, trusted, dns, monkeypatch):  # noqa: F811
    """Nobody could cut off the connection while it was wrapped."""
    dns[NAME] = ["127.0.0.1"]
    wrap = ssl.SSLContext.wrap_socket

    def slowly(self, sock, **options):
        wrapped = wrap(self, sock, **options)
        if not options.get("server_side"):
            time.sleep(0.5)
        return wrapped

    monkeypatch.setattr(ssl.SSLContext, "wrap_socket", slowly)
    answer = post.post(f"https://{NAME}:{shop.port}/hook", b"{}", {}, seconds=0.3)

    assert answer.problem == "No complete answer within 0.3 seconds."
    assert shop.names == shop.received == []


def test_a_certificate_of_another_name_is_refused(shop, trusted, dns):  # noqa: F811
    dns["other.example"] = ["127.0.0.1"]

    answer = post.post(f"https://other.example:{shop.port}/hook", b"{}", {})

    assert "certificate is not valid" in answer.problem
    assert shop.received == []


def test_a_certificate_of_nobody_is_refused(shop, dns):  # noqa: F811
    dns[NAME] = ["127.0.0.1"]

    answer = post.post(f"https://{NAME}:{shop.port}/hook", b"{}", {})

    assert "certificate is not valid" in answer.problem
    assert shop.received == []
