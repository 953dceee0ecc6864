"""Notes about users: writing, changing and deleting them."""

import unicodedata

from django.db import transaction
from django.utils import timezone

from core.errors import Refusal
from core.models import Note, Team, User
from core.models.tags_and_notes import NOTE_LENGTH
from core.services.history import signed


class BadText(Refusal):
    """The text that was given to a note."""


@transaction.atomic
def add(*, user: User, text: str, team: Team | None, by: User) -> Note:
    """Write a note about a user. `team` is the author's team, whose managers see it; None for an
    administrator's note. Raises Refusal when the text is empty or too long."""
    note = Note(user=user, team=team, author=by, text=_checked(text))
    signed(note, by=by, reason="note written").save()
    return note


@transaction.atomic
def edit(note: Note, *, text: str, by: User) -> Note:
    """Change the text of a note. Raises Refusal when `by` did not write it, or the text is empty or too
    long."""
    note = Note.objects.select_for_update(of=("self",)).get(pk=note.pk)
    if note.author_id != by.pk:
        raise Refusal("Only who wrote a note can change it. Write one of your own instead.")
    text = _checked(text)
    if text != note.text:
        note.text, note.edited_at = text, timezone.now()
        signed(note, by=by, reason="note changed").save(update_fields=["text", "edited_at"])
    return note


@transaction.atomic
def delete(note: Note, *, by: User) -> None:
    """Delete a note for good. Who deleted whose note about whom stays in the history, the text does not."""
    signed(note, by=by, reason="note deleted").delete()


def _checked(text: str) -> str:
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")
    text = unicodedata.normalize("NFC", text).strip()
    if not text:
        raise BadText("A note needs a text.")
    if len(text) > NOTE_LENGTH:
        raise BadText(f"The note has {len(text):,} characters; {NOTE_LENGTH:,} is the most.")
    return text
