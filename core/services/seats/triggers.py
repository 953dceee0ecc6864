"""Database triggers that keep `Seat.used_count` true, whoever writes: a service, a pull, a webhook, the
deletion of a user or a team, a shell.

They count by the definition of `counting.py`, at the moment `used_counted_at` of each seat: that a date
passes is no write, so an enrollment on a reusable seat that expired since still counts, until
`counting.let_pass` moves the moment on. Each trigger changes the count by the difference that the written
rows make. On PostgreSQL it locks the seats in the order of their keys before it counts, and a change of
memberships also locks the enrollments of the people: of two changes about one person at the same time, the
second sees the first.

They are installed after each `migrate` and not by a migration, because SQLite drops the triggers of a table
that a migration makes again, and refuses to rename a table that a trigger names.
"""
# ruff: noqa: S608  # all parts of the statements are written here

from typing import Any

from django.db import connections, router

from core.models import Seat

# Which enrollments {e} take a place of seat {s}: as `counting.places`.
COUNTS = """({e}.removed_at IS NULL AND {e}.via_bundle_id IS NULL
 AND NOT ({e}.push_state = 'failed' AND {e}.thinkific_id IS NULL)
 AND NOT ({s}.reusable AND {e}.expiry_date IS NOT NULL AND {s}.used_counted_at IS NOT NULL
  AND {e}.expiry_date <= {s}.used_counted_at)
 AND ({e}.last_seat_id IS NOT NULL OR {e}.origin <> 'thinkific' OR COALESCE(
  (SELECT bought_enrollments_take_places FROM core_sitesettings WHERE id = 1), TRUE)))"""
DECIDING = (
    "removed_at",
    "via_bundle_id",
    "push_state",
    "thinkific_id",
    "expiry_date",
    "last_seat_id",
    "origin",
)
# Whether user {u} is in a team of seat {s} by another membership, or by another assignment.
ELSEWHERE = """EXISTS (SELECT 1 FROM core_membership m2
 JOIN core_seatassignment sa2 ON sa2.team_id = m2.team_id
 WHERE m2.user_id = {u} AND sa2.seat_id = {s} {but})"""
SEATS_OF = """(SELECT sa.seat_id FROM core_membership m JOIN core_seatassignment sa ON sa.team_id = m.team_id
 WHERE m.user_id = {e}.user_id AND sa.product_id = {e}.product_id)"""


def install(using: str, **_: Any) -> None:
    """Receiver of `post_migrate`."""
    connection = connections[using]
    if not router.allow_migrate_model(using, Seat) or not _has_the_columns(connection):
        return
    remove(using)
    with connection.cursor() as cursor:
        for statement in postgresql() if connection.vendor == "postgresql" else sqlite():
            cursor.execute(statement)


def remove(using: str, **_: Any) -> None:
    """Receiver of `pre_migrate`, where the database is SQLite."""
    connection = connections[using]
    with connection.cursor() as cursor:
        for table, name in NAMES:
            if connection.vendor != "postgresql":
                cursor.execute(f"DROP TRIGGER IF EXISTS {name}")
            elif _has_the_columns(connection):
                cursor.execute(f"DROP TRIGGER IF EXISTS {name} ON {table}")


def remove_before_migrating(using: str, **_: Any) -> None:
    """Receiver of `pre_migrate`. PostgreSQL keeps its triggers, which old code that still runs needs."""
    if connections[using].vendor != "postgresql":
        remove(using)


def _has_the_columns(connection: Any) -> bool:
    """Whether the migrations have made what the triggers name; not in the middle of the history."""
    with connection.cursor() as cursor:
        if "core_sitesettings" not in connection.introspection.table_names(cursor):
            return False
        columns = connection.introspection.get_table_description(cursor, "core_sitesettings")
    return "bought_enrollments_take_places" in {column.name for column in columns}


# --- SQLite: one row after the other --------------------------------------------------------------------

NAMES = [
    (table, f"seat_counts_{table.removeprefix('core_')}_{event}")
    for table in ("core_enrollment", "core_membership", "core_seatassignment")
    for event in ("insert", "delete", "update", "moved")
] + [("core_sitesettings", "seat_counts_sitesettings_update")]
SQLITE_ADD = "UPDATE core_seat SET used_count = MAX(0, used_count {sign} {by}) WHERE {where};"


