"""Show e-mail addresses with their domain in Unicode: ozlem@xn--bcher-kva.example as ozlem@bücher.example.

For screens, messages and the text of mails. Thinkific, the API and exported files get the stored form.
"""

import re
import unicodedata

import idna
from django.utils.safestring import SafeString

_CODED = re.compile(r"(?<=@)[\w.-]*\bxn--[\w.-]*\w", re.IGNORECASE)
# Scripts that one language mixes. Any other mixture may be an imitation of another domain.
_TOGETHER = ({"CJK", "HIRAGANA", "KATAKANA"}, {"CJK", "BOPOMOFO"}, {"CJK", "HANGUL"})
_ALSO_CJK = {"IDEOGRAPHIC"}
# Cyrillic and Greek letters that look like Latin ones. A label of only these may imitate a Latin word.
_LIKE_LATIN = frozenset("асԁеһіїјӏорԛѕԝхуүъьпгѵкмтαγικνορτυχω")


def as_people_write(text: str) -> str:
    """Returns the text with the domain of every address in it in Unicode. A domain stays in ASCII (xn--)
    where it could imitate another: one label mixes scripts, or has only letters that look like Latin ones."""
    if "xn--" not in text.lower():
        return text
    shown = _CODED.sub(lambda found: _readable(found[0]), text)
    # The new domain has letters, digits and hyphens only, so HTML that was safe stays safe.
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
    """Returns the first word of the letter's Unicode name, which is its script: Python has no other
    source."""
    first = re.split(r"[ -]", unicodedata.name(letter, "UNKNOWN"), maxsplit=1)[0]
    return "CJK" if first in _ALSO_CJK else first
