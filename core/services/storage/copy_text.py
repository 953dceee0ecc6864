"""Rows in the text format of PostgreSQL's COPY. The driver can write it too, but is three times slower."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from django.db import models

# Characters with a special meaning in the text format of COPY.
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_SPECIAL = re.compile(r"[\\\t\n\r]")
_WITHOUT_TEXT = (models.IntegerField, models.DecimalField, models.BooleanField, models.DateTimeField)


def lines_of(
    columns: Sequence[models.Field], rows: Sequence[Sequence[Any]], constants: Mapping[models.Field, Any]
) -> str:
    """Returns the rows as lines. The constants end each of them."""
    texts = [_texts(field, values) for field, values in zip(columns, zip(*rows, strict=True), strict=True)]
    end = "".join(f"\t{_texts(field, [value])[0]}" for field, value in constants.items()) + "\n"
    return "".join("\t".join(line) + end for line in zip(*texts, strict=True))


def _texts(field: models.Field, values: Sequence[Any]) -> list[str]:
    if isinstance(field, models.ForeignKey):
        return _texts(field.target_field, values)
    if isinstance(field, _WITHOUT_TEXT):
        # Encoded as JSON, which is fast: numbers, moments and booleans contain no comma and no quote.
        json_texts = msgspec.json.encode(values).decode()[1:-1].replace('"', "")
        return json_texts.replace("null", "\\N").split(",")
    if isinstance(field, models.JSONField):
        values = [None if value is None else msgspec.json.encode(value).decode() for value in values]
    if None in values:
        return ["\\N" if value is None else str(value).translate(_ESCAPES) for value in values]
    texts = list(map(str, values))
    if _SPECIAL.search("".join(texts)) is None:  # nearly always the case
        return texts
    return [text.translate(_ESCAPES) for text in texts]
