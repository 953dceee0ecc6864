"""Checks that a dialog's question is still the one that the viewer has read. The page sends the words along,
and they are compared before the dialog is carried out."""

from collections.abc import Iterable, Mapping


def why_stale(question: Iterable[tuple[str, str]], sent: Mapping[str, str]) -> str:
    """Returns a message if the question (`Dialog.question_inputs`) is not as it was sent; empty if it is, and
    for requests that do not send it (from a script)."""
    for name, now in question if "asked" in sent else ():
        before = sent.get(name, "")
        if normalized(before) != normalized(now):
            return (
                f"Nothing was done, because this has changed since you opened it. Before: {before} Now: {now}"
            )
    return ""


def normalized(words: str) -> str:
    """Returns the words with "\\n" between lines: browsers send "\\r\\n"."""
    return "\n".join(words.splitlines())
