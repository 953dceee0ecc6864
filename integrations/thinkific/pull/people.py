"""Pulls people."""

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial

from msgspec import UNSET, UnsetType

from core.models import SiteSettings, Team, User
from core.services import automatic_memberships
from core.services.accounts import welcome_mail
from core.services.mirror.digests import known_digests
from core.services.mirror.outcome import Applied
from core.services.mirror.people import apply_users, remove_users
from core.services.mirror.source import Source
from core.services.mirror.table import Values
from core.services.storage import bulk
from integrations import effects
from integrations.thinkific import identities
from integrations.thinkific.cleaning import Notes, Unusable
from integrations.thinkific.client import schemas
from integrations.thinkific.client.decoding import BadRow
from integrations.thinkific.client.errors import NotFound
from integrations.thinkific.mapping import user_row
from integrations.thinkific.pull.address_owners import Owners, clear_the_way, look_at_owners, rows_of
from integrations.thinkific.pull.changed_rows import (
    Known,
    PostponedPlace,
    changed_rows,
    postpone,
    postponed_rows,
)
from integrations.thinkific.pull.watermarks import Changes
from integrations.thinkific.runs.context import RunContext
from integrations.thinkific.runs.deletion_guard import mark_missing
from integrations.thinkific.runs.list_walk import Pulled, walk
from integrations.thinkific.runs.pages import RawPage, RawRow, decode_row
from integrations.thinkific.runs.state import Place

AT_ONCE = 1000


def pull_users(context: RunContext) -> None:
    """Pull all people, because REST cannot filter by change; or with the option `user_id` (a primary key)
    one."""
    if "user_id" in context.run.options:
        _pull_one(context, User.objects.get(pk=context.run.options["user_id"]))
        return
    stored = User.objects.filter(thinkific_id__isnull=False, removed_at__isnull=True)
    handler = Pulled(context, "users", partial(apply_or_postpone, context), row_type=schemas.User)
    walked = walk("/users", handler, stored=User.objects.all(), asked=True)
    mark_missing(
        context, "users", stored, remove_users, walked=walked, what="people", ask=context.client.rest.get_user
    )
    store_postponed(context, lambda applied, _: context.count(applied))
    if walked.complete:
        # Everybody was read, so conflicts that did not come up again need no decision any more.
        context.store(lambda: identities.close_passed(since=context.run.created_at))
        context.place(Changes).watermark = walked.began_of_all or context.run.created_at
    _assign_teams(context)
    _welcome(context, walked.top)


def _pull_one(context: RunContext, user: User) -> None:
    if user.thinkific_id is None:
        return context.note(str(user), "This person has no account in Thinkific.")
    try:
        found = context.client.rest.get_user(user.thinkific_id)
    except NotFound:
        found = None
    owners = look_at_owners([found], context.client.rest.get_user) if found else Owners()

    def write() -> None:
        context.run.fetched = context.run.pages_done = context.run.pages_total = 1
        if found is None:
            context.run.removed += remove_users([user.pk], source=context.source, now=context.now)
            return
        clear_the_way(owners, source=context.source, now=context.now)
        notes = Notes()
        applied = Applied()
        try:
            # Without a digest: this row does not come from a list.
            row = user_row(found, notes, digest=None, now=context.now)
            applied = apply_users([row, *rows_of(owners.found.values())], source=context.source)
        except Unusable as error:
            applied.fail(f"User {found.id}", str(error), pk=user.pk)
        applied.issues += notes.issues
        context.count(applied)

    context.store(write)
    return None


def apply_or_postpone(context: RunContext, pages: list[RawPage]) -> Applied:
    """Store the people on these pages. People whose e-mail address belongs to another account here are kept
    for `store_postponed` at the end of the walk."""
    waiting = context.place(PostponedPlace).contested or ()
    numbers: list[int] | None = [] if len(waiting) < AT_ONCE else None
    none_stored = context.writer.has_none_stored("users")
    applied = apply_pages(
        pages, source=context.source, now=context.now, contested=numbers, none_stored=none_stored
    )
    rows = {row.id: row for page in pages for row in page.items}
    postpone(context, [rows[number] for number in numbers or ()])
    return applied


def store_postponed(context: RunContext, then: Callable[[Applied, list[int]], None]) -> None:
    """Request the owners of the postponed people's addresses, then store these people. `then` is called in
    the same transaction with the outcome and their Thinkific ids."""
    rows = postponed_rows(context)
    people = [user for row in rows if isinstance(user := decode_row(row, schemas.User), schemas.User)]
    owners = look_at_owners(people, context.client.rest.get_user)

    def write() -> None:
        context.place(PostponedPlace).contested = UNSET
        if rows:
            clear_the_way(owners, source=context.source, now=context.now)
            known = known_digests(User, [row.id for row in rows])
            more = rows_of(owners.found.values())
            then(
                _apply_changed(rows, known, source=context.source, now=context.now, more=more),
                [row.id for row in rows],
            )

    context.store(write)


