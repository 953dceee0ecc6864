"""What each line would do, and what is wrong with it: the rules of an import, asked by the validation and
again, with everything that they depend on locked, when the lines are carried out."""

import time
from collections.abc import Sequence, Set
from operator import itemgetter
from typing import Any

from django.utils import timezone

from core.imports.people import accounts, role_changes
from core.imports.people.accounts import Account
from core.imports.people.allowed import NotPossible, check_options
from core.imports.people.joining import Places
from core.imports.people.names import EMPTY, MOST_KEPT, Finder, Groups, NewThing, Products, Roles, Tags, Teams
from core.imports.people.options import Options
from core.imports.people.rows import Row, Rows
from core.imports.people.seat_needs import SeatNeeds
from core.models import SiteSettings, Team, User
from core.permissions import scope
from core.services import memberships
from core.services.storage import bulk
from core.wording import listed

RENEW_AFTER = 5.0  # seconds: rights, settings and names of things may have changed
NEEDS_A_TEAM = "Every person is in a team, and no default team is set. Name one, or add everybody to a team."


class Check:
    """`final`: the lines are about to be carried out, in the caller's transaction. Then teams and accounts
    are locked, and seats are left to the service that takes their places."""

    def __init__(self, viewer: User, rows: Rows, options: Options, *, final: bool) -> None:
        self.viewer, self.rows, self.options, self.final = viewer, rows, options, final
        self.seats = SeatNeeds(viewer, timezone.now())
        self._students: dict[int, int] = {}  # by team with a limit, with those of the lines above
        self.renew()

    def renew(self) -> None:
        """Read again what the lines are compared with."""
        self._renewed_at = time.monotonic()
        viewer, options = self.viewer, self.options
        if self.final:
            viewer = self.viewer = User.objects.get(pk=viewer.pk)
        check_options(viewer, options)
        self.teams = Teams(viewer, create=options.create_teams)
        self.roles = Roles(viewer)
        self.groups, self.products = Groups(viewer), Products(viewer)
        self.tags = Tags(viewer, create=options.create_tags)
        self.role = next((one for one in self.roles.roles if one.pk == options.role), self.roles.student)
        self.everyone = self._team_of_everyone()
        self.default = SiteSettings.load().default_team if viewer.sees_everything else None
        self._places: dict[tuple[str, str], Places] = {}
        self._here: list[Places] = []  # those of the present chunk
        self._tagging = set(scope.teams_where(viewer, "tags.assign").values_list("pk", flat=True))
        at = self.rows.at
        self._finders: list[tuple[int, Finder]] = [
            (at[name], finder) for name, finder in (("team", self.teams), ("role", self.roles)) if name in at
        ]
        self._named = [
            (name, attribute, at[name], finder)
            for name, attribute, finder in (
                ("tags", "tags", self.tags),
                ("group", "groups", self.groups),
                ("enrollments", "products", self.products),
            )
            if name in at
        ]
        self._finders += [(index, finder) for _, _, index, finder in self._named]
        team, role = at.get("team"), at.get("role")
        self._cells_at = lambda cells: (
            "" if team is None else cells[team],
            "" if role is None else cells[role],
        )

    def _team_of_everyone(self) -> Team | None:
        """Returns the team that everybody joins. Raises NotPossible when it takes nobody from this viewer."""
        if self.options.team is None:
            return None
        team = Team.objects.filter(pk=self.options.team, archived_at__isnull=True).first()
        if team is None or not self.teams.may(team):
            raise NotPossible(
                "You cannot import people into the team that everybody shall join. Choose another."
            )
        return team

    def forget_new(self) -> None:
        """Look up again what was to be made, because it was."""
        if self.teams.new or self.tags.new:
            self.teams.forget_new()
            self.tags.forget_new()
            self._places = {}

    def decide(self, rows: Sequence[Row]) -> None:
        """Say of each row what it would do and what is wrong with it."""
        if self.final and time.monotonic() - self._renewed_at > RENEW_AFTER:
            self.renew()
        good = [row for row in rows if not row.wrong]
        known = accounts.find([row.key for row in good], viewer=self.viewer, lock=self.final)
        named = good if self.final else rows  # a validation says all that is wrong with a line
        for index, finder in self._finders:
            finder.learn([row.cells[index] for row in named])
        self._learn_places({self._cells_at(row.cells) for row in named})
        if self.final and self._lock_teams():
            self.renew()
            self.decide(rows)
            return
        if "enrollments" in self.rows.at and not self.final:
            self._prepare_seats(good, known)
        at = self._cells_at
        for row in rows:
            row.problems = row.wrong
            if not row.wrong:
                self._decide(row, self._places[at(row.cells)], known.get(row.key))
            elif not self.final:
                self._look_at_names(row, self._places[at(row.cells)])
        role_changes.check([row for row in good if row.changes], self.viewer, self.roles.offers, self._wrong)

    def makes_plain_accounts(self, cells: Sequence[Sequence[str]], keys: Sequence[str]) -> bool:
        """Whether each of these lines, which are right by themselves, makes an account in teams that take
        everybody, and does nothing else. Much quicker than `decide`, for the usual file of new people."""
        for _, _, index, _ in self._named:
            if any(line[index] for line in cells):
                return False
        for index, finder in self._finders:
            finder.learn([line[index] for line in cells])
        self._learn_places(set(map(self._cells_at, cells)))
        if any(not places.pairs or places.problems or places.limited for places in self._here):
            return False
        return not accounts.find(keys, viewer=self.viewer, lock=False)

    def new_teams(self) -> dict[str, None]:
        """Returns the names of the teams of the present chunk that the import makes."""
        pairs = [pair for places in self._here for pair in places.pairs]
        return {str(team): None for team, _ in pairs if isinstance(team, NewThing)}

    def _learn_places(self, pairs: Set[tuple[str, str]]) -> None:
        if len(self._places) > MOST_KEPT:
            self._places = {}
        for pair in pairs - self._places.keys():
            self._places[pair] = self._places_of(*pair)
        self._here = [self._places[pair] for pair in pairs]
        limited = {team.pk for places in self._here for team in places.limited}
        if self.final:
            self._students = memberships.students_of(limited) if limited else {}
        elif unknown := limited - self._students.keys():
            self._students |= dict.fromkeys(unknown, 0) | memberships.students_of(unknown)

    def _places_of(self, team_cell: str, role_cell: str) -> Places:
        teams = self.teams.cells[team_cell] if team_cell else EMPTY
        named = self.roles.cells[role_cell] if role_cell else EMPTY
        problems = [(name, cell.problem) for name, cell in (("team", teams), ("role", named)) if cell.problem]
        role = named.things[0] if named.things else self.role
        chosen = list(dict.fromkeys([*teams.things, *([self.everyone] if self.everyone else [])]))
        for team in chosen:
            if why := self.roles.why_not(role, team):
                problems.append(("role" if role_cell else "team", why))
        limited = [
            team
            for team in chosen
            if role.code == "student" and not isinstance(team, NewThing) and team.max_members is not None
        ]
        pairs = tuple((team, role) for team in chosen)
        return Places(pairs, bool(named.things), tuple(limited), tuple(problems))

    def _lock_teams(self) -> bool:
        """Lock the looked-up teams in the order of their keys. Returns whether one has changed since."""
        pairs = [pair for places in self._here for pair in places.pairs]
        teams = {team.pk: team for team, _ in pairs if not isinstance(team, NewThing)}
        if self.default is not None:
            teams[self.default.pk] = self.default
        rows = Team.objects.select_for_update(of=("self",)).filter(bulk.among("pk", teams)).order_by("pk")
        now = {pk: rest for pk, *rest in rows.values_list("pk", "archived_at", "max_members", "name")}
        return any([t.archived_at, t.max_members, t.name] != now.get(t.pk) for t in teams.values())

    def _decide(self, row: Row, places: Places, account: Account | None) -> None:
        row.account = account
        for name, text in places.problems:
            self._wrong(row, name, text)
        stranger = account is None or not account.seen
        # Before the import a stranger's account is as good as none: nothing may show that there is one.
        if account is None or (stranger and not self.final):
            self._join_new(row, places)
        elif stranger:
            row.joins = [pair for pair in places.pairs if pair[0].pk not in account.teams]
        else:
            self._join_known(row, account, places)
        if self._named:
            for name, attribute, index, finder in self._named:
                setattr(row, attribute, self._things(row, name, row.cells[index], finder))
            if row.tags or row.groups or row.products:
                self._check_things(row, None if stranger else account)
        if places.limited and not row.problems:
            self._take_room(row, places)
        if row.products and not row.problems and not self.final:
            self._take_seats(row, None if stranger else account)

    def _look_at_names(self, row: Row, places: Places) -> None:
        found = [(name, finder.cells[row.cells[index]].problem) for name, _, index, finder in self._named]
        for name, text in filter(itemgetter(1), [*places.problems, *found]):
            self._wrong(row, name, text)

    def _wrong(self, row: Row, name: str, text: str) -> None:
        row.problems = [*row.problems, self.rows.problem(row, name, text)]

    def _join_new(self, row: Row, places: Places) -> None:
        row.joins = places.pairs
        if not row.joins and not places.problems:
            if self.default is None:
                self._wrong(row, "team", NEEDS_A_TEAM)
            else:
                row.joins = ((self.default, self.roles.student),)

    def _join_known(self, row: Row, account: Account, places: Places) -> None:
        viewer = self.viewer
        row.joins, row.changes, row.names, row.notes = [], [], None, ()
        if not account.is_active:
            text = f"{account}'s account is switched off. Switch it on first, or delete the line."
            self._wrong(row, "email", text)
        for team, role in places.pairs:
            joined = account.teams.get(team.pk)
            if joined is None:
                row.joins.append((team, role))
            elif joined.role != role.pk and places.asked and self.options.existing == "update":
                row.changes.append((team, joined, role))
        rights = [role for _, role in row.joins if self.roles.offers.begins_with(role)]
        if rights and not account.own and not viewer.sees_everything:
            text = f"{account}'s account belongs elsewhere. Invite them as {rights[0]} from the team's page."
            self._wrong(row, "role", text)
        if self.options.existing == "update":
            self._rename(row, account)

    def _rename(self, row: Row, account: Account) -> None:
        names = self.rows.names_of(row)
        if not any(names) or names == (account.first_name, account.last_name):
            return
        if not account.protected and account.changeable:
            row.names = names
        elif f"{names[0]} {names[1]}".strip() != f"{account.first_name} {account.last_name}".strip():
            why = "has rights or a password here" if account.protected else "belongs elsewhere"
            row.notes = [f"The name stays {account}: the account {why}, and a file does not change it."]

    def _things(self, row: Row, name: str, text: str, finder: Finder) -> tuple[Any, ...]:
        cell = finder.cells[text]
        if cell.problem:
            self._wrong(row, name, cell.problem)
        return cell.things

    def _check_things(self, row: Row, account: Account | None) -> None:
        """Check tags, groups and enrollments. `account`: one that the viewer sees."""
        everywhere = self.viewer.sees_everything
        teams = {team.pk for team, _ in row.joins} | set(account.teams if account else ())
        own = account is None or account.own
        may_tag = (
            "tags.assign" in scope.codes_everywhere(self.viewer)
            if everywhere
            else own and bool(teams & self._tagging)
        )
        if row.tags and not may_tag:
            self._wrong(row, "tags", "You cannot tag this person. Empty the cell.")
        if not everywhere:
            outside = [str(group) for group in row.groups if not self.groups.teams[group.pk] & teams]
            if outside:
                text = f"No team of this line is served by {listed(outside)}. Choose a group of its teams."
                self._wrong(row, "group", text)
        if row.products and account is not None and account.removed_at is not None:
            text = f"{account} is no longer in Thinkific. Create a Thinkific account again first."
            self._wrong(row, "enrollments", text)

    def _take_room(self, row: Row, places: Places) -> None:
        """Count the students who join teams with a limit."""
        joins = {team.pk for team, _ in row.joins} | {team.pk for team, _, _ in row.changes}
        if self.final and row.account is not None and not row.account.seen:
            return  # is invited, and takes room when they accept
        counted = [team for team in places.limited if team.pk in joins]
        for team in counted:
            students = self._students.get(team.pk, 0)
            if students >= team.max_members:
                text = memberships.no_room(team, students)
                self._wrong(row, "team", text)
        if not row.problems:
            for team in counted:
                self._students[team.pk] = self._students.get(team.pk, 0) + 1

    def _prepare_seats(self, rows: Sequence[Row], known: dict[str, Account]) -> None:
        index = self.rows.at["enrollments"]
        some = [row for row in rows if row.cells[index]]
        seen = [account for row in some if (account := known.get(row.key)) is not None and account.seen]
        teams = {team.pk for places in self._here for team, _ in places.pairs} - {None}
        teams |= {team for account in seen for team in account.teams}
        if self.default is not None:
            teams.add(self.default.pk)
        self.seats.prepare(teams, [account.pk for account in seen])

    def _take_seats(self, row: Row, account: Account | None) -> None:
        teams = dict.fromkeys(team.pk for team, _ in row.joins) | dict.fromkeys(
            account.teams if account else ()
        )
        if why := self.seats.take(teams, row.products, account.pk if account else None):
            self._wrong(row, "enrollments", why)
