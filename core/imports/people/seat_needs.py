"""Places of seats that a file would take, counted before anything is written."""

from collections import Counter
from collections.abc import Collection, Iterable
from datetime import datetime

from core.errors import Refusal
from core.imports.report import SeatNeed
from core.models import Product, Seat, SeatAssignment, User
from core.permissions import scope
from core.services.enrollments import places
from core.services.enrollments.places import Way
from core.services.seats import counting
from core.services.storage import bulk


class SeatNeeds:
    """Plans enrollments through seats as `places.plan` does, also of people who have no account yet. People
    who hold a place already take none."""

    def __init__(self, viewer: User, now: datetime) -> None:
        self.viewer, self.now = viewer, now
        self._teams = scope.teams_where(viewer, "enrollments.create")
        self._ways: dict[tuple[int, int], Way] = {}  # by team and product
        self._known: set[int] = set()  # teams that were looked up
        self._free: dict[int, int] = {}  # places that were free before, by seat
        self._taken: dict[int, int] = {}  # by seat
        self._needs: Counter[int] = Counter()
        self._by_seat: dict[int, Way] = {}
        self._held: set[tuple[int, int]] = set()  # seat and user, of the present chunk
        self._access: set[tuple[int, int]] = set()  # user and product, likewise

    def prepare(self, teams: Iterable[int], accounts: Collection[int]) -> None:
        """Look up the seats of these teams, and the places that these accounts hold."""
        new = set(teams) - self._known
        self._known |= new
        if new:
            here = SeatAssignment.objects.filter(bulk.among("team_id", new), team__in=self._teams)
            rows = list(here.select_related("seat__product", "team").order_by("pk"))
            for row in rows:
                way = Way(row.seat, row.team)
                self._ways[row.team_id, row.product_id] = way
                self._by_seat.setdefault(row.seat_id, way)
            unknown = {row.seat_id for row in rows} - self._taken.keys()
            used = counting.count_used(Seat.objects.filter(pk__in=unknown), now=self.now) if unknown else {}
            for seat in unknown:
                self._taken[seat] = used.get(seat, 0)
                self._free[seat] = max(0, (self._by_seat[seat].seat.max_seats or 0) - self._taken[seat])
        seats = Seat.objects.filter(pk__in=self._taken)
        self._held = counting.places_of(seats, accounts, now=self.now) if accounts and self._taken else set()
        self._access = places.with_access(accounts)

    def take(self, teams: Iterable[int], products: Iterable[Product], account: int | None) -> str:
        """Take a place for each product. Returns why somebody in these teams cannot be enrolled; then no
        place is taken."""
        taken, problems, here = [], [], list(teams)
        held = [seat for seat, user in self._held if user == account] if account is not None else []
        for product in products:
            if (account, product.pk) in self._access:
                continue
            options = [way for team in here if (way := self._ways.get((team, product.pk))) is not None]
            if not options:
                if not self.viewer.sees_everything:
                    problems.append(f"You may enroll through no seat of this line's teams on {product}.")
                continue
            way = places.best(options, self._taken, held)
            try:
                places.check_takes_people(way, self.now)
            except Refusal as refusal:
                problems.append(str(refusal))
                continue
            seat = way.seat
            if seat.pk in held:
                continue
            self._needs[seat.pk] += 1
            if places.is_full(seat, self._taken[seat.pk]) and not seat.soft_limit:
                problems.append(self._full(way))
            else:
                taken.append(seat.pk)
                self._taken[seat.pk] += 1
        if problems:
            for key in taken:
                self._taken[key] -= 1
        return " ".join(problems)

    def _full(self, way: Way) -> str:
        free, product = self._free[way.seat.pk], way.seat.product
        some = f"the {free:,} free places go to lines above" if free else "no place is free"
        helps = "Add places to the seat" if self.viewer.sees_everything else "Ask for more places"
        return f"{way.team} has no place left for {product}: {some}. {helps}, or enroll fewer people."

    def found(self) -> list[SeatNeed]:
        """Returns what the file needs, the seats that lack most first."""
        needs = [
            SeatNeed(
                seat=key,
                product=str(way.seat.product),
                team=str(way.team),
                needs=count,
                free=None if way.seat.unlimited else self._free[key],
                soft=way.seat.soft_limit,
            )
            for key, count in self._needs.items()
            for way in [self._by_seat[key]]
        ]
        return sorted(needs, key=lambda need: (-need.missing, need.team, need.product))
