"""How long and how mixed passwords must be, by the settings. Passwords set before a change stay valid."""

import re
from typing import Any

from django.core.exceptions import ValidationError

from core.models import SiteSettings
from core.wording import listed

Mix = SiteSettings.PasswordMix
LETTER = r"[^\W\d_]"
PARTS: dict[str, dict[str, Any]] = {
    Mix.ANY: {},
    Mix.LETTERS_AND_DIGITS: {
        "a letter": lambda text: re.search(LETTER, text),
        "a digit": lambda text: re.search(r"\d", text),
    },
    Mix.FOUR_KINDS: {
        "a small letter": lambda text: text != text.upper(),
        "a capital letter": lambda text: text != text.lower(),
        "a digit": lambda text: re.search(r"\d", text),
        "a sign that is neither": lambda text: re.search(r"[\W_]", text),
    },
}


class SitePasswordRules:
    """One of AUTH_PASSWORD_VALIDATORS."""

    def validate(self, password: str, user: Any = None) -> None:
        settings, problems = SiteSettings.load(), []
        if len(password) < settings.password_min_length:
            problems.append(
                f"It has {len(password)} characters. Choose at least {settings.password_min_length}."
            )
        parts = PARTS.get(settings.password_mix, {})
        if missing := [name for name, has in parts.items() if not has(password)]:
            problems.append(f"Add {listed(missing)}.")
        if problems:
            raise ValidationError(problems)

    def get_help_text(self) -> str:
        settings = SiteSettings.load()
        parts = PARTS.get(settings.password_mix, {})
        mixed = f", with {listed(list(parts))}" if parts else ""
        return f"Your password must contain at least {settings.password_min_length} characters{mixed}."
