"""Finds the students of quiz results and certificates."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from core.services.mirror.outcome import Applied
from core.services.mirror.people import deleted_here
from integrations.thinkific.client import schemas
from integrations.thinkific.client.decoding import BadRow
from integrations.thinkific.client.schemas import parse_graphql_id
from integrations.thinkific.mapping import person_of_node
from integrations.thinkific.pull import departed_people
from integrations.thinkific.pull.recreated_accounts import Claims, look_at_claims
from integrations.thinkific.runs.context import RunContext

Row = schemas.QuizSubmission | schemas.Certificate


def number_of(row: schemas.QuizSubmission | schemas.Certificate | BadRow) -> int | None:
    return parse_graphql_id(row.id)


def leave_out(number: int, row: Row, known: dict[int | None, int], applied: Applied) -> None:
    """Leave a row out. If Thinkific no longer says whose it is, the stored row stays."""
    applied.leave_out([number])
    if row.user is None and number in known:
        applied.met.append(known[number])


def people_of(rows: Iterable[Row]) -> list[schemas.User]:
    nodes = (person_of_node(row.user) for row in rows if row.user is not None)
    return [person for person in nodes if person is not None]


def claims_of(context: RunContext, rows: Iterable[Row]) -> Claims:
    return look_at_claims(people_of(rows), context.client.rest.get_user)


def students(
    rows: Sequence[tuple[Row, datetime | None]], applied: Applied, context: RunContext, claims: Claims
) -> tuple[dict[int, int], set[int]]:
    """Returns `Thinkific id -> primary key` of the students, and the Thinkific ids of rows to leave out.

    Each row comes with a moment at which its student existed. Left out are rows of people who were deleted
    here, have another account now, are gone from Thinkific, or wait for an administrator's decision.
    """
    claims.store(applied, source=context.source, now=context.now)
    people = {id(row): person_of_node(row.user) if row.user else None for row, _ in rows}
    named = [(person, moment) for row, moment in rows if (person := people[id(row)]) is not None]
    there = [(person, moment) for person, moment in named if person.id not in claims.gone]
    users, departed = departed_people.students(there, applied, source=context.source, now=context.now)
    deleted = deleted_here({person.id for person, _ in there} - users.keys()) | applied.withheld | claims.gone
    left_out, orphans = set(), set()
    for row, _ in rows:
        person, number = people[id(row)], number_of(row)
        if number is None:
            continue
        if person is not None and person.id in deleted:
            left_out.add(number)
        elif row.user is None or (person is not None and person.id in departed):
            orphans.add(number)
    context.numbers(departed_people.NAME).add(orphans)
    return users, left_out | orphans
