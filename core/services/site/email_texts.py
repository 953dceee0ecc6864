"""Texts of e-mails that administrators have changed: checked, and filled with values."""

from collections.abc import Mapping

import structlog

from core.email_kinds import KINDS, EmailKind
from core.models import EmailText
from core.services.site import email_placeholders as placeholders

log = structlog.get_logger(__name__)
LONGEST_BODY = 10_000


def complete() -> None:
    """Make a row for each e-mail that has none, so that the screen can list them."""
    there = set(EmailText.objects.values_list("name", flat=True))
    new = [EmailText(name=name) for name in KINDS if name not in there]
    if new:
        EmailText.objects.bulk_create(new, ignore_conflicts=True)


def present(row: EmailText) -> tuple[str, str]:
    """Returns the subject and text that are sent now."""
    return (row.subject, row.body) if row.is_changed else KINDS[row.name].shipped


def written(name: str, values: Mapping[str, str]) -> tuple[str, str]:
    """Returns the subject and text of an e-mail, filled with these values."""
    kind = KINDS[name]
    row = EmailText.objects.filter(name=name).first()
    subject, body = present(row) if row is not None else kind.shipped
    if any(problems(kind, subject, body).values()):  # another version has other placeholders
        log.error("The stored text of the e-mail %s does not fit this version; the shipped one is sent", name)
        subject, body = kind.shipped
    subject, body = _filled(kind, subject, body, values)
    return subject, body + "\n"


def example(name: str, subject: str, body: str) -> tuple[str, str]:
    """Returns a subject and text filled with the example values of the e-mail."""
    values = {key: one.example for key, one in KINDS[name].placeholders.items()}
    return _filled(KINDS[name], subject, body, values)


def _filled(kind: EmailKind, subject: str, body: str, values: Mapping[str, str]) -> tuple[str, str]:
    lists = [key for key, one in kind.placeholders.items() if one.several_lines]
    return placeholders.filled(subject, values), placeholders.filled(body, values, several_lines=lists)


def problems(kind: EmailKind, subject: str, body: str) -> dict[str, list[str]]:
    """Returns what is wrong with a subject and a text, in sentences."""
    allowed = kind.placeholders
    public = [name for name, one in allowed.items() if not (one.secret or one.several_lines)]
    missing = [
        f"The text must contain {{{name}}}: {one.meaning}"
        for name, one in allowed.items()
        if one.required and name not in placeholders.names_in(body)
    ]
    return {"subject": _of_subject(subject, public, allowed), "body": [*_of_body(body, allowed), *missing]}


def _of_subject(subject: str, public: list[str], allowed: Mapping) -> list[str]:
    if not subject.strip():
        return ["Enter a subject."]
    if placeholders.has_control_characters(subject, lines=False):
        return ["The subject must be one line, without control characters."]
    found = list(placeholders.problems(subject, allowed))
    hidden = placeholders.names_in(subject) & (set(allowed) - set(public))
    return found + [f"{{{name}}} must not stand in the subject." for name in sorted(hidden)]


def _of_body(body: str, allowed: Mapping) -> list[str]:
    if len(body) > LONGEST_BODY:
        return [f"The text has {len(body):,} characters. Use {LONGEST_BODY:,} or fewer."]
    if placeholders.has_control_characters(body, lines=True):
        return ["The text has control characters, which mails cannot hold. Type it again."]
    return list(placeholders.problems(body, allowed))
