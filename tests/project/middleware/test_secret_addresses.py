"""Addresses with a secret are not logged in full, and their pages are not cached."""

import json
import logging
from urllib.parse import quote

import pytest
from django.core import signing
from django.test import Client
from django.urls import get_resolver, resolve
from django.urls.converters import IntConverter

from core.services.accounts.account_mail import password_tokens
from project.middleware import secret_addresses
from tests.project.test_logs import lines

__all__ = ["lines"]

SECRET = "s3cr3t-That_nobody.May~read"


@pytest.fixture
def _later_pages(settings):
    settings.ROOT_URLCONF = "tests.project.middleware.secret_urls"


def addresses(urlconf):
    """An address for each route with a parameter that looks secret, with SECRET in every such place."""
    for patterns in secret_addresses.routes(get_resolver(urlconf)):
        named = {name: None for pattern in patterns for name in pattern.regex.groupindex}
        named |= {name: made for pattern in patterns for name, made in pattern.converters.items()}
        if any(looks_secret(name) and not isinstance(named[name], IntConverter) for name in named):
            yield "/" + "".join(filled(pattern) for pattern in patterns)


def looks_secret(name):
    """Apart from what the product takes for one: a reader's list."""
    words = ("token", "secret", "password", "uidb64", "key", "code", "hash", "signature")
    return any(word in name for word in words)


def filled(pattern):
    text = str(pattern).lstrip("^").rstrip("$")
    for name, group in [("secret", r"(?P<secret>[^/]+)"), ("number", r"(?P<number>[^/]+)")]:
        text = text.replace(group, SECRET if looks_secret(name) else "257")
    for name in pattern.converters:
        value = SECRET if looks_secret(name) else "257"
        for kind in ("", "str:", "slug:", "path:", "int:"):
            text = text.replace(f"<{kind}{name}>", value)
    return text


WRITTEN = {
    "as it is": lambda address: address,
    "without its end": lambda address: address.rstrip("/"),
    "in a sentence": lambda address: f"Not Found: {address}, asked with Referer https://x.example{address}",
    "below another": lambda address: f"/prefix{address}?page=1",
    "without the first slash": lambda address: f"The current path, {address[1:]}, did not match",
    "as a parameter": lambda address: f"/admin/login/?next={quote(address, safe='')}&page=1",
    "as a parameter twice": lambda address: f"/?next={quote('/x?next=' + quote(address, safe=''), safe='')}",
    "letter by letter": lambda address: (
        "/" + "".join(f"%{ord(c):02X}" if c.isalnum() else c for c in address[1:])
    ),
    "in JSON": lambda address: json.dumps({"link": address}),
    "in JSON in JSON": lambda address: json.dumps(
        {"body": json.dumps({"link": address.replace("/", "\\/")})}
    ),
    "in a dict": lambda address: repr({"link": [address]}),
}


@pytest.mark.parametrize("how", WRITTEN)
@pytest.mark.usefixtures("_later_pages")
def test_no_address_with_a_secret_is_logged_whole(lines, how):
    resolve("/admin/")  # the addresses are loaded, as before any request
    found = list(addresses("tests.project.middleware.secret_urls"))
    assert len(found) == 18  # four of the later pages, and the product's own seven in two forms

    for address in found:
        text = WRITTEN[how](address)
        logging.getLogger("core").error(text)
        logging.getLogger("django.request").warning("%s: %s", "Not Found", text)
        try:
            raise ValueError(text)
        except ValueError:
            logging.getLogger("core").exception("failed", extra={"status_code": 500})

    assert len(lines()) == 3 * len(found)
    assert "s3cr3t" not in json.dumps(lines())
    assert "257" in json.dumps(lines())  # what is no secret stays


def test_every_address_of_the_product_that_looks_secret_is_found():
    found = list(addresses("project.urls"))

    pages = ("password/new", "invitation", "join/confirm", "join", "sign-in", "email-change")
    in_mails = [f"/admin/{page}/{SECRET}/{SECRET}{end}" for end in ("/", "") for page in pages]
    assert found == [*in_mails, f"/go/{SECRET}", f"/go/{SECRET}/"]
    assert all("s3cr3t" not in secret_addresses.in_text().sub(r"\1", address) for address in found)


@pytest.mark.usefixtures("_later_pages")
@pytest.mark.parametrize(
    "address", ["/admin/core/user/7/", "/runs/77/plain/", "/admin/tools/people/", "/teams/acme/"]
)
def test_other_addresses_stay_readable(lines, address):
    resolve("/admin/")
    logging.getLogger("core").error("Not Found: %s", address)

    assert lines()[0]["event"] == f"Not Found: {address}"