def sqlite() -> list[str]:
    """Returns the statements that create the triggers on SQLite."""
    made = []
    for table, changes, unless_same in (
        ("core_enrollment", _of_enrollment, ("user_id", "product_id")),
        ("core_membership", _of_membership, ("user_id", "team_id")),
        ("core_seatassignment", _of_assignment, ("team_id", "seat_id", "product_id")),
    ):
        name = f"seat_counts_{table.removeprefix('core_')}"
        moved = " OR ".join(f"OLD.{column} IS NOT NEW.{column}" for column in unless_same)
        made += [
            f"CREATE TRIGGER {name}_insert AFTER INSERT ON {table} BEGIN {changes('NEW', '+')} END",
            f"CREATE TRIGGER {name}_delete AFTER DELETE ON {table} BEGIN {changes('OLD', '-')} END",
            f"CREATE TRIGGER {name}_moved AFTER UPDATE OF {', '.join(unless_same)} ON {table} "
            f"WHEN {moved} BEGIN {changes('OLD', '-')} {changes('NEW', '+')} END",
        ]
    old, new = (COUNTS.format(e=row, s="core_seat") for row in ("OLD", "NEW"))
    differs = " OR ".join(f"OLD.{column} IS NOT NEW.{column}" for column in DECIDING)
    seats = SEATS_OF.format(e="NEW")
    change = f"CASE WHEN {new} THEN 1 ELSE -1 END"
    made += [
        f"CREATE TRIGGER seat_counts_enrollment_update AFTER UPDATE OF {', '.join(DECIDING)} "
        f"ON core_enrollment WHEN ({differs}) AND OLD.user_id = NEW.user_id "
        "AND OLD.product_id = NEW.product_id BEGIN "
        + SQLITE_ADD.format(sign="+", by=change, where=f"id IN {seats} AND ({old}) <> ({new})")
        + " END",
        # `counting.let_pass` counts seats without a moment again.
        "CREATE TRIGGER seat_counts_sitesettings_update AFTER UPDATE OF bought_enrollments_take_places "
        "ON core_sitesettings "
        "WHEN OLD.bought_enrollments_take_places <> NEW.bought_enrollments_take_places "
        "BEGIN UPDATE core_seat SET used_counted_at = NULL; END",
    ]
    return made


def _of_enrollment(row: str, sign: str) -> str:
    counts = COUNTS.format(e=row, s="core_seat")
    return SQLITE_ADD.format(sign=sign, by=1, where=f"id IN {SEATS_OF.format(e=row)} AND {counts}")


def _of_membership(row: str, sign: str) -> str:
    counts = COUNTS.format(e="e", s="core_seat")
    elsewhere = ELSEWHERE.format(u=f"{row}.user_id", s="core_seat.id", but=f"AND m2.id <> {row}.id")
    return SQLITE_ADD.format(
        sign=sign,
        by=1,
        where=f"id IN (SELECT seat_id FROM core_seatassignment WHERE team_id = {row}.team_id) "
        f"AND EXISTS (SELECT 1 FROM core_enrollment e WHERE e.user_id = {row}.user_id "
        f"AND e.product_id = core_seat.product_id AND {counts}) AND NOT {elsewhere}",
    )


def _of_assignment(row: str, sign: str) -> str:
    counts = COUNTS.format(e="e", s="core_seat")
    elsewhere = ELSEWHERE.format(u="m.user_id", s=f"{row}.seat_id", but=f"AND sa2.id <> {row}.id")
    people = (
        "(SELECT COUNT(*) FROM core_membership m JOIN core_enrollment e ON e.user_id = m.user_id "
        f"AND e.product_id = {row}.product_id WHERE m.team_id = {row}.team_id AND {counts} "
        f"AND NOT {elsewhere})"
    )
    return SQLITE_ADD.format(sign=sign, by=people, where=f"id = {row}.seat_id")


# --- PostgreSQL: the rows of a statement together --------------------------------------------------------

LOCK = "PERFORM 1 FROM core_seat WHERE id IN ({seats}) ORDER BY id FOR NO KEY UPDATE;"
PG_ADD = """UPDATE core_seat s SET used_count = GREATEST(0, s.used_count {sign} d.people)
 FROM ({people}) d WHERE s.id = d.id;"""
FUNCTION = (
    "CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ "
    "BEGIN {body} RETURN NULL; END $$"
)
RECOUNT = """UPDATE core_seat s SET used_count = (SELECT COUNT(DISTINCT e.user_id)
 FROM core_seatassignment sa JOIN core_membership m ON m.team_id = sa.team_id
 JOIN core_enrollment e ON e.user_id = m.user_id AND e.product_id = sa.product_id
 WHERE sa.seat_id = s.id AND {counts}) WHERE s.id IN ({seats});"""


