"""Writing and finding many rows at once in the fastest way of each database: COPY and arrays on PostgreSQL,
executemany on SQLite.

For the mirror only: nothing here writes history, sends signals or calls methods of the model.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from operator import itemgetter
from typing import Any

import msgspec
from django.db import connection, models
from django.utils import timezone

from core.models.fields.folded import fields_of
from core.services.storage import copy_text

Row = Sequence[Any]
PART = 250  # rows of a COPY that are sent together
SQLITE_PARAMETERS = 900  # of one statement; any build of SQLite takes these


class Among(models.Func):
    """A condition for `filter()`: the columns have the values of one of these rows. Values are integers or
    text.

    It is `__in` for one or several columns, with one parameter per column instead of one per value. Preparing
    a thousand parameters takes longer than finding the rows, and with them PostgreSQL scans a small table.
    """

    output_field = models.BooleanField()

    def __init__(self, *names: str, rows: Iterable[Row]) -> None:
        super().__init__(*names)
        self.rows = list(rows)

    def as_sql(self, compiler: Any, connection: Any, *_: Any, **__: Any) -> tuple[str, tuple[Any, ...]]:
        columns = [compiler.compile(column)[0] for column in self.get_source_expressions()]
        if connection.vendor == "postgresql":
            types = [c.field.rel_db_type(connection) for c in self.get_source_expressions()]
            arrays = ", ".join(f"%s::{t}[]" for t in types)
            values = list(map(_array, zip(*self.rows, strict=True))) or ["{}" for _ in types]
            return f"({', '.join(columns)}) IN (SELECT * FROM unnest({arrays}))", tuple(values)  # noqa: S608
        wanted = ", ".join(f"json_extract(value, '$[{n}]')" for n in range(len(columns)))
        rows = msgspec.json.encode(self.rows).decode()
        return f"({', '.join(columns)}) IN (SELECT {wanted} FROM json_each(%s))", (rows,)  # noqa: S608


def _array(values: Sequence[Any]) -> str | list[Any]:
    """Returns an array for PostgreSQL. Integers are encoded here together; the driver would do it one by
    one."""
    if not isinstance(values[0], int):
        return list(values)
    return f"{{{msgspec.json.encode(values).decode()[1:-1]}}}"


def among(name: str, values: Iterable[Any]) -> Among:
    """Returns the condition that the column has one of these values."""
    return Among(name, rows=[(value,) for value in values])


def insert(model: type[models.Model], fields: Sequence[str], rows: Sequence[Row]) -> list[int]:
    """Insert rows. Each has the values of `fields` (attnames) in their order; other columns get the model's
    defaults. Returns the primary keys in the order of the rows. Raises IntegrityError when a row breaks a
    constraint; then none is written. Call it inside a transaction.
    """
    if not rows:
        return []
    fields, rows = with_folded(model, fields, rows)
    # Keys are reserved before, as neither COPY nor executemany returns them.
    keys = _next_keys(model, len(rows))
    fields, rows = ["id", *fields], [(key, *row) for key, row in zip(keys, rows, strict=True)]
    given = set(fields)
    rest = [f for f in _columns(model) if f.attname not in given]
    constants = {f: timezone.now() if _is_now(f) else f.get_default() for f in rest}
    constants = {f: value for f, value in constants.items() if value is not None}
    columns = [_field(model, name) for name in fields]
    table, names = model._meta.db_table, ", ".join(f'"{f.column}"' for f in (*columns, *constants))
    if connection.vendor == "postgresql":
        starts = range(0, len(rows), PART)
        parts = (copy_text.lines_of(columns, rows[start : start + PART], constants) for start in starts)
        statement, waiting = f'COPY "{table}" ({names}) FROM STDIN', _waiting.get()
        if waiting is None:
            Copy(statement, parts).run()
        else:
            waiting.append(Copy(statement, list(parts)))
    else:
        _insert_together(table, names, _prepared(columns, rows), constants)
    return keys


@dataclass
class Copy:
    """New rows with primary keys, to be written to PostgreSQL: in the text format of COPY, in parts."""

    statement: str
    parts: Iterable[str]

    def run(self) -> None:
        """Write the rows, with the connection of the calling thread. Raises IntegrityError."""
        # Django wraps the errors of its cursor's methods, but not those at the end of a COPY.
        with (
            connection.wrap_database_errors,
            connection.cursor() as cursor,
            cursor.copy(self.statement) as copy,
        ):
            for part in self.parts:  # the server stores one part while the next is prepared
                copy.write(part)


_waiting: ContextVar[list[Copy] | None] = ContextVar("_waiting", default=None)


@contextmanager
def collect_copies(copies: list[Copy]) -> Iterator[None]:
    """Inside this context, on PostgreSQL, `insert` adds new rows to `copies` instead of writing them. Their
    primary keys are final."""
    token = _waiting.set(copies)
    try:
        yield
    finally:
        _waiting.reset(token)


def _next_keys(model: type[models.Model], count: int) -> list[int]:
    """Reserves primary keys for new rows, from the sequence that the database uses."""
    table = model._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT nextval(sequence) FROM generate_series(1, %s), "
                "(SELECT pg_get_serial_sequence(%s, 'id')::regclass AS sequence OFFSET 0) AS of_the_table",
                [count, f'"{table}"'],
            )
            return [key for (key,) in cursor.fetchall()]
        # Only one transaction writes at a time, and SQLite continues after the largest key that was written.
        cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [table])
        (last,) = cursor.fetchone() or (0,)
        return list(range(last + 1, last + 1 + count))


def refresh_statistics(model: type[models.Model]) -> None:
    """Update PostgreSQL's statistics about the keys of a table that has grown a lot. Autovacuum does that for
    all columns within a minute, but until then PostgreSQL would scan the table even for a few rows."""
    if connection.vendor == "postgresql":
        keys = ", ".join(f'"{f.column}"' for f in _columns(model) if f.unique or f.is_relation)
        with connection.cursor() as cursor:
            cursor.execute(f'ANALYZE "{model._meta.db_table}" ({keys})')


def update(model: type[models.Model], fields: Sequence[str], rows: Sequence[Row]) -> None:
    """Update rows. Each has its primary key and then the values of `fields` (attnames) in their order."""
    if not rows:
        return
    fields, rows = with_folded(model, fields, rows, keyed=True)
    columns = [_field(model, name) for name in fields]
    pk = model._meta.pk
    assert pk is not None
    values = _prepared([pk, *columns], rows)
    table = model._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            types = [pk.rel_db_type(connection), *(f.rel_db_type(connection) for f in columns)]
            names = ["id", *(f"v{n}" for n in range(len(columns)))]
            sets = ", ".join(
                f'"{f.column}" = v.{name}' + ("::jsonb" if isinstance(f, models.JSONField) else "")
                for f, name in zip(columns, names[1:], strict=True)
            )
            # JSON is sent as text, as the driver cannot make an array of jsonb from Python strings.
            arrays = ", ".join(f"%s::{'text' if t == 'jsonb' else t}[]" for t in types)
            cursor.execute(
                f'UPDATE "{table}" AS t SET {sets} FROM unnest({arrays}) AS v({", ".join(names)}) '  # noqa: S608
                f'WHERE t."{pk.column}" = v.id',
                [list(column) for column in zip(*values, strict=True)],
            )
        else:
            sets = ", ".join(f'"{f.column}" = ?' for f in columns)
            rotated = [(*row[1:], row[0]) for row in values]
            _executemany(cursor, f'UPDATE "{table}" SET {sets} WHERE "{pk.column}" = ?', rotated)  # noqa: S608


def with_folded(
    model: type[models.Model], fields: Sequence[str], rows: Sequence[Row], *, keyed: bool = False
) -> tuple[Sequence[str], Sequence[Row]]:
    """The rows with the columns that are made of others of them (models/fields/folded.py). `keyed` rows begin
    with their primary key; what such a row does not give is read."""
    folded = fields_of(model, fields)
    if not folded:
        return fields, rows
    at = {name: place for place, name in enumerate(fields, start=keyed)}
    lacking = [s for s in dict.fromkeys(s for f in folded for s in f.sources) if s not in at]
    others: dict[Any, Row] = {}
    if lacking and keyed:
        stored = model._base_manager.filter(among("pk", [row[0] for row in rows]))
        others = {pk: values for pk, *values in stored.values_list("pk", *lacking)}
    nothing = [model._meta.get_field(name).get_default() for name in lacking]  # type: ignore[union-attr]
    at |= {name: place for place, name in enumerate(lacking, start=len(fields) + keyed)}
    how = [(f.how, itemgetter(*(at[s] for s in f.sources)), len(f.sources) > 1) for f in folded]
    made = []
    for row in rows:
        given = (*row, *others.get(row[0], nothing)) if lacking else row
        made.append((*row, *(do(*of(given)) if many else do(of(given)) for do, of, many in how)))
    return [*fields, *(f.attname for f in folded)], made


def _insert_together(
    table: str, names: str, rows: Sequence[Row], constants: Mapping[models.Field, Any]
) -> None:
    """Insert prepared rows into a table of SQLite, many with each statement: where a table has a trigger, a
    statement costs three times as much as a row. The constants stand in it once."""
    same = "".join(f", {_literal(_turned(field, [value])[0])}" for field, value in constants.items())
    marks = f"({', '.join('?' for _ in rows[0])})"
    size = max(1, SQLITE_PARAMETERS // len(rows[0]))
    with connection.wrap_database_errors, connection.cursor() as cursor:
        # Not through Django's wrapper, as in `_executemany`.
        execute = cursor.cursor.connection.execute
        for start in range(0, len(rows), size):
            part = rows[start : start + size]
            values = ", ".join([marks] * len(part))
            execute(
                f'INSERT INTO "{table}" ({names}) SELECT v.*{same} FROM (VALUES {values}) AS v',  # noqa: S608
                list(chain.from_iterable(part)),
            )


def _literal(value: Any) -> str:
    """Returns a prepared value as SQLite reads it in a statement."""
    if isinstance(value, bool | int):
        return str(int(value))
    return "'{}'".format(str(value).replace("'", "''"))


def _executemany(cursor: Any, statement: str, rows: Iterable[Row]) -> None:
    # Avoids Django's wrapper, which would rewrite placeholders and, with DEBUG, store every statement.
    with connection.wrap_database_errors:
        cursor.cursor.connection.executemany(statement, rows)


def _columns(model: type[models.Model]) -> list[models.Field]:
    return [f for f in model._meta.concrete_fields if not f.generated]


def _field(model: type[models.Model], attname: str) -> models.Field:
    return next(f for f in _columns(model) if f.attname == attname)


def _is_now(field: models.Field) -> bool:
    return isinstance(field, models.DateTimeField) and (field.auto_now or field.auto_now_add)


def _prepared(columns: Sequence[models.Field], rows: Sequence[Row]) -> list[Row]:
    """Returns the rows with values for the driver. Converted by column, as most columns need no
    conversion."""
    turned = [_turned(field, values) for field, values in zip(columns, zip(*rows, strict=True), strict=True)]
    return list(zip(*turned, strict=True))


def _turned(field: models.Field, values: Sequence[Any]) -> Sequence[Any]:
    if isinstance(field, models.JSONField):
        return [None if value is None else msgspec.json.encode(value).decode() for value in values]
    if connection.vendor != "postgresql":
        if isinstance(field, models.DateTimeField):
            return _sqlite_moments(values)
        if isinstance(field, models.DecimalField):
            return [None if value is None else str(value) for value in values]
    return values


def _sqlite_moments(values: Sequence[datetime | None]) -> list[str | None]:
    """Returns the moments as Django stores them: in the connection's time zone, without naming it."""
    zone = connection.timezone
    if zone is UTC and all(value is None or value.tzinfo is UTC for value in values):
        # Nearly always the case. JSON contains the same digits, and encoding it is much faster.
        texts = msgspec.json.encode(values).decode()[1:-1].replace("T", " ").split(",")
        return [None if text == "null" else text[1:-2] for text in texts]
    return [None if value is None else str(timezone.make_naive(value, zone)) for value in values]
