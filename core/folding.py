"""How names and e-mail addresses are stored, and how they are searched and compared.

Done in Python, so that both databases follow one rule: SQLite ignores the case of A to Z only, PostgreSQL
that of its locale.
"""

import unicodedata
from functools import lru_cache

import idna

# Invisible characters that no name needs: soft hyphens, zero-width spaces, marks of writing direction.
_UNSEEN = dict.fromkeys(
    [0xAD, 0x61C, 0x180E, 0x200B, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2060, 0x206A), 0xFEFF]
)
# They change how a word is written in Persian or Hindi, so they are stored; nobody types them into a search.
_JOINERS = "\u200c\u200d"
_WITHOUT_JOINERS = _UNSEEN | dict.fromkeys(map(ord, _JOINERS))
# Turkish has an i without a dot and a capital I with one. A search finds all of them by a plain i.
_ONE_I = str.maketrans({"\u0131": "i"})

_ACCENTS = dict.fromkeys(range(0x300, 0x370))  # marks on Latin, Greek and Cyrillic letters; no others
# Latin letters that Unicode does not take apart into a letter and a mark. A table of our own: libraries that
# write every script in Latin letters would find Cyrillic or Chinese names by chance.
_BARE = str.maketrans(
    "\xf0\xf8\u0111\u0127\u0142\u014b\u0167\u0180\u0192\u0199\u01b4\u01b6\u01dd"
    "\u0253\u0254\u0256\u0257\u0259\u025b\u0263\u0268\u0272\u0275\u0289\u028b",
    "dodhlntbfkyzeboddeeginouv",
) | {0xE6: "ae", 0xFE: "th", 0x153: "oe"}


def tidy(text: str) -> str:
    """Returns the text as it is stored: in Unicode form NFC, without invisible characters."""
    if text.isascii():
        return text
    return unicodedata.normalize("NFC", text).translate(_UNSEEN).strip(_JOINERS)


def tidy_name(text: str) -> str:
    """Returns a name that somebody typed as it is stored: tidy, in one line, without spaces around it."""
    return " ".join(tidy(text.replace("\x00", "")).split())


def split_name(full: str | None) -> tuple[str, str]:
    """Returns the first word of a full name as first name, and the rest as last name."""
    first, _, last = (full or "").strip().partition(" ")
    return first, last.strip()


def fold(text: str) -> str:
    """Returns the text as it is compared. Two names are equal when their results are."""
    if text.isascii():
        return " ".join(text.lower().split())
    text = unicodedata.normalize("NFC", text).translate(_WITHOUT_JOINERS).casefold().translate(_ONE_I)
    return " ".join(unicodedata.normalize("NFC", text.replace("i\u0307", "i")).split())


def bare(text: str) -> str:
    """Returns the text as a search compares it: folded, without accents. "Đặng" becomes "dang". Names that
    differ by an accent are different names: never compare for equality by it."""
    text = fold(text)
    if text.isascii():
        return text
    text = unicodedata.normalize("NFKD", text).translate(_ACCENTS).translate(_BARE)
    return " ".join(unicodedata.normalize("NFC", text).split())


def searched(text: str) -> str:
    """Returns the text that a search looks in: folded, and again without accents where it has some. So both
    find it, who types them and who does not."""
    folded, without = fold(text), bare(text)
    return folded if folded == without else f"{folded} {without}"


def normalize_email(email: str) -> str:
    """Returns the address as it is stored: trimmed, lower case, the domain in ASCII (xn--)."""
    if email.isascii():
        return email.strip().lower()
    email = unicodedata.normalize("NFC", email).translate(_WITHOUT_JOINERS).strip().lower()
    name, at, domain = unicodedata.normalize("NFC", email).rpartition("@")
    return f"{name}{at}{_as_servers_write(domain)}"


@lru_cache(maxsize=8192)  # a pull asks several times for each person of a page
def email_key(email: str) -> str:
    """Returns the key that identifies an address. Two addresses with one key belong to one account."""
    name, at, domain = normalize_email(email).rpartition("@")
    return f"{fold(name)}{at}{domain}"


def fold_person(first_name: str, last_name: str, email: str) -> str:
    """Returns the text that a search for a person looks in (`searched`): the name, the address, and the
    address with its domain in Unicode."""
    return searched(f"{first_name} {last_name} {email} {_decoded(email)}")


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
    except UnicodeError:  # not a domain: callers that check addresses refuse it
        return domain
