"""The kinds of objects that are compared, with the functions that compare, read again and store each."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from core.models import Product
from integrations.models import ORDER, Drift, DriftKind, DriftReport, Kind
from integrations.thinkific.client.client import ThinkificClient
from integrations.thinkific.client.errors import NotFound
from integrations.thinkific.reconcile import catalog, enrollments, groups, people, results
from integrations.thinkific.reconcile.findings import Look
from integrations.thinkific.runs.context import RunContext
from integrations.thinkific.runs.jobs import Ask, Job

Remote = list[Any]  # one object as Thinkific has it; empty if it does not have it
Read = Callable[[RunContext, Drift], Job[Remote]]


@dataclass(frozen=True)
class Subject:
    compare: Callable[[RunContext, DriftReport], str]  # returns what could not be compared
    read: Read
    look: Callable[[RunContext, Drift, Remote], Look]
    take: Callable[[RunContext, Drift, Remote], list[str]]  # returns the problems
    # Whether one object can be read again with few requests. Then differences are compared a second time.
    looked_at_twice: bool = True


def _by_id(call: Callable[[ThinkificClient], Callable[[int], Any]]) -> Read:
    """Returns a function that requests the object by its Thinkific id; empty if Thinkific has none."""

    def read(context: RunContext, row: Drift) -> Job[Remote]:
        if row.thinkific_id is None:
            return []
        try:
            return (yield [Ask(partial(call(context.client), row.thinkific_id))])
        except NotFound:
            return []

    return read


def _member_look(context: RunContext, row: Drift, found: Remote) -> Look:
    group = groups.group_of(row)
    return groups.look_at_members(group, found, Look()) if group else Look()


def _course_look(context: RunContext, row: Drift, found: Remote) -> Look:
    return catalog.look_at_course(Product.objects.get(pk=row.object_id or 0), found[0])


_SUBJECTS: dict[str, Subject] = {
    DriftKind.PRODUCTS: Subject(
        catalog.compare_products,
        catalog.read,
        lambda context, row, found: catalog.look_at(context, [one.product for one in found]),
        catalog.take,
    ),
    DriftKind.CONTENT: Subject(
        catalog.compare_content,
        catalog.read_again,
        _course_look,
        catalog.take_course,
        looked_at_twice=False,
    ),
    DriftKind.USERS: Subject(
        people.compare_users,
        _by_id(lambda client: client.rest.get_user),
        lambda context, row, found: people.look_at(found),
        people.take,
    ),
    DriftKind.ENROLLMENTS: Subject(
        enrollments.compare_enrollments,
        _by_id(lambda client: client.rest.get_enrollment),
        lambda context, row, found: enrollments.look_at(found),
        enrollments.take,
    ),
    DriftKind.GROUPS: Subject(
        groups.compare_groups,
        _by_id(lambda client: client.rest.get_group),
        lambda context, row, found: groups.look_at(found),
        groups.take,
    ),
    DriftKind.MEMBERS: Subject(groups.compare_members, groups.read_member, _member_look, groups.take_member),
    DriftKind.QUIZ_RESULTS: Subject(
        results.compare_quiz_results,
        results.read_result,
        lambda context, row, found: results.look_at_results(found),
        results.take_result,
        looked_at_twice=False,
    ),
    DriftKind.CERTIFICATES: Subject(
        results.compare_certificates,
        results.read_certificate,
        lambda context, row, found: results.look_at_certificates(found, results.course_of(row)),
        results.take_certificate,
    ),
}


def _place(kind: str) -> int:
    return ORDER.index(Kind.GROUPS if kind == DriftKind.MEMBERS else Kind(kind))


SUBJECTS = {kind: _SUBJECTS[kind] for kind in sorted(_SUBJECTS, key=_place)}
