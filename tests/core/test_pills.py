"""One vocabulary of pills: each state has one meaning, and the same word looks the same everywhere."""

import re
from collections import defaultdict
from pathlib import Path

import pytest

from core.models import Enrollment, ImportBatch, ImportRow, Migration, OutboxEntry
from core.pills import MEANINGS, VOCABULARY, key, meaning, pill, pill_of
from integrations.models import Drift, InboundEvent, SyncRun

STATIC = Path(__file__).parents[2] / "project/static/dashboard"
SHOWN = [
    Drift.Sort,
    Drift.State,
    Enrollment.Status,
    ImportBatch.Status,
    ImportRow.Status,
    InboundEvent.Status,
    Migration.Status,
    OutboxEntry.Status,
    SyncRun.Status,
]


@pytest.mark.parametrize("states", SHOWN, ids=lambda states: states.__qualname__)
def test_each_state_of_each_model_has_a_meaning(states):
    assert [state.value for state in states if state.value not in MEANINGS] == []


@pytest.mark.parametrize(
    "verdict",
    ["Never synced", "Syncing", "Queued", "With errors", "Failed", "Cancelled", "Late", "Up to date"],
)
def test_what_the_first_page_says_of_a_kind_has_a_meaning(verdict):
    assert key(verdict) in MEANINGS


def test_no_state_has_two_meanings():
    assert sum(len(states.split()) for states in VOCABULARY.values()) == len(MEANINGS)


def test_no_word_has_two_colours():
    found = defaultdict(set)
    for states in SHOWN:
        for state in states:
            found[str(state.label).lower()].add(meaning(state))
    for word in found.keys() & {state.replace("_", " ") for state in MEANINGS}:
        found[word].add(meaning(word))

    assert {word: colours for word, colours in found.items() if len(colours) > 1} == {}


@pytest.mark.parametrize(
    ("state", "means"), [("in_flight", "primary"), ("Switched off", "quiet"), ("?", "quiet")]
)
def test_a_state_is_a_stored_value_or_the_word(state, means):
    assert f'class="pill pill-{means}"' in pill(state)


def test_a_pill_says_the_state_or_its_label_and_never_markup():
    assert pill("Open").endswith(">Open</span>")
    assert pill("open", "Not <b>decided</b>", title='"').endswith(
        'title="&quot;">Not &lt;b&gt;decided&lt;/b&gt;</span>'
    )


def test_a_row_says_its_state_as_its_choices_call_it():
    assert pill_of("status")(OutboxEntry(status="in_flight")) == pill("in_flight", "Being sent")


def test_every_meaning_has_its_colour_in_light_and_dark_and_there_is_one_green():
    sheet = (STATIC / "dashboard.css").read_text()
    for name in VOCABULARY.keys() - {"quiet"}:  # which is what a pill is without any other
        assert re.search(rf"^\.pill-{name} ", sheet, re.M)
        assert re.search(rf"^\.dark \.pill-{name} ", sheet, re.M)
    greens = re.findall(r"(?<!-)color: ([^;}]*)", "".join(re.findall(r"\.pill-success {[^}]*}", sheet)))

    assert greens == ["var(--d-good)", "var(--d-good)"]
    assert len(re.findall(r"--d-good: ", sheet)) == 2  # one in light, one in dark
