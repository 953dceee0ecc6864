"""Places of seats: which seat gives a student a product, whether it has a free place, and until when."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.utils import timezone

from core import moments
from core.errors import Refusal
from core.models import Enrollment, Membership, Product, Seat, SeatAssignment, SiteSettings, Team, User
from core.permissions import scope
from core.services.seats import counting
from core.services.storage import bulk
from core.wording import plural

Pair = tuple[int, int]  # the primary keys of a student and a product
Moment = datetime | None  # None: no end


class NoPlacesLeft(Refusal):
    """A seat has not enough free places, or takes nobody now."""

    status = 409


@dataclass(frozen=True)
class Way:
    """A seat, and a team of the student that has it."""

    seat: Seat
    team: Team


@dataclass
class Plan:
    """How students would be enrolled through seats."""

    ways: dict[Pair, Way] = field(default_factory=dict)
    ends: dict[Pair, Moment] = field(default_factory=dict)  # of access
    takes: Counter[int] = field(default_factory=Counter)  # new places, by seat (primary key)
    used: dict[int, int] = field(default_factory=dict)  # places that were used before, by seat

    @property
    def seats(self) -> dict[Pair, Seat]:
        return {pair: way.seat for pair, way in self.ways.items()}

    def ways_by_seat(self) -> dict[int, Way]:
        return {way.seat.pk: way for way in self.ways.values()}

    def missing(self) -> dict[int, int]:
        """Returns how many places are missing, by seat (primary key)."""
        found = {
            pk: _missing(way.seat, self.used[pk], self.takes[pk]) for pk, way in self.ways_by_seat().items()
        }
        return {pk: count for pk, count in found.items() if count > 0}

    def warnings(self) -> list[str]:
        """Returns a sentence for each seat with a soft limit that gets more people than places."""
        missing, ways = self.missing(), self.ways_by_seat()
        return [
            f"{ways[pk].team} will have {plural(count, 'person', 'people')} more than places for "
            f"{ways[pk].seat.product}. The seat allows that."
            for pk, count in missing.items()
            if ways[pk].seat.soft_limit
        ]


def _missing(seat: Seat, used: int, takes: int) -> int:
    if seat.unlimited or not takes:
        return 0
    return min(takes, used + takes - (seat.max_seats or 0))


def lock(students: Collection[User], products: Collection[Product]) -> None:
    """Lock all seats whose counts change when these students get these products, in the order of their keys.
    Call it before enrollments are locked or written: every writer locks seats first."""
    keys = SeatAssignment.objects.filter(
        bulk.among("team__memberships__user_id", [student.pk for student in students]), product__in=products
    )
    seats = Seat.objects.select_for_update(of=("self",)).filter(pk__in=keys.order_by().values("seat"))
    list(seats.order_by("pk").values_list("pk", flat=True))


def ways_for(
    viewer: User, students: Collection[User], products: Collection[Product], team: Team | None = None
) -> dict[Pair, list[Way]]:
    """Returns the seats that could give each student each product: those of teams that the student is in and
    where the viewer may enroll people; with `team`, only those of this team."""
    members: dict[int, list[int]] = {}
    teams = scope.teams_where(viewer, "enrollments.create")
    rows = Membership.objects.filter(team__in=teams if team is None else teams.filter(pk=team.pk))
    chosen = rows.filter(bulk.among("user_id", [student.pk for student in students]))
    for team_id, user in chosen.order_by().values_list("team", "user"):
        members.setdefault(team_id, []).append(user)
    given = SeatAssignment.objects.filter(bulk.among("team_id", members), product__in=products)
    ways: dict[Pair, list[Way]] = {}
    for assignment in given.select_related("seat__product", "team").order_by("pk"):
        for user in members[assignment.team_id]:
            way = Way(assignment.seat, assignment.team)
            ways.setdefault((user, assignment.product_id), []).append(way)
    return ways


def plan(
    viewer: User,
    students: Collection[User],
    products: Collection[Product],
    *,
    end: Moment,
    now: datetime,
    team: Team | None = None,
) -> Plan:
    """Returns through which seats these students would be enrolled, until when, and what is missing. `end` is
    the end that was chosen (None: as the seat says); a seat's rule may end access earlier. `team`: see
    `ways_for`.

    Pairs without a seat are left out. Raises Refusal for inactive seats and for dates in the past.
    """
    ways, people = ways_for(viewer, students, products, team), [student.pk for student in students]
    seats = Seat.objects.filter(pk__in={way.seat.pk for some in ways.values() for way in some})
    used = counting.count_used(seats, now=now)
    holding = counting.places_of(seats, people, now=now)
    made = Plan(
        used={seat.pk: used.get(seat.pk, 0) for some in ways.values() for seat in [w.seat for w in some]}
    )
    for pair, options in sorted(ways.items()):
        way = _best(options, pair, made, holding)
        made.ways[pair] = way
        if (way.seat.pk, pair[0]) not in holding:
            made.takes[way.seat.pk] += 1
    for way in made.ways_by_seat().values():
        check_takes_people(way, now)
    made.ends = _ends(made.ways, end, now)
    return made


def with_access(users: Collection[int]) -> set[Pair]:
    """Returns the products that these students (primary keys) have access to now."""
    if not users:
        return set()
    rows = Enrollment.objects.filter(bulk.among("user_id", users)).giving_access().order_by()
    return set(rows.values_list("user", "product"))


def plan_without_limits(
    viewer: User,
    student: User,
    products: Collection[Product],
    *,
    team: Team,
    usual: Moment,
    now: datetime,
) -> Plan:
    """Returns through which seats the Student API enrolls a student of this team, and until when: its seats,
    also full and inactive ones. For a team's viewer a product without one may come from another of their
    teams that the student is in. `usual` is the end of access without a seat, and where the seat's own date
    has passed.
    """
    made = Plan()
    for pair, ways in ways_for(viewer, [student], products, team if viewer.sees_everything else None).items():
        made.ways[pair] = min(ways, key=lambda way: way.team.pk != team.pk)
    made.ends = {(student.pk, product.pk): usual for product in products}
    for pair, end in _ends(made.ways, None, now).items():
        made.ends[pair] = usual if end is not None and end <= now else end
    return made


def check(plan: Plan, *, by: User) -> None:
    """Raises NoPlacesLeft when a seat with a hard limit has not enough free places; names each of them."""
    ways = plan.ways_by_seat()
    missing = {pk: count for pk, count in plan.missing().items() if not ways[pk].seat.soft_limit}
    if not missing:
        return
    said = []
    for pk, count in missing.items():
        way, places = ways[pk], ways[pk].seat.max_seats or 0
        lacks = (
            "has no place left"
            if plan.takes[pk] == 1
            else f"needs {plural(plan.takes[pk], 'place')} and lacks {count:,}"
        )
        said.append(f"{way.team} {lacks} for {way.seat.product} ({plan.used[pk]:,} of {places:,} used).")
    helps = (
        "Add places to the seat, enroll fewer people, or enroll without a seat."
        if by.sees_everything
        else "Enroll fewer people, or ask an administrator for more places."
    )
    raise NoPlacesLeft(f"{' '.join(said)} Nobody was enrolled. {helps}")


def end_by_rule(seat: Seat, now: datetime) -> Moment:
    """Returns when access through the seat ends that begins now."""
    if seat.expiry_type == Seat.Expiry.DAYS and seat.expiry_days:
        return now + timedelta(days=seat.expiry_days)
    if seat.expiry_type == Seat.Expiry.DATE:
        return moments.end_of(seat.expiry_date)
    return None


def earlier(one: Moment, other: Moment) -> Moment:
    return min(one, other) if one and other else one or other


def _best(options: list[Way], pair: Pair, made: Plan, holding: Collection[Pair]) -> Way:
    """Returns the way to use: of the active seats the one where the student has a place, then one with a free
    place, then one that may be over."""

    taken = {way.seat.pk: made.used[way.seat.pk] + made.takes[way.seat.pk] for way in options}
    return best(options, taken, held=[way.seat.pk for way in options if (way.seat.pk, pair[0]) in holding])


def best(options: list[Way], taken: Mapping[int, int], held: Collection[int]) -> Way:
    """`_best` for somebody who holds a place of these seats (primary keys). `taken`: places by seat."""

    def rank(way: Way) -> tuple[bool, bool, bool, bool]:
        seat = way.seat
        return not seat.active, seat.pk not in held, is_full(seat, taken[seat.pk]), not seat.soft_limit

    return min(options, key=rank)


def is_full(seat: Seat, taken: int) -> bool:
    return not seat.unlimited and taken >= (seat.max_seats or 0)


def check_takes_people(way: Way, now: datetime) -> None:
    """Raises NoPlacesLeft when the seat takes nobody new, free places or not."""
    seat = way.seat
    if not seat.active:
        raise NoPlacesLeft(f"The seat of {way.team} on {seat.product} is inactive and takes nobody new.")
    end = end_by_rule(seat, now)
    if end is not None and end <= now:
        raise NoPlacesLeft(
            f"Access through the seat of {way.team} on {seat.product} ended on {moments.day(end)}, so nobody "
            "can be enrolled through it."
        )


def _ends(ways: Mapping[Pair, Way], end: Moment, now: datetime) -> dict[Pair, Moment]:
    rules = {way.seat.pk: end_by_rule(way.seat, now) for way in ways.values()}
    ends = {pair: earlier(rules[way.seat.pk], end) for pair, way in ways.items()}
    if SiteSettings.load().seat_expiry_winner == SiteSettings.ExpiryWinner.LONGEST:
        rows = Enrollment.objects.filter(bulk.Among("user_id", "product_id", rows=list(ends)))
        for user, product, present in rows.giving_access(now).values_list("user", "product", "expiry_date"):
            new = ends[user, product]
            longest = None if new is None or present is None else max(new, present)
            ends[user, product] = longest
    return ends


def check_reopening(enrollment: Enrollment, end: Moment, *, by: User | None) -> None:
    """Check a new end of access that a seat gave. Raises Refusal when a team's viewer moves it beyond the
    fixed date of the seat, and NoPlacesLeft when an expired enrollment would take a place that a full,
    reusable seat no longer has."""
    seat, now = enrollment.last_seat, timezone.now()
    if seat is None:
        return
    limit = moments.end_of(seat.expiry_date) if seat.expiry_type == Seat.Expiry.DATE else None
    if by is not None and not by.sees_everything and limit is not None and (end is None or end > limit):
        raise Refusal(f"The seat gives access until {moments.day(limit)} at most. Choose an earlier day.")
    opens = end is None or end > now
    if not (opens and seat.reusable) or seat.unlimited or seat.soft_limit:
        return
    seat = Seat.objects.select_for_update(of=("self",)).select_related("product").get(pk=seat.pk)
    rows = Seat.objects.filter(pk=seat.pk)
    if (seat.pk, enrollment.user_id) in counting.places_of(rows, [enrollment.user_id], now=now):
        return
    shares = Membership.objects.filter(user=enrollment.user_id, team__seat_assignments__seat=seat.pk)
    used = counting.count_used(rows, now=now).get(seat.pk, 0)
    if shares.exists() and used >= (seat.max_seats or 0):
        everywhere = by is None or by.sees_everything
        helps = "Add places first." if everywhere else "Ask an administrator for more places."
        raise NoPlacesLeft(
            f"The seat on {seat.product} has no place left ({used:,} of {seat.max_seats or 0:,} used), and "
            f"{enrollment.user}'s place was given back when access ended. {helps}"
        )
