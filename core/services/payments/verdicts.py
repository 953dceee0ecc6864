"""What came of an event."""

from dataclasses import dataclass

from core.models import Sale, StripeEvent


@dataclass(frozen=True)
class Verdict:
    status: str
    outcome: str
    sale: Sale | None = None


def done(outcome: str, sale: Sale) -> Verdict:
    return Verdict(StripeEvent.Status.PROCESSED, outcome, sale)


def ignored(outcome: str, sale: Sale | None = None) -> Verdict:
    return Verdict(StripeEvent.Status.IGNORED, outcome, sale)
