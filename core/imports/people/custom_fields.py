"""Thinkific's custom profile fields, as far as the dashboard has met them: on people who were mirrored."""

from core.folding import fold
from core.models import User

LOOKED_AT = 5_000  # the newest people
PREFIX = "custom:"  # of the field of a mapping; the field's number in Thinkific follows


def known() -> dict[str, str]:
    """Returns the fields as a mapping names them, each with its label. Of two with one label the newer."""
    people = User.objects.filter(thinkific_id__isnull=False).order_by("-pk")
    labels: dict[str, tuple[int, str]] = {}
    for fields in people.values_list("custom_profile_fields", flat=True)[:LOOKED_AT]:
        for field in fields or ():
            number, label = (field.get("id"), field.get("label")) if isinstance(field, dict) else (None, None)
            if number and label:
                labels[fold(label)] = max(labels.get(fold(label), (0, "")), (int(number), str(label)))
    return {f"{PREFIX}{number}": label for number, label in sorted(labels.values())}


def stored(field: str, label: str, value: str) -> dict[str, object]:
    """Returns a value as it is stored on a user, as in integrations/thinkific/mapping.py."""
    return {"label": label, "value": value, "id": int(field.removeprefix(PREFIX))}
