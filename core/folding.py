"""Names and e-mail addresses as they are stored, and as they are found and told apart.

One rule for both databases: SQLite knows the case of A to Z only, PostgreSQL as much as its locale.
"""

import unicodedata
from functools import lru_cache

import idna

# What nobody sees and no name needs: soft hyphens, zero-width spaces, marks of writing direction.
_UNSEEN = dict.fromkeys(
    [0xAD, 0x61C, 0x180E, 0x200B, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2060, 0x206A), 0xFEFF]
)
# Inside a word they change how Persian or Hindi is written; nobody types them into a search.
_JOINERS = "\u200c\u200d"
_WITHOUT_JOINERS = _UNSEEN | dict.fromkeys(map(ord, _JOINERS))
# Turkish has two letters i; written without its dot, or with a dot on the capital, it is still found.
_ONE_I = str.maketrans({"\u0131": "i"})


def tidy(text: str) -> str:
    """The text as it is stored: composed (NFC), without characters that nobody sees."""
    if text.isascii():
        return text
    return unicodedata.normalize("NFC", text).translate(_UNSEEN).strip(_JOINERS)


def fold(text: str) -> str:
    """The text as it is compared: two names with the same result are one name."""
    if text.isascii():
        return " ".join(text.lower().split())
    text = unicodedata.normalize("NFC", text).translate(_WITHOUT_JOINERS).casefold().translate(_ONE_I)
    return " ".join(unicodedata.normalize("NFC", text.replace("i\u0307", "i")).split())


def normalize_email(email: str) -> str:
    """The form in which e-mail addresses are stored: trimmed, lower case, the domain as servers write it
    (xn--)."""
    if email.isascii():
        return email.strip().lower()
    email = unicodedata.normalize("NFC", email).translate(_WITHOUT_JOINERS).strip().lower()
    name, at, domain = unicodedata.normalize("NFC", email).rpartition("@")
    return f"{name}{at}{_as_servers_write(domain)}"


@lru_cache(maxsize=8192)  # of the people on some pages, each asked for several times
def email_key(email: str) -> str:
    """What tells addresses apart: two with the same key are one address, and one account."""
    name, at, domain = normalize_email(email).rpartition("@")
    return f"{fold(name)}{at}{domain}"


def fold_person(first_name: str, last_name: str, email: str) -> str:
    """What a search for a person looks into: name and address, also with its domain as people write it."""
    return fold(f"{first_name} {last_name} {email} {_decoded(email)}")


def _decoded(email: str) -> str:
    name, at, domain = email.rpartition("@")
    if "xn--" not in domain:
        return ""
    try:
        return f"{name}{at}{idna.decode(domain)}"
    except UnicodeError:
        return ""


def _as_servers_write(domain: str) -> str:
    try:
        return idna.encode(domain, uts46=True).decode() if domain else domain
    except UnicodeError:  # no domain of the internet; it is refused, or mended, elsewhere
        return domain
