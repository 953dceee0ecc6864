"""A dialog's answer is to the question as it was put: its page carries the words, and they are compared when
it is carried out."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.admin.kit.dialogs.dialog import Dialog


def moved(form: "Dialog") -> str:
    """Returns why the answer is to another question than would be put now: what it is about has changed
    since. Empty: it has not. A request without the question (from a script) counts as if it were put now."""
    for name, now in form.asked if "asked" in form.data else []:
        was = form.data.get(name, "")
        if as_sent(was) != as_sent(now):
            return f"Nothing was done: it has changed since you were asked. Then: {was} Now: {now}"
    return ""


def as_sent(words: str) -> str:
    """Browsers send ends of lines in their own way."""
    return "\n".join(words.splitlines())
