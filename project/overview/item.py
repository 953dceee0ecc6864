"""An item under "attention" on the first page."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Button:
    """A button that solves the problem directly: a form with one hidden field."""

    label: str
    action: str
    name: str
    value: str


@dataclass(frozen=True)
class Item:
    tone: str  # bad, warning, info
    icon: str
    title: str
    text: str
    url: str = ""
    link: str = ""
    button: Button | None = None
