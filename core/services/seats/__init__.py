"""Seats: making and changing them (`changes`), giving them to teams (`assigning`), and how many of their
places are used (`counting`)."""

from core.services.seats.assigning import assign, assign_copies, move, move_places, withdraw
from core.services.seats.changes import add_places, create, delete, take_places, update
from core.services.seats.counting import count_used, let_pass, recalculate, request_recalculation

__all__ = [
    "add_places",
    "assign",
    "assign_copies",
    "count_used",
    "create",
    "delete",
    "let_pass",
    "move",
    "move_places",
    "recalculate",
    "request_recalculation",
    "take_places",
    "update",
    "withdraw",
]