def postgresql() -> list[str]:
    """Returns the statements that create the triggers on PostgreSQL."""
    made = []
    for rows, event, sign in (("NEW", "insert", "+"), ("OLD", "delete", "-")):
        for table, changes in (("enrollment", _enrollments), ("membership", _memberships)):
            made += _statement_trigger(f"core_{table}", event, f"{rows} TABLE AS changed", changes(sign))
        made += _statement_trigger(
            "core_seatassignment", event, f"{rows} TABLE AS changed", _recount("SELECT seat_id FROM changed")
        )
    made += _statement_trigger(
        "core_seatassignment",
        "update",
        "OLD TABLE AS before NEW TABLE AS changed",
        _recount("SELECT seat_id FROM before UNION SELECT seat_id FROM changed"),
    )
    teams = "SELECT seat_id FROM core_seatassignment WHERE team_id IN (OLD.team_id, NEW.team_id)"
    made += _row_trigger("core_membership", "update", ("user_id", "team_id"), _recount(teams))
    both = " UNION ".join(SEATS_OF.format(e=row)[1:-1] for row in ("OLD", "NEW"))
    made += _row_trigger("core_enrollment", "moved", ("user_id", "product_id"), _recount(both))
    made += _row_trigger("core_enrollment", "update", DECIDING, _changed_enrollment())
    made += _row_trigger(
        "core_sitesettings",
        "update",
        ("bought_enrollments_take_places",),
        "UPDATE core_seat SET used_counted_at = NULL;",
    )
    return made


def _statement_trigger(table: str, event: str, rows: str, body: str) -> list[str]:
    name = f"seat_counts_{table.removeprefix('core_')}_{event}"
    return [
        FUNCTION.format(name=name, body=body),
        f"CREATE TRIGGER {name} AFTER {event.upper()} ON {table} REFERENCING {rows} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {name}()",
    ]


def _row_trigger(table: str, event: str, columns: tuple[str, ...], body: str) -> list[str]:
    name = f"seat_counts_{table.removeprefix('core_')}_{event}"
    old, new = (", ".join(f"{row}.{column}" for column in columns) for row in ("OLD", "NEW"))
    return [
        FUNCTION.format(name=name, body=body),
        f"CREATE TRIGGER {name} AFTER UPDATE OF {', '.join(columns)} ON {table} FOR EACH ROW "
        f"WHEN (({old}) IS DISTINCT FROM ({new})) EXECUTE FUNCTION {name}()",
    ]


def _recount(seats: str) -> str:
    return LOCK.format(seats=seats) + RECOUNT.format(counts=COUNTS.format(e="e", s="s"), seats=seats)


def _enrollments(sign: str) -> str:
    pairs = (
        "SELECT DISTINCT sa.seat_id AS id, e.id AS enrollment FROM changed e "
        "JOIN core_membership m ON m.user_id = e.user_id "
        "JOIN core_seatassignment sa ON sa.team_id = m.team_id AND sa.product_id = e.product_id "
        f"JOIN core_seat s ON s.id = sa.seat_id WHERE {COUNTS.format(e='e', s='s')}"
    )
    people = f"SELECT id, COUNT(*) AS people FROM ({pairs}) p GROUP BY id"
    # All seats on these products, also those of teams that the people are not seen in: a membership that
    # another transaction has written shows only after it let go of the seats.
    seats = "SELECT seat_id FROM core_seatassignment WHERE product_id IN (SELECT product_id FROM changed)"
    return LOCK.format(seats=seats) + PG_ADD.format(sign=sign, people=people)


def _memberships(sign: str) -> str:
    given = "core_seatassignment sa ON sa.team_id = c.team_id"
    elsewhere = ELSEWHERE.format(
        u="c.user_id", s="sa.seat_id", but="AND m2.id NOT IN (SELECT id FROM changed)"
    )
    people = (
        "SELECT sa.seat_id AS id, COUNT(DISTINCT c.user_id) AS people FROM changed c "
        f"JOIN {given} JOIN core_seat s ON s.id = sa.seat_id "
        "JOIN core_enrollment e ON e.user_id = c.user_id AND e.product_id = sa.product_id "
        f"WHERE {COUNTS.format(e='e', s='s')} AND NOT {elsewhere} GROUP BY sa.seat_id"
    )
    return (
        LOCK.format(seats=f"SELECT sa.seat_id FROM changed c JOIN {given}")
        + "PERFORM 1 FROM core_enrollment WHERE id IN (SELECT e.id FROM changed c "
        f"JOIN {given} JOIN core_enrollment e ON e.user_id = c.user_id AND e.product_id = sa.product_id) "
        "ORDER BY id FOR UPDATE;" + PG_ADD.format(sign=sign, people=people)
    )


def _changed_enrollment() -> str:
    old, new = (COUNTS.format(e=row, s="s") for row in ("OLD", "NEW"))
    seats = f"SELECT s.id FROM core_seat s WHERE s.id IN {SEATS_OF.format(e='NEW')} AND ({old}) <> ({new})"
    people = (
        f"SELECT s.id, CASE WHEN {new} THEN 1 ELSE -1 END AS people FROM core_seat s WHERE s.id IN ({seats})"
    )
    same = "OLD.user_id = NEW.user_id AND OLD.product_id = NEW.product_id"
    return f"IF {same} THEN {LOCK.format(seats=seats)} {PG_ADD.format(sign='+', people=people)} END IF;"
