"""The outbox: changes to be sent to Thinkific. `mark` writes entries, `claims` says which process pushes
which, `outcomes` records how a push ended."""

from core.services.outbox.mark import (
    LastSeen,
    discard,
    forget_sent_values,
    make_due,
    mark_gone,
    mark_new_users,
    mark_stale,
    retry,
    transfer_values,
    wake_drain,
)

__all__ = [
    "LastSeen",
    "discard",
    "forget_sent_values",
    "make_due",
    "mark_gone",
    "mark_new_users",
    "mark_stale",
    "retry",
    "transfer_values",
    "wake_drain",
]
