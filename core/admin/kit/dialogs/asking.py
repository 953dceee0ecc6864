"""A dialog's answer is to the question as it was put: its page carries the words, and they are compared when
it is carried out."""

from typing import TYPE_CHECKING, Any

from core.email_display import as_people_write

if TYPE_CHECKING:
    from core.admin.kit.dialogs.dialog import Dialog, DialogForm


def asks(dialog: "Dialog", target: Any) -> list[tuple[str, str]]:
    """The question, as its page carries it."""
    words = {"asked": dialog.text(target), "asked_of": dialog.facts(target)}
    return [(name, as_people_write(str(said))) for name, said in words.items()]


def moved(dialog: "Dialog", target: Any, form: "DialogForm") -> str:
    """Why the answer is to another question than would be put now: what it is about has changed since. Empty:
    it is not. A request without the question (from a script) is taken as if it were put now."""
    for name, now in asks(dialog, target) if "asked" in form.data else []:
        was = form.data.get(name, "")
        if as_sent(was) != as_sent(now):
            return f"Nothing was done: it has changed since you were asked. Then: {was} Now: {now}"
    return ""


def as_sent(words: str) -> str:
    """Browsers send ends of lines in their own way."""
    return "\n".join(words.splitlines())
