"""The metadata of a checkout session: what was sold, to whom, and what a refund or an end does."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from core.errors import Refusal
from core.models.fields.settings_checks import MOST_DAYS, MOST_PLACES
from core.services.api.provision import Strategy, TeamChoice
from core.services.teams.teams import TEAM_NAME_LENGTH
from core.wording import listed

PREFIX = "b2b_"
MOST_PRODUCTS = 20
LARGEST_ID = 2**63 - 1
STRATEGIES = ("auto", "first", "create", "specific")
NUMBER = re.compile(r"[0-9]{1,19}", re.ASCII)
KEYS = {
    "products": "productable ids, separated by commas",
    "places": "how many places: one number for all products, or one for each",
    "days": "how many days access lasts; 0: it does not end",
    "product_type": "Course or Bundle",
    "team_strategy": "auto, first, create or specific",
    "team_id": "the team's id, for specific",
    "team_name": "the name of a new team",
    "enroll_buyer": "yes or no",
    "email": "the buyer's address",
    "name": "the buyer's name",
    "on_refund": "keep_access or end_access",
    "on_end": "end_access or keep_access",
}


class WrongMetadata(Refusal):
    """The metadata do not say what was sold."""


@dataclass(frozen=True)
class Sold:
    numbers: list[int]  # productable ids
    places: list[int]  # for each of them
    days: int | None  # None: the seat keeps its rule
    product_type: str | None
    team: TeamChoice
    enroll_buyer: bool
    email: str  # empty: the one that the buyer entered at Stripe
    name: str


def ours(metadata: Any) -> dict[str, str]:
    """Returns the keys that are for the dashboard, without their prefix; empty when there are none."""
    if not isinstance(metadata, Mapping):
        return {}
    return {
        key.removeprefix(PREFIX): str(value).strip()
        for key, value in metadata.items()
        if isinstance(key, str) and key.startswith(PREFIX)
    }


def read(values: Mapping[str, str]) -> Sold:
    """Returns what was sold. Raises WrongMetadata, which names the key."""
    if unknown := sorted(set(values) - set(KEYS)):
        raise WrongMetadata(
            f"The metadata have {listed([PREFIX + key for key in unknown])}, which is no key of the "
            f"dashboard. Its keys are {listed([PREFIX + key for key in KEYS])}."
        )
    numbers = _numbers(values, "products", least=1, most=LARGEST_ID)
    places = _numbers(values, "places", least=1, most=MOST_PLACES)
    if len(places) == 1:
        places *= len(numbers)
    if len(places) != len(numbers):
        raise _wrong(values, "places")
    if len(set(numbers)) != len(numbers) or len(numbers) > MOST_PRODUCTS:
        raise WrongMetadata(f"b2b_products names one product twice, or more than {MOST_PRODUCTS}.")
    choice(values, "on_refund", ("keep_access", "end_access"))
    choice(values, "on_end", ("end_access", "keep_access"))
    return Sold(
        numbers,
        places,
        _number(values, "days", least=0, most=MOST_DAYS) if values.get("days") else None,
        choice(values, "product_type", ("", "Course", "Bundle")) or None,
        _team(values),
        choice(values, "enroll_buyer", ("no", "yes")) == "yes",
        values.get("email", ""),
        values.get("name", ""),
    )


def choice(values: Mapping[str, str], key: str, allowed: tuple[str, ...]) -> str:
    """Returns the value of a key, the first of `allowed` when it is missing. Raises WrongMetadata."""
    value = values.get(key) or allowed[0]
    if value not in allowed:
        raise _wrong(values, key)
    return value


def _team(values: Mapping[str, str]) -> TeamChoice:
    strategy = cast(Strategy, choice(values, "team_strategy", STRATEGIES))
    key = _number(values, "team_id", least=1, most=LARGEST_ID) if values.get("team_id") else None
    if (strategy == "specific") != (key is not None):
        raise WrongMetadata("b2b_team_id goes with b2b_team_strategy=specific, and only with it.")
    name = values.get("team_name", "")
    if len(name) > TEAM_NAME_LENGTH:
        raise WrongMetadata(f"b2b_team_name has more than {TEAM_NAME_LENGTH} characters.")
    role: Literal["student"] = "student"
    return TeamChoice(strategy, key, name, role)


def _numbers(values: Mapping[str, str], key: str, *, least: int, most: int) -> list[int]:
    parts = values.get(key, "").replace(",", " ").split()
    if not parts or not all(NUMBER.fullmatch(part) and least <= int(part) <= most for part in parts):
        raise _wrong(values, key)
    return [int(part) for part in parts]


def _number(values: Mapping[str, str], key: str, *, least: int, most: int) -> int:
    found = _numbers(values, key, least=least, most=most)
    if len(found) != 1:
        raise _wrong(values, key)
    return found[0]


def _wrong(values: Mapping[str, str], key: str) -> WrongMetadata:
    said = f"is “{values[key]}”" if values.get(key) else "is missing"
    return WrongMetadata(f"The metadata do not fit: {PREFIX}{key} {said}. It is {KEYS[key]}.")
