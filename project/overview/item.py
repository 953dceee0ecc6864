"""One thing that needs somebody's attention."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Button:
    """What sets it right by itself: a form with one hidden field."""

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
