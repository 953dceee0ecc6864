"""Carrying lines out: a chunk of them in one transaction, by the services that the screens use."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from core.imports.outcomes import Outcome
from core.imports.people.check import Check
from core.imports.people.names import NewThing
from core.imports.people.rows import Row
from core.models import (
    Enrollment,
    GroupMembership,
    ImportRow,
    Invitation,
    Membership,
    Product,
    Tag,
    Team,
    User,
    UserTag,
)
from core.permissions.role_offers import RoleOffers
from core.services import groups, invitations, memberships, tags
from core.services.accounts import account_mail
from core.services.enrollments import places, seat_access
from core.services.in_bulk import accounts
from core.services.in_bulk.accounts import NewAccount, Renaming
from core.services.memberships import Joining
from core.services.storage import bulk
from core.services.teams import teams

REASON = "imported from a file"
LATER = (
    "Tags, groups and enrollments are not given to people who are only invited. Import the line again when "
    "the person has joined."
)
Status = ImportRow.Status


def carry_out(check: Check, rows: Sequence[Row]) -> list[Outcome]:
    """Carry out rows that `check` has just decided, in the caller's transaction. Returns what became of each,
    in their order. Raises Refusal where a service refuses one of them."""
    good = [row for row in rows if not row.problems]
    writer = _Writer(check, good)
    writer.write()
    outcomes = [failure(check, row) if row.problems else writer.outcome(row) for row in rows]
    if writer.teams_made:
        first = next(outcome for outcome in outcomes if not outcome.failed)
        first.done = {**first.done, "teams": writer.teams_made}
    return outcomes


def failure(check: Check, row: Row, *, why: str = "") -> Outcome:
    """Returns the outcome of a row that was not carried out; `why` where no cell is wrong."""
    said: list[dict[str, Any]] = [
        {"column": one.header, "index": one.column, "message": one.message} for one in row.problems
    ]
    if why:
        said.append({"column": "", "index": -1, "message": why})
    values = {
        header or str(index + 1): cell.replace("\x00", "")
        for index, (header, cell) in enumerate(zip(check.rows.headers, row.cells, strict=False))
        if cell
    }
    return Outcome(row.number, Status.FAILED, values, said)


class _Writer:
    def __init__(self, check: Check, rows: list[Row]) -> None:
        self.check, self.rows, self.viewer = check, rows, check.viewer
        self.emails = check.options.sends_emails
        self.users: dict[int, int] = {}  # line -> account
        self.done: dict[int, dict[str, Any]] = {}  # line -> what it did to an account that was there
        self.made: dict[Any, Any] = {}  # new teams and tags
        self.teams_made: list[int] = []  # said of the first row

    def write(self) -> None:
        known = [row for row in self.rows if row.account is not None]
        strangers = [row for row in known if row.account and not row.account.seen]
        seen = [row for row in self.rows if row.account is None or row.account.seen]
        self._make_things(seen)
        self._make_accounts([row for row in self.rows if row.account is None])
        self._join(seen)
        self._invite(strangers)
        self._change_roles(known)
        self._rename(known)
        for step, some in (
            (self._tag, [row for row in seen if row.tags]),
            (self._add_to_groups, [row for row in seen if row.groups]),
            (self._enroll, [row for row in seen if row.products]),
        ):
            if some:
                step(some)

    def outcome(self, row: Row) -> Outcome:
        key, done = self.users[row.number], self.done.get(row.number)
        values, notes = {"email": row.email}, [{"message": note} for note in row.notes]
        if row.account is None:
            return Outcome(row.number, Status.CREATED, values, notes, {"user": key, "new": True})
        if not row.account.seen:
            if row.tags or row.groups or row.products:
                notes.append({"message": LATER})
            return Outcome(row.number, Status.INVITED, values, notes, done or {})
        status = Status.UNCHANGED
        if done:
            status = Status.UPDATED if done.keys() & {"names", "roles"} else Status.JOINED
        return Outcome(row.number, status, values, notes, {"user": key, **(done or {})})

    def _note(self, row: Row, name: str, value: Any) -> None:
        if row.account is not None:  # a new account goes whole
            self.done.setdefault(row.number, {}).setdefault(name, []).append(value)

    def _make_things(self, rows: Iterable[Row]) -> None:
        names = {team: None for row in rows for team, _ in row.joins if isinstance(team, NewThing)}
        if names:
            made = teams.create_many(names=[new.name for new in names], owner=self.viewer, by=self.viewer)
            self.made |= dict(zip(names, made, strict=True))
            self.teams_made = [team.pk for team in made]
        for new in {tag: None for row in rows for tag in row.tags if isinstance(tag, NewThing)}:
            self.made[new] = tags.find_or_create(name=new.name, by=self.viewer)

    def _team(self, team: Any) -> Team:
        found: Team = self.made[team] if team.pk is None else team
        return found

    def _make_accounts(self, rows: Sequence[Row]) -> None:
        homes = {id(row.joins): self._team(row.joins[0][0]).pk for row in rows}
        read = self.check.rows
        new = [NewAccount(row.email, *read.names_of(row), homes[id(row.joins)]) for row in rows]
        if read.has_profile:
            profiles = map(read.profile_of, rows)
            new = [NewAccount(*one[:4], *profile) for one, profile in zip(new, profiles, strict=True)]
        in_thinkific = self.check.options.in_thinkific
        keys = accounts.create(new, in_thinkific=in_thinkific, by=self.viewer, reason=REASON)
        self.users |= {row.number: key for row, key in zip(rows, keys, strict=True)}
        self.users |= {row.number: row.account.pk for row in self.rows if row.account is not None}
        if self.emails:
            for user in User.objects.filter(bulk.among("pk", keys)):
                account_mail.ask_for_welcome(user, by=self.viewer)

    def _join(self, rows: Sequence[Row]) -> None:
        offers: RoleOffers = self.check.roles.offers
        overrides = {role.pk: offers.overrides(role) for role in self.check.roles.roles}
        users, joining, of = self.users, list[Joining](), list[Row]()
        plans: dict[int, list[tuple[Any, ...]]] = {}  # most rows share what they join
        for row in rows:
            user, guest = users[row.number], row.account is not None and not row.account.own
            plan = plans.get(id(row.joins))
            if plan is None:
                plan = plans[id(row.joins)] = [
                    (self._team(team).pk, role.pk, overrides[role.pk], team.pk is None)
                    for team, role in row.joins
                ]
            for team_key, role_key, given, is_new in plan:
                # Whoever makes a team is its owner, and in it already.
                if not (is_new and user == self.viewer.pk):
                    joining.append(Joining(team_key, user, role_key, guest, given))
                    of.append(row)
        for row, key in zip(of, memberships.join(joining, by=self.viewer, reason=REASON), strict=True):
            self._note(row, "memberships", key)

    def _invite(self, rows: Sequence[Row]) -> None:
        people = User.objects.in_bulk([self.users[row.number] for row in rows])
        for row in rows:
            for team, role in row.joins:
                invitation: Invitation = invitations.invite(
                    team=team,
                    user=people[self.users[row.number]],
                    role=role,
                    address=row.email,
                    by=self.viewer,
                    with_mail=self.emails,
                )
                self._note(row, "invitations", invitation.pk)

    def _change_roles(self, rows: Sequence[Row]) -> None:
        wanted = [(row, joined, role) for row in rows for _, joined, role in row.changes]
        stored = Membership.objects.select_related("team", "role", "user")
        by_key = stored.in_bulk([joined.pk for _, joined, _ in wanted])
        for row, joined, role in wanted:
            memberships.change_role(by_key[joined.pk], role=role, by=self.viewer)
            self._note(row, "roles", [joined.pk, joined.role, role.pk])

    def _rename(self, rows: Sequence[Row]) -> None:
        people = []
        for row in rows:
            if row.names is not None and row.account is not None:
                people.append(Renaming(row.account.pk, *row.names))
                self._note(row, "names", [row.account.first_name, row.account.last_name, *row.names])
        accounts.rename(people, by=self.viewer, reason=REASON)

    def _tag(self, rows: Sequence[Row]) -> None:
        known = [self.users[row.number] for row in rows if row.account is not None]
        there = set(UserTag.objects.filter(bulk.among("user_id", known)).values_list("user", "tag"))
        for tag, some in _by_thing(rows, "tags").items():
            stored: Tag = self.made.get(tag, tag)
            people = [User(pk=self.users[row.number]) for row in some]
            tags.add_tags(people, [stored], by=self.viewer)
            for row in some:
                if (self.users[row.number], stored.pk) not in there:
                    self._note(row, "tags", stored.pk)

    def _add_to_groups(self, rows: Sequence[Row]) -> None:
        people = User.objects.in_bulk([self.users[row.number] for row in rows])
        inside = GroupMembership.objects.filter(bulk.among("user_id", people), removed_at__isnull=True)
        there = set(inside.values_list("user", "group"))
        for group, some in _by_thing(rows, "groups").items():
            new = [row for row in some if (self.users[row.number], group.pk) not in there]
            if new:
                users = [people[self.users[row.number]] for row in new]
                groups.add_members(group=group, users=users, by=self.viewer)
            for row in new:
                self._note(row, "groups", group.pk)

    def _enroll(self, rows: Sequence[Row]) -> None:
        """Enroll people through seats, all who get the same products at once. Access that they have stays as
        it is."""
        people = User.objects.in_bulk([self.users[row.number] for row in rows])
        there = Enrollment.objects.filter(bulk.among("user_id", people))
        before = set(there.values_list("user", "product"))
        access = places.with_access(people)
        alike: dict[tuple[Product, ...], list[Row]] = {}
        for row in rows:
            user = self.users[row.number]
            some = tuple(p for p in row.products if (user, p.pk) not in access)
            if some:
                alike.setdefault(some, []).append(row)
        for products, some_rows in alike.items():
            by_user = {self.users[row.number]: row for row in some_rows}
            made = seat_access.enroll_many(
                students=[people[key] for key in by_user],
                products=products,
                by=self.viewer,
                origin=Enrollment.Origin.IMPORT,
            )
            for one in made:
                name = "reopened" if (one.user_id, one.product_id) in before else "enrollments"
                self._note(by_user[one.user_id], name, one.pk)


def _by_thing(rows: Iterable[Row], name: str) -> dict[Any, list[Row]]:
    found: dict[Any, list[Row]] = {}
    for row in rows:
        things: Collection[Any] = getattr(row, name)
        for thing in things:
            found.setdefault(thing, []).append(row)
    return found
