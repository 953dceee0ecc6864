"""What a batch of events and the requests to Thinkific say about enrollments."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from core.models import Product
from integrations.models import InboundEvent
from integrations.thinkific.client import schemas
from integrations.thinkific.webhooks import payloads
from integrations.thinkific.webhooks.handlers import catalog
from integrations.thinkific.webhooks.handlers.unknown_people import PeopleLookup
from integrations.thinkific.webhooks.inbox import Verdicts

BEGINNING = datetime.min.replace(tzinfo=UTC)


@dataclass
class Stored:
    pk: int
    updated_at: datetime | None
    removed: bool


@dataclass
class Report:
    """What a batch says about one enrollment."""

    events: list[InboundEvent] = field(default_factory=list)
    snapshots: dict[int, payloads.Enrollment] = field(default_factory=dict)  # by event
    lessons: list[InboundEvent] = field(default_factory=list)
    people: list[schemas.User] = field(default_factory=list)
    newest: payloads.Enrollment | None = None
    found: schemas.Enrollment | None = None  # what Thinkific answered
    gone: bool = False

    def add(self, event: InboundEvent, told: payloads.Enrollment | payloads.Lesson) -> None:
        self.events.append(event)
        self.people += [told.user] if told.user else []
        if isinstance(told, payloads.Lesson):
            self.lessons.append(event)
            return
        self.snapshots[event.pk] = told
        if told.is_whole and (self.newest is None or as_of(told) >= as_of(self.newest)):
            self.newest = told

    @property
    def row(self) -> schemas.Enrollment | None:
        """The enrollment as a row of the REST list: Thinkific's answer, else the newest event."""
        if self.found is not None:
            return self.found
        return payloads.as_listed(self.newest) if self.newest is not None else None

    @property
    def persons(self) -> set[int]:
        """The people that it names, as Thinkific ids."""
        row = self.row
        return {person.id for person in self.people} | ({row.user_id} if row and row.user_id else set())


@dataclass
class Work:
    reports: dict[int, Report] = field(default_factory=dict)  # by the enrollment's Thinkific id
    stored: dict[int, Stored] = field(default_factory=dict)
    active: dict[int, datetime] = field(default_factory=dict)
    lookup: PeopleLookup = field(default_factory=PeopleLookup)
    courses: catalog.Work = field(default_factory=catalog.Work)  # courses that were not stored here
    gone: list[int] = field(default_factory=list)  # primary keys of enrollments whose student is gone
    through: dict[Product, list[int]] = field(default_factory=dict)  # enrollments' Thinkific ids, by bundle
    verdicts: Verdicts = field(default_factory=dict)


def as_of(told: payloads.Enrollment) -> datetime:
    return told.updated_at or BEGINNING