def apply_pages(
    pages: list[RawPage],
    *,
    source: Source,
    now: datetime,
    contested: list[int] | None = None,
    none_stored: bool = False,
) -> Applied:
    """Store the people on these pages. For `contested` see apply_users, for `none_stored` changed_rows."""
    applied = Applied()
    changed, known = changed_rows(User, pages, applied, none_stored=none_stored)
    if changed:
        applied += _apply_changed(changed, known, source=source, now=now, contested=contested)
    return applied


def _apply_changed(
    rows: list[RawRow],
    known: Known,
    *,
    source: Source,
    now: datetime,
    contested: list[int] | None = None,
    more: Iterable[Values] = (),
) -> Applied:
    notes, values, failed = Notes(), list(more), Applied()
    for row in rows:
        user = decode_row(row, schemas.User)
        try:
            if isinstance(user, BadRow):
                raise Unusable(user.message)
            values.append(user_row(user, notes, digest=row.digest, now=now))
        except Unusable as error:
            pk = known[row.id][0] if row.id in known else None
            failed.fail(f"User {row.id}", str(error), pk=pk, number=row.id)
    applied = apply_users(values, known=None if more else known, source=source, contested=contested)
    applied.issues += notes.issues
    applied += failed
    return applied


def primary_keys(thinkific_ids: Iterable[int]) -> dict[int, int]:
    """Returns `Thinkific id -> primary key` of people who are stored."""
    rows = User.objects.filter(bulk.among("thinkific_id", thinkific_ids)).order_by()
    return dict(rows.values_list("thinkific_id", "pk"))


def ensure_users(
    people: Iterable[schemas.User],
    applied: Applied,
    *,
    source: Source,
    now: datetime,
    contested: list[int] | None = None,
) -> dict[int, int]:
    """Returns `Thinkific id -> primary key`. Unknown people are stored with the values given.

    People who cannot be stored are left out, with the reason in the issues of `applied`. People who wait for
    an administrator's decision are left out as well (`applied.withheld`), and so are their enrollments and
    results until then. For `contested` see apply_users.
    """
    wanted = {person.id: person for person in people}
    pks = primary_keys(wanted)
    notes, rows = Notes(), []
    for number, person in wanted.items():
        if number in pks:
            continue
        try:
            rows.append(user_row(person, notes, digest=None, now=now))
        except Unusable:
            continue  # the row that named them is reported with its own number
    if rows:
        made = apply_users(rows, known=pks, source=source, contested=contested)
        applied.accounts += made.created
        applied.issues += made.issues + notes.issues
        applied.conflicts += made.conflicts
        applied.withheld |= made.withheld
        pks |= primary_keys(row["thinkific_id"] for row in rows)
    return pks


class WelcomePlace(Place):
    welcomed: int | UnsetType = UNSET  # the largest primary key of users who have got the mail


def _welcome(context: RunContext, top: int) -> None:
    """Send the welcome mail to users whom this run has created, if the option `emails` allows it. `top` is
    the largest primary key of earlier users. Committed before each mail, so a resumed run sends none twice.
    """
    if context.run.options.get("emails") != "allow" or context.dry_run:
        return
    new = User.objects.filter(thinkific_id__isnull=False, removed_at__isnull=True, is_active=True)
    place = context.place(WelcomePlace)
    if place.welcomed is UNSET:
        place.welcomed = top
    while (user := new.filter(pk__gt=place.welcomed).order_by("pk").first()) is not None:
        context.commit(partial(setattr, place, "welcomed", user.pk))
        if problem := welcome_mail.send(user):
            context.partial = True
            context.note(f"User {user.thinkific_id}", problem)
        context.leave_when_due()


def _assign_teams(context: RunContext) -> None:
    """Add people without a team to the team in the option `team_id`, or to the settings' default team."""
    team = (
        Team.objects.filter(pk=context.run.options.get("team_id")).first() or SiteSettings.load().default_team
    )
    if team is None:
        return
    if team.pk == context.run.options.get("team_id"):
        effects.add_joined(context.cursor, team.pk, team.name, 0)
    teamless = automatic_memberships.without_a_team().order_by("pk")
    after = 0
    while True:
        pks = list(teamless.filter(pk__gt=after).values_list("pk", flat=True)[:AT_ONCE])
        if not pks:
            return
        after = pks[-1]

        def write(pks: list[int] = pks) -> None:
            joined = automatic_memberships.join(
                pks, team, source=context.source, now=context.now, by=context.run.started_by
            )
            effects.add_joined(context.cursor, team.pk, team.name, joined)

        context.store(write)
