"""The outbox: what Thinkific must still be told. `mark` writes entries, `claims` says which process pushes
which, `outcomes` writes how that ended."""

from core.services.outbox.mark import (
    LastSeen,
    discard,
    drop_claim,
    hand_over,
    let_go_on,
    mark_gone,
    mark_stale,
    retry,
    transfer_values,
    wake_drain,
)

__all__ = [
    "LastSeen",
    "discard",
    "drop_claim",
    "hand_over",
    "let_go_on",
    "mark_gone",
    "mark_stale",
    "retry",
    "transfer_values",
    "wake_drain",
]
