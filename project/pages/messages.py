"""Storage of Django's messages. It shows e-mail addresses in all of them with their domain in Unicode."""

from typing import Any

from django.contrib.messages.storage.session import SessionStorage

from core.email_display import as_people_write


class ReadableMessages(SessionStorage):
    def add(self, level: int, message: Any, extra_tags: str | None = "") -> None:
        shown = as_people_write(message if isinstance(message, str) else str(message))
        super().add(level, shown, extra_tags)
