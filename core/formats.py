"""How dates, times and amounts are written. Requests, tasks and commands run within `using`, which gives the
formats of the settings; elsewhere those that the dashboard is shipped with count."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from decimal import Decimal

# The format of a date -> the same without its year.
WITHOUT_YEAR = {
    "j M Y": "j M",
    "M j, Y": "M j",
    "d/m/Y": "d/m",
    "m/d/Y": "m/d",
    "d.m.Y": "d.m.",
    "Y-m-d": "m-d",
}
AMOUNTS = {  # an example -> separator of thousands, of decimals, and whether the currency comes first
    "1,234.50 USD": (",", ".", False),
    "USD 1,234.50": (",", ".", True),
    "1.234,50 USD": (".", ",", False),
    "USD 1.234,50": (".", ",", True),
    "1 234,50 USD": ("\u00a0", ",", False),
}


@dataclass(frozen=True, slots=True)
class Formats:
    date: str = "j M Y"
    twelve_hours: bool = False
    amount: str = "1,234.50 USD"
    currency: str = ""  # of amounts for which Thinkific names none

    @property
    def time(self) -> str:
        return "g:i A" if self.twelve_hours else "H:i"

    @property
    def time_with_seconds(self) -> str:
        return "g:i:s A" if self.twelve_hours else "H:i:s"

    @property
    def date_without_year(self) -> str:
        return WITHOUT_YEAR.get(self.date, "j M")

    def price(self, amount: Decimal, currency: str) -> str:
        """Returns an amount with its currency: `1,234.50 USD`."""
        thousands, decimals, first = AMOUNTS.get(self.amount, AMOUNTS["1,234.50 USD"])
        number = f"{amount:,.2f}".translate({ord(","): thousands, ord("."): decimals})
        parts = [number, currency or self.currency]
        return "\u00a0".join(reversed(parts) if first else parts).strip()


_read: ContextVar[Callable[[], Formats]] = ContextVar("formats", default=Formats)


def formats() -> Formats:
    return _read.get()()


@contextmanager
def using(read: Callable[[], Formats]) -> Iterator[None]:
    """`read` is called whenever something is written."""
    before = _read.set(read)
    try:
        yield
    finally:
        _read.reset(before)
