"""E-mail addresses as people write them: ozlem@bücher.example; stored is ozlem@xn--bcher-kva.example.

For screens, messages and the text of mails. What machines compare or send keeps the stored form: Thinkific,
the API, the files of an export.
"""

import re
import unicodedata

import idna
from django.utils.safestring import SafeString

_CODED = re.compile(r"(?<=@)[\w.-]*\bxn--[\w.-]*\w", re.IGNORECASE)
# Writing systems that one language mixes; any other mixture may stand for what it looks like.
_TOGETHER = ({"CJK", "HIRAGANA", "KATAKANA"}, {"CJK", "BOPOMOFO"}, {"CJK", "HANGUL"})
_ALSO_CJK = {"IDEOGRAPHIC"}
# Cyrillic and Greek letters that look like a Latin one: a label of nothing else is taken for a Latin word.
_LIKE_LATIN = frozenset("асԁеһіїјӏорԛѕԝхуүъьпгѵкмтαγικνορτυχω")


def as_people_write(text: str) -> str:
    """The text with the domain of every address in it as people write it. A domain stays as servers write it
    (xn--) where it could deceive: a label that mixes scripts, or only looks like Latin letters."""
    if "xn--" not in text.lower():
        return text
    shown = _CODED.sub(lambda found: _readable(found[0]), text)
    # What replaces a domain has letters, digits and hyphens only, so what was safe stays safe.
    return SafeString(shown) if isinstance(text, SafeString) else shown  # nosec B308 B703


def _readable(domain: str) -> str:
    try:
        shown = idna.decode(domain)
        same = idna.encode(shown, uts46=True).decode() == domain.lower()
    except UnicodeError:
        return domain
    return shown if same and not any(map(_deceives, shown.split("."))) else domain


def _deceives(label: str) -> bool:
    letters = {one for one in label if unicodedata.category(one)[0] == "L"}
    scripts = set(map(_script, letters))
    mixed = len(scripts) > 1 and not any(scripts <= together for together in _TOGETHER)
    return mixed or (bool(letters) and letters <= _LIKE_LATIN)


def _script(letter: str) -> str:
    """Python knows no scripts; the names of letters begin with theirs."""
    first = re.split(r"[ -]", unicodedata.name(letter, "UNKNOWN"), maxsplit=1)[0]
    return "CJK" if first in _ALSO_CJK else first
