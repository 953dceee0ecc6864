"""Checks that a dialog's question is still the one that the viewer has read. The page sends the words along,
and they are compared before the dialog is carried out."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.admin.kit.dialogs.dialog import Dialog


def why_stale(form: "Dialog") -> str:
    """Returns a message if the question has changed since the viewer read it; empty if it has not, and for
    requests that do not send the question (from a script)."""
    for name, now in form.question_inputs if "asked" in form.data else []:
        before = form.data.get(name, "")
        if normalized(before) != normalized(now):
            return (
                f"Nothing was done, because this has changed since you opened it. Before: {before} Now: {now}"
            )
    return ""


def normalized(words: str) -> str:
    """Returns the words with "\\n" between lines: browsers send "\\r\\n"."""
    return "\n".join(words.splitlines())