@pytest.mark.django_db
@pytest.mark.usefixtures("_later_pages")
def test_requests_that_fail_log_no_secret(lines, client):
    strict = Client(enforce_csrf_checks=True)
    browser = Client(raise_request_exception=False)
    for address in addresses("tests.project.middleware.secret_urls"):
        header = {"referer": f"http://testserver{address}"}
        browser.put(address, headers=header)  # 405
        strict.post(address, headers=header)  # 403
        browser.get(f"{address}more/", headers=header)  # 404
        browser.get(f"/nothing{address}", headers=header)
        browser.get(f"{address}?fail=1")  # 500
        browser.post(f"{address}?fail=1&token=s3cr3t", {"password": "s3cr3t", "new_password1": ["s3cr3t"]})
        browser.post(f"{address}?fail=1", json.dumps({"token": "s3cr3t"}), content_type="application/json")
        browser.get(f"/admin/nothing/?next={quote(address)}")

    said = json.dumps(lines())
    assert "s3cr3t" not in said
    assert (
        "Forbidden" in said
        and "Not Found" in said
        and "could not answer" in said
        and "request_failed" in said
    )


@pytest.mark.parametrize("name", ["password", "access_token", "new_password1", "api-key", "Authorization"])
@pytest.mark.parametrize(
    "text",
    [
        "?page=1&{0}=s3cr3t&x=1",
        "{0}=s3cr3t",
        "next=%2Fa%3F{0}%3Ds3cr3t",
        '{{"{0}": "s3cr3t", "page": 1}}',
        '{{"{0}": "s3cr3t with \\" quotes s3cr3t"}}',
        "<QueryDict: {{'{0}': ['s3cr3t', 's3cr3t']}}>",
        '{{"body": "{{\\"{0}\\": \\"s3cr3t\\"}}"}}',
        'b\'{{"{0}":"s3cr3t"}}\'',
    ],
)
def test_a_value_in_a_text_is_blanked_by_its_name(lines, name, text):
    logging.getLogger("core").error("The body was %s", text.format(name))

    assert "s3cr3t" not in lines()[0]["event"]
    assert name in lines()[0]["event"]


def test_what_django_signs_is_known_by_its_form(lines, ana):
    token, signed = password_tokens.make_token(ana), signing.dumps({"user": 1})
    logging.getLogger("core").error("no such thing: %s, %s and %s", token, signed, quote(signed))
    logging.getLogger("core").error("signed: %s", signing.Signer().sign("ana@acme.example"))

    first, second = (line["event"] for line in lines())
    assert first == "no such thing: ***, *** and ***"
    assert "ana@" not in second or second.endswith("***")


def test_a_line_stays_json_whatever_was_blanked(lines):
    logging.getLogger("core").error('{"password": "a\\"b"} 100%% %41 token=x" \\" "secret": "')

    assert lines()[0]["level"] == "error"


def test_in_development_a_traceback_shows_no_values(capsys):
    """Packages that draw tracebacks show local variables, passwords among them."""
    from project.logs import configure_logging

    formatter = configure_logging(level="INFO", json=False)["formatters"]["structured"]
    made = formatter["()"](
        foreign_pre_chain=formatter["foreign_pre_chain"], processors=formatter["processors"]
    )
    typed = "".join(["s3c", "r3t"])
    try:
        raise ValueError(len(typed))
    except ValueError as error:
        record = logging.LogRecord(
            "core", logging.ERROR, "", 1, "failed", (), (type(error), error, error.__traceback__)
        )

    assert "ValueError: 6" in made.format(record)
    assert "s3cr3t" not in made.format(record)


def test_django_neither_prints_nor_mails_lines_by_itself(settings, mailoutbox):
    from django.utils.log import DEFAULT_LOGGING

    configured = settings.LOGGING["loggers"]["django"]
    assert DEFAULT_LOGGING["loggers"]["django"]["handlers"] == ["console", "mail_admins"]
    assert "handlers" not in configured and configured.get("propagate", True)
    assert logging.getLogger("django").handlers == []


@pytest.mark.django_db
@pytest.mark.usefixtures("_later_pages")
def test_pages_at_these_addresses_are_never_kept(client, ana):
    for address in addresses("tests.project.middleware.secret_urls"):
        answer = client.get(address)
        assert "no-store" in answer["Cache-Control"], address
        assert answer["Referrer-Policy"] == "same-origin"
    assert "Cache-Control" not in client.get("/runs/1/plain/")
