"""Labels of objects in pickers: the name and, below it, a detail that distinguishes objects of that name."""

from collections.abc import Callable
from typing import Any

from core.models import Product, Quiz, Seat, Team, ThinkificGroup, User


def _of_product(product: Product) -> str:
    known = f"{product.productable_type} {product.productable_id}"
    return f"{known}, removed in Thinkific" if product.removed_at else known


def _of_group(group: ThinkificGroup) -> str:
    if group.removed_at:
        return f"Thinkific group {group.thinkific_id}, removed in Thinkific"
    return f"Thinkific group {group.thinkific_id}" if group.thinkific_id else "Not in Thinkific yet"


def _of_team(team: Team) -> str:
    archived = "archived" if team.archived_at else ""
    return ", ".join(part for part in (str(team.organization or ""), archived) if part)


def _of_seat(seat: Seat) -> str:
    """Several seats may have one name and one product: the number tells them apart."""
    used = f"{seat.used_count:,}" if seat.unlimited else f"{seat.used_count:,} of {seat.max_seats or 0:,}"
    return f"{seat.product}, {used} used, seat {seat.pk}"


DETAILS: dict[type, Callable[[Any], str]] = {
    User: lambda user: user.shown_email,
    Product: _of_product,
    Quiz: lambda quiz: ", ".join(str(course) for course in quiz.courses()),
    Seat: _of_seat,
    Team: _of_team,
    ThinkificGroup: _of_group,
}
RELATED = {Seat: ("product",), Team: ("organization",)}  # foreign keys that the details read


def label(row: Any) -> str:
    """Returns the name and, on a second line, an e-mail address, id or organization, if there is one."""
    name, detail = str(row), DETAILS.get(type(row), lambda row: "")(row)
    return f"{name}\n{detail}" if detail and detail != name else name


def in_one_line(row: Any) -> str:
    """Returns the label for a plain list of choices: "Ana Ito · ana@example.com"."""
    return label(row).replace("\n", " · ")
