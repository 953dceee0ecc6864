"""Pills: a word about the state of something, on the colour of what the word means. The same word has the
same colour on every page; screens name the state and never a colour."""

from collections.abc import Callable
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString

SUCCESS, PRIMARY, INFO, WARNING, DANGER, QUIET = "success", "primary", "info", "warning", "danger", "quiet"

# Meaning -> the states that have it: stored values of the models' choices, and words that pages say.
VOCABULARY = {
    # It is good, it is done, nothing is left to do.
    SUCCESS: """
        active completed delivered done processed succeeded applied valid passed published yes
        both_sides_agree created full in_step in_sync joined made new pushed stored subscribed taken
        up_to_date updated works
    """,
    # It happens at this moment. Also what must stand apart: an administrator, what only Thinkific has.
    PRIMARY: "running syncing in_flight administrator only_there",
    # It goes on by itself: nobody has to do anything. Also what only the dashboard has.
    INFO: """
        pending received repairing waiting_for_a_sync waiting_for_confirmation waiting_to_be_sent
        waiting_to_leave only_here invited
    """,
    # Somebody should look at it.
    WARNING: """
        partial with_errors invalid differs open late going_on not_in_thinkific partly_subscribed drifted
        cannot_be_read
    """,
    # It failed, it is gone, or nobody may use it.
    DANGER: """
        failed not_passed refused removal_refused removed removed_in_thinkific revoked over does_not_work
    """,
    # It is over, has not begun, is switched off, or is no more than a remark. Labels of people are `label`.
    QUIET: """
        archived built_in cancelled changed checked deleted discarded draft expired found guest ignored kept
        label never_synced no not_set not_started not_subscribed queued same set_by_the_environment settled
        stopped switched_off unchanged undone uploaded used_up validated
    """,
}
MEANINGS = {state: meaning for meaning, states in VOCABULARY.items() for state in states.split()}


def meaning(state: str) -> str:
    """Returns what a state means; for one that is not in the vocabulary it is `quiet`."""
    return MEANINGS.get(key(state), QUIET)


def pill(
    state: str, label: str = "", *, title: str = "", live: bool = False, run_status: str = ""
) -> SafeString:
    """Returns the pill of a state: a stored value ("in_flight") or the word itself ("Switched off").

    `label` is what it says, where that is not the state. `live`: with a dot, which moves while something
    runs. `run_status`: what an open page compares to see that a run has moved on (live.js).
    """
    extra = format_html(' data-status="{}"', run_status) if run_status else ""
    return format_html(
        '<span class="pill pill-{}{}" title="{}"{}>{}</span>',
        meaning(state),
        " is-live" if live else "",
        title,
        extra,
        label or state,
    )


def pill_of(field: str) -> Callable[[Any], SafeString]:
    """Returns a function of a row: the pill of what a field with choices holds."""
    return lambda row: pill(getattr(row, field), getattr(row, f"get_{field}_display")())


def key(state: str) -> str:
    """How the vocabulary writes a state."""
    return str(state).lower().replace(" ", "_")
