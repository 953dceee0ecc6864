"""E-mail addresses are shown as people write them, except where that could deceive."""

import pytest

from core.email_display import as_people_write
from core.folding import normalize_email


@pytest.mark.parametrize(
    "typed",
    [
        "ozlem@bücher.example",
        "ana@straße.example",
        "ana@mail.bücher.example",
        "ana@почта.example",
        "ana@日本テスト.example",
        "ana@한국.example",
        "ana@हिन्दी.example",
        "ana@acme.example",
    ],
)
def test_a_domain_is_shown_as_people_write_it(typed):
    assert as_people_write(normalize_email(typed)) == typed


@pytest.mark.parametrize(
    "domain",
    [
        "\u0430pple.com",  # its first letter is Cyrillic
        "\u0430\u0440\u0440\u04cf\u0435.com",  # all of them are, and all look Latin
        "\u03bfffice.example",  # a Greek omicron
    ],
)
def test_a_domain_that_could_deceive_stays_as_servers_write_it(domain):
    stored = normalize_email(f"ana@{domain}")

    assert stored.startswith("ana@xn--")
    assert as_people_write(stored) == stored


@pytest.mark.parametrize("broken", ["ana@xn--zzzzzzzzz.example", "ana@xn--.example", "xn--a.example", ""])
def test_what_is_no_coded_address_stays(broken):
    assert as_people_write(broken) == broken


def test_every_address_in_a_sentence_is_shown_readably():
    said = "Somebody has a@xn--bcher-kva.example already (b@xn--mller-kva.example). Ask c@acme.example."

    assert as_people_write(said) == (
        "Somebody has a@bücher.example already (b@müller.example). Ask c@acme.example."
    )
