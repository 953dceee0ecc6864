"""Ids in GraphQL: texts, which on some sites are base64 of `Type:number`."""

import base64
import binascii
import re
from typing import Any

from integrations.thinkific.sandbox.graphql.types import Resolver, Run
from integrations.thinkific.sandbox.web.render import GID_PREFIX

TRAILING_DIGITS = re.compile(r"(\d+)$")


def shown(kind: str, number: int, style: str) -> str:
    if style == "plain":
        return str(number)
    return base64.b64encode(f"{kind}:{number}".encode()).decode()


def of(kind: str) -> Resolver:
    """Returns the resolver of the field `id` for rows of this kind."""

    def resolve(run: Run, row: Any, arguments: dict[str, Any]) -> str:
        number = row["id"] if isinstance(row, dict) else row.id
        return shown(kind, number, run.options.graphql_ids)

    return resolve


def read(given: Any) -> int | None:
    """Returns the number in a REST id, a GraphQL id or a gid; None for anything else."""
    text = str(given)
    if text.isdigit():
        return int(text)
    if text.startswith(GID_PREFIX) and text[-12:].isdigit():
        return int(text[-12:])
    try:
        text = base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
    digits = TRAILING_DIGITS.search(text)
    return int(digits.group(1)) if digits else None
