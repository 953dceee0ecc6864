"""Seats and their assignments to teams. Products are found by Thinkific's ids or names, and never made."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import Model
from django.utils import timezone

from core import moments
from core.folding import fold
from core.migration.kinds.kind import Kind, delete, differences, record
from core.migration.rows import Row, Run, Verdict
from core.migration.values import day
from core.models import Enrollment, MigrationRow, Product, Seat, SeatAssignment, SeatTag, Tag, Team, User
from core.models.fields.settings_checks import MOST_DAYS, MOST_PLACES
from core.services.history import record_initial_state
from core.services.storage import bulk

RULES = ("description", "expiry_days", "reusable", "extendable", "soft_limit", "active", "unlimited")
COLUMNS = [
    *("name", "description", "product_id", "unlimited", "max_seats", "expiry_type", "expiry_days"),
    *("expiry_date", "reusable", "extendable", "soft_limit", "active", "source_template_id"),
    "used_counted_at",
]


class Seats(Kind):
    name, model = "seats", Seat
    code, undo_code = "seats.create", "seats.delete"

    def find(self, rows: Sequence[Row], run: Run) -> None:
        _find_products(rows)
        rows = [row for row in rows if row.verdict == Verdict.NEW]
        earlier = run.earlier(self.name, [row.ref for row in rows])
        there = Seat.objects.in_bulk(list(earlier.values()))
        teams = self._teams(rows, run)
        alone = self._unassigned(rows, run)
        for row in rows:
            found = there.get(earlier.get(row.ref, 0))
            if found is None and row.ref in teams:
                found = self._of_teams(row, teams[row.ref])
            elif found is None:
                same = alone.get((fold(row.values["name"]), row.keys["product"]), [])
                found = same.pop(0) if same else None
            if found is not None:
                row.is_there(found.pk, _differences(found, row))

    def _teams(self, rows: Sequence[Row], run: Run) -> dict[str, list[int]]:
        """Returns the teams here that each of these seats is assigned to in the file, by its id; [] where
        the teams are new."""
        refs = [row.ref for row in rows]
        assigned = MigrationRow.objects.filter(migration=run.migration, kind="seat_assignments")
        pairs = [
            (values["seat"], values["team"])
            for values in assigned.filter(values__seat__in=refs).values_list("values", flat=True)
        ]
        found, _ = run.targets("teams", {team for _, team in pairs if team})
        teams: dict[str, list[int]] = {}
        for seat, team in pairs:
            keys = teams.setdefault(seat, [])
            if team in found and found[team].key > 0:
                keys.append(found[team].key)
        return teams

    def _of_teams(self, row: Row, teams: list[int]) -> Seat | None:
        """A team has one seat per product, so a seat is the one of this name that one of its teams has."""
        given = SeatAssignment.objects.filter(team__in=teams, product=row.keys["product"])
        for assignment in given.select_related("seat").order_by("pk"):
            if fold(assignment.seat.name) == fold(row.values["name"]):
                return assignment.seat
        return None

    def _unassigned(self, rows: Sequence[Row], run: Run) -> dict[tuple[str, int], list[Seat]]:
        """Returns the seats of no team by name and product. Several of one name are taken in their order."""
        seats = Seat.objects.filter(product__in={row.keys["product"] for row in rows}, assignments=None)
        found: dict[tuple[str, int], list[Seat]] = {}
        seats = seats.exclude(pk__in=run.matched(self.name, before=rows))
        for seat in seats.order_by("pk"):
            found.setdefault((fold(seat.name), seat.product_id), []).append(seat)
        return found

    def check(self, rows: Sequence[Row], run: Run) -> None:
        for row in rows:
            if why := _problem(row.values):
                row.refuse(why)

    def write(self, rows: Sequence[Row], run: Run) -> None:
        # A copy may stand in the same chunk as its template, which then has no key yet.
        values = [(*_stored(row), None, timezone.now()) for row in rows]
        for row, key in zip(rows, self.insert(Seat, COLUMNS, values, run), strict=True):
            row.object_id = key
        tags = [(row.object_id, tag) for row in rows for tag in row.keys["tags"]]
        self.insert(SeatTag, ["seat_id", "tag_id"], tags, run)
        own = {row.ref: row.object_id for row in rows}
        before, _ = run.targets(self.name, {row.values["template"] for row in rows if row.values["template"]})
        templates = [
            (row.object_id, own.get(ref) or before[ref].key)
            for row in rows
            if (ref := row.values["template"]) and (ref in own or ref in before)
        ]
        bulk.update(Seat, ["source_template_id"], templates)

    def export(self) -> Iterator[Sequence[Any]]:
        rows = Seat.objects.order_by("pk").select_related("product").prefetch_related("tags")
        for seat in rows.iterator(chunk_size=500):
            yield (
                *(seat.pk, seat.name, seat.description, seat.product.productable_type),
                *(seat.product.productable_id, seat.product.name, seat.unlimited, seat.max_seats),
                *(seat.expiry_type, seat.expiry_days, seat.expiry_date, seat.reusable, seat.extendable),
                *(seat.soft_limit, seat.active, sorted(tag.pk for tag in seat.tags.all())),
                seat.source_template_id,
            )

    def may_cascade(self) -> set[type[Model]]:
        return {SeatTag, Seat}

    def before_deletion(self, keys: Sequence[int], by: User, reason: str) -> None:
        tags = SeatTag.objects.filter(seat__in=keys)
        record(SeatTag, tags.values_list("pk", flat=True), "-", by, reason)
        delete(tags)
        copies = list(Seat.objects.filter(source_template__in=keys).values_list("pk", flat=True))
        record_initial_state(Seat, copies)
        Seat.objects.filter(pk__in=copies).update(source_template=None)
        record(Seat, copies, "~", by, reason)


class SeatAssignments(Kind):
    name, model, code = "seat_assignments", SeatAssignment, "seats.assign"

    def find(self, rows: Sequence[Row], run: Run) -> None:
        products = _products_of(rows, run)
        taken = self._taken({row.keys["team"] for row in rows})
        for row in rows:
            row.keys["product"] = products[row.keys["seat"]]
            found = taken.get((row.keys["team"], row.keys["product"]))
            if found is not None and found.seat_id == row.keys["seat"]:
                row.is_there(found.pk, differences([("the mode", found.mode, row.values["mode"])]))
            elif found is not None:
                row.refuse(
                    f"seat: {found.team} has the seat “{found.seat}” on this product already, and a team has "
                    "one per product. Withdraw it first, or add its places to that seat."
                )

    def _taken(self, teams: set[int]) -> dict[tuple[int, int], SeatAssignment]:
        given = SeatAssignment.objects.filter(team__in=[key for key in teams if key > 0])
        return {(one.team_id, one.product_id): one for one in given.select_related("team", "seat")}

    def check(self, rows: Sequence[Row], run: Run) -> None:
        given = run.given if run.dry else set()
        made = run.made("teams", rows, "team")
        archived = Team.objects.filter(archived_at__isnull=False, pk__in=[row.keys["team"] for row in rows])
        off = {team.pk: team for team in archived if team.pk not in made}
        for row in rows:
            pair = (row.keys["team"], row.keys["product"])
            if pair in given:
                row.refuse("seat: an earlier row gives this team a seat on the same product.")
            elif row.keys["team"] in off:
                row.refuse(f"team: {off[row.keys['team']]} is archived here. Restore it first.")
            given.add(pair)

    def write(self, rows: Sequence[Row], run: Run) -> None:
        columns = ["team_id", "seat_id", "product_id", "mode"]
        values = [
            (*(row.keys[name] for name in ("team", "seat", "product")), row.values["mode"]) for row in rows
        ]
        for row, key in zip(rows, self.insert(SeatAssignment, columns, values, run), strict=True):
            row.object_id = key

    def export(self) -> Iterator[Sequence[Any]]:
        rows = SeatAssignment.objects.order_by("pk").values_list("team", "seat", "mode")
        yield from rows.iterator(chunk_size=2000)

    def why_kept(self, rows: Sequence[Row], run: Run) -> dict[int, str]:
        used = SeatAssignment.objects.filter(pk__in=[row.object_id for row in rows])
        given = Enrollment.objects.filter(last_seat__in=used.values("seat")).order_by().values("last_seat")
        used = used.filter(seat__in=given)
        return dict.fromkeys(used.values_list("pk", flat=True), "the seat gave access to people")


def _find_products(rows: Sequence[Row]) -> None:
    """Set the product of each row, or refuse it."""
    numbers = {row.values["product_id"] for row in rows if row.values["product_id"] is not None}
    names = {row.values["product_name"] for row in rows if row.values["product_name"]}
    by_id = {
        (product.productable_type, product.productable_id): product
        for product in Product.objects.filter(bulk.among("productable_id", numbers), removed_at__isnull=True)
    }
    by_name: dict[tuple[str, str], list[Product]] = {}
    for product in Product.objects.filter(bulk.among("name", names), removed_at__isnull=True):
        by_name.setdefault((product.productable_type, product.name), []).append(product)
    for row in rows:
        kind, name = row.values["product_type"], row.values["product_name"]
        same = by_name.get((kind, name), [])
        found = by_id.get((kind, row.values["product_id"])) or (same[0] if len(same) == 1 else None)
        if found is not None:
            row.keys["product"] = found.pk
        elif len(same) > 1:
            row.refuse(f"product_name: {len(same):,} products are called “{name[:60]}”. Give product_id.")
        else:
            which = name or f"{kind} {row.values['product_id']}"
            row.refuse(
                f"product_id: the product “{which[:80]}” is not here. Sync the products first; they are "
                "read from Thinkific and never made by a migration."
            )


def _products_of(rows: Sequence[Row], run: Run) -> dict[int, int]:
    """Returns the products of the seats that the rows name, also of those that will be made."""
    keys = {row.keys["seat"] for row in rows}
    found = dict(Seat.objects.filter(pk__in=[k for k in keys if k > 0]).values_list("pk", "product"))
    coming = [Row(-key, 0, 0, "", "", 0, values) for key, values in run.coming(keys).items()]
    _find_products(coming)
    return found | {-row.pk: row.keys["product"] for row in coming}


def _problem(values: dict[str, Any]) -> str:
    if not values["unlimited"] and values["places"] is None:
        return "places: enter how many places the seat has, or yes in unlimited."
    if (values["places"] or 0) > MOST_PLACES:
        return f"places: {MOST_PLACES:,} is the most. For more, make the seat unlimited."
    if values["expiry"] == Seat.Expiry.DAYS and values["expiry_days"] is None:
        return "expiry_days: enter after how many days access ends. 0 means that it does not end."
    if (values["expiry_days"] or 0) > MOST_DAYS:
        return f"expiry_days: {MOST_DAYS:,} is the most."
    if values["expiry"] == Seat.Expiry.DATE and values["expiry_date"] is None:
        return "expiry_date: enter the day on which access ends."
    date = day(values["expiry_date"])
    if date is not None and date > moments.LAST_DAY:
        return "expiry_date: choose a day before the year 2200."
    return ""


def _stored(row: Row) -> tuple:
    """Returns the values of COLUMNS without the last two."""
    values = row.values
    return (
        *(values["name"], values["description"], row.keys["product"], values["unlimited"], values["places"]),
        *(values["expiry"], values["expiry_days"], day(values["expiry_date"]), values["reusable"]),
        *(values["extendable"], values["soft_limit"], values["active"]),
    )


def _differences(seat: Seat, row: Row) -> list[str]:
    pairs = [(name.replace("_", " "), getattr(seat, name), row.values[name]) for name in RULES]
    pairs.append(("the number of places", seat.max_seats, row.values["places"]))
    pairs.append(("its expiry", seat.expiry_type, row.values["expiry"]))
    pairs.append(("its last day", seat.expiry_date, day(row.values["expiry_date"])))
    said = differences(pairs)
    if set(Tag.objects.filter(seats=seat).values_list("pk", flat=True)) != set(row.keys["tags"]):
        said.append("its tags are others")
    return said
