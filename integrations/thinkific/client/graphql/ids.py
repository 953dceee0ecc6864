"""Ids in GraphQL are text, in one of several forms."""

import base64
import binascii
import re


def parse_graphql_id(value: str | int | None) -> int | None:
    """Returns the REST id in a GraphQL id: digits, text that ends in `:digits`, base64 of that; else None."""
    if value is None or isinstance(value, bool):
        return None
    text = str(value).strip()
    number = text if re.fullmatch(r"[0-9]+", text) else None
    if number is None:
        number = _trailing_digits(_from_base64(text)) or _trailing_digits(text)
    if not number or len(number) > 19:
        return None
    found = int(number)
    return found if 0 < found < 2**63 else None


def _trailing_digits(text: str) -> str:
    match = re.search(r"(?:^|[/:_])([0-9]+)$", text)
    return match[1] if match else ""


def _from_base64(text: str) -> str:
    padded = text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4)
    try:
        return base64.b64decode(padded, validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
