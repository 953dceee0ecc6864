"""Teams, found by name and owner. A new team has its owner as its first member at once."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import Exists, F, Model, OuterRef, Q
from django.utils import timezone

from core.folding import fold
from core.migration.format import LAYOUTS
from core.migration.kinds.kind import Kind, delete, differences, record
from core.migration.rows import Row, Run, Verdict
from core.migration.values import key_of, moment
from core.models import Membership, MigrationRow, Role, Team, User
from core.permissions import scope
from core.permissions.overrides import ALLOW, DENY, effective
from core.services.history import record_initial_state
from core.services.storage import bulk

COLUMNS = ["name", "owner_id", "organization_id", "description", "max_members", "is_personal", "archived_at"]
MOST_STUDENTS = 2**31 - 1


class Teams(Kind):
    name, model, code = "teams", Team, "teams.create"

    def find(self, rows: Sequence[Row], run: Run) -> None:
        earlier = run.earlier(self.name, [row.ref for row in rows])
        by_key = Team.objects.select_related("owner").in_bulk(list(earlier.values()))
        names = {fold(row.values["name"]) for row in rows}
        same = Team.objects.filter(bulk.among("folded", names)).select_related("owner").order_by("pk")
        same = same.exclude(archived_at__isnull=False, pk__in=run.matched(self.name, before=rows))
        by_name: dict[tuple[str, bool], list[Team]] = {}
        for team in same:
            by_name.setdefault((team.folded or "", team.archived_at is not None), []).append(team)
        for row in rows:
            found = by_key.get(earlier.get(row.ref, 0)) or self._named(row, by_name)
            if found is not None and row.verdict == Verdict.NEW:
                row.is_there(found.pk, _differences(found, row))

    def _named(self, row: Row, by_name: dict[tuple[str, bool], list[Team]]) -> Team | None:
        name, is_archived = fold(row.values["name"]), row.values["archived_at"] is not None
        if is_archived:
            archived = by_name.get((name, True), [])
            own = next((team for team in archived if team.owner_id == row.keys["owner"]), None)
            if own is not None:
                archived.remove(own)
            return own
        for team in by_name.get((name, False), ()):
            if team.owner_id == row.keys["owner"]:
                return team
            row.refuse(
                f"name: there is a team “{team}” here, which {team.owner} owns, and another owner in the "
                "file. Rename one of the two, or make the file's owner the owner here."
            )
        return None

    def check(self, rows: Sequence[Row], run: Run) -> None:
        owner = Role.objects.get(code="owner")
        may_own = run.by.is_superuser or effective(owner.permissions) <= run.codes
        owners = User.objects.in_bulk({row.keys["owner"] for row in rows if row.keys["owner"] > 0})
        coming = run.coming(row.keys["owner"] for row in rows)
        personal = _with_personal_team(owners)
        for row in rows:
            key = row.keys["owner"]
            active = owners[key].is_active if key in owners else coming[key]["active"]
            if row.nth and row.values["archived_at"] is None:
                row.refuse("name: an earlier row has this name. Two teams of one name cannot be told apart.")
            elif not active:
                row.refuse("owner: the account is switched off. Choose another owner in the file.")
            elif not may_own:
                row.refuse("You cannot make owners: they have permissions that you do not have.")
            elif (row.values["max_students"] or 0) > MOST_STUDENTS:
                row.refuse("max_students: the number is too large. Leave it empty for no limit.")
            elif row.values["personal"] and key in personal:
                row.refuse("personal: the owner has another personal team, and everybody has one at most.")
            elif row.values["personal"]:
                personal.add(key)

    def write(self, rows: Sequence[Row], run: Run) -> None:
        values = [
            (
                row.values["name"],
                row.keys["owner"],
                row.keys["organization"],
                row.values["description"],
                row.values["max_students"],
                row.values["personal"],
                moment(row.values["archived_at"]),
            )
            for row in rows
        ]
        for row, key in zip(rows, self.insert(Team, COLUMNS, values, run), strict=True):
            row.object_id = key
        self._add_owners(rows, run)
        primary = [(row.keys["owner"], row.object_id) for row in rows if row.values["personal"]]
        record_initial_state(User, [user for user, _ in primary])
        bulk.update(User, ["primary_team_id"], primary)
        allowed = User.objects.filter(pk__in=[row.keys["owner"] for row in rows], is_dashboard_user=False)
        new = list(allowed.values_list("pk", flat=True))
        record_initial_state(User, new)
        User.objects.filter(pk__in=new).update(is_dashboard_user=True)
        changed = {*new, *(user for user, _ in primary)}
        record(User, changed, "~", run.by, run.reason)

    def _add_owners(self, rows: Sequence[Row], run: Run) -> None:
        """Make the owners members, as the file says or as any new owner is."""
        role = Role.objects.get(code="owner")
        layout = LAYOUTS["memberships"]
        owned = {
            key_of(layout, {"team": row.values["id"], "person": row.values["owner"]}): row for row in rows
        }
        theirs = MigrationRow.objects.filter(
            bulk.among("key", owned), migration=run.migration, kind=layout.kind, verdict=Verdict.NEW
        )
        said = {key: v for key, v in theirs.values_list("key", "values") if v["role"] == "owner"}
        members = []
        for key, row in owned.items():
            own = said.get(key)
            overrides = scope.starting_overrides(role) if own is None else overrides_of(own)
            joined = moment(own["joined_at"]) if own else None
            guest = bool(own and own["guest"])
            members.append(
                (row.object_id, row.keys["owner"], role.pk, overrides, guest, joined or timezone.now())
            )
        columns = ["team_id", "user_id", "role_id", "overrides", "as_guest", "joined_at"]
        self.insert(Membership, columns, members, run)

    def export(self) -> Iterator[Sequence[Any]]:
        rows = Team.objects.order_by("pk").annotate(primary=F("owner__primary_team"))
        read = (
            "pk",
            "name",
            "owner",
            "organization",
            "description",
            "max_members",
            "is_personal",
            "archived_at",
        )
        for *values, personal, archived, primary in rows.values_list(*read, "primary").iterator(
            chunk_size=2000
        ):
            yield *values, personal or primary == values[0], archived

    def may_cascade(self) -> set[type[Model]]:
        return {Membership, User, Role.limited_to.through}

    def why_kept(self, rows: Sequence[Row], run: Run) -> dict[int, str]:
        keys = [row.object_id for row in rows]
        others = Membership.objects.filter(team__in=keys).exclude(user=F("team__owner"))
        # Those that go too were looked at before.
        going = MigrationRow.objects.filter(migration=run.migration, goes=True).order_by()
        members = going.filter(kind="memberships").values("object_id")
        others = others.exclude(pk__in=members)
        kept = dict.fromkeys(others.order_by().values_list("team", flat=True), "people are in it")
        own = Membership.objects.filter(user=OuterRef("pk"), team=OuterRef("home_team"), pk__in=members)
        homes = User.objects.filter(~Exists(own), home_team__in=keys).order_by()
        kept |= dict.fromkeys(homes.values_list("home_team", flat=True), "it is the home team of people")
        primary = User.objects.filter(primary_team__in=keys).exclude(owned_teams=F("primary_team"))
        kept |= dict.fromkeys(
            primary.order_by().values_list("primary_team", flat=True), "the REST API uses it"
        )
        limits = Role.limited_to.through.objects.filter(team__in=keys)
        limits = limits.exclude(role__in=going.filter(kind="roles").values("object_id"))
        return kept | dict.fromkeys(limits.values_list("team", flat=True), "a role is limited to it")

    def before_deletion(self, keys: Sequence[int], by: User, reason: str) -> None:
        owners = Membership.objects.filter(team__in=keys)
        record(Membership, owners.values_list("pk", flat=True), "-", by, reason)
        delete(owners)
        primary = list(User.objects.filter(primary_team__in=keys).values_list("pk", flat=True))
        User.objects.filter(pk__in=primary).update(primary_team=None)
        record(User, primary, "~", by, reason)


def overrides_of(values: dict[str, Any]) -> dict[str, str] | None:
    """Returns the overrides of a row of memberships, as they are stored."""
    found = dict.fromkeys(values["allowed"], ALLOW) | dict.fromkeys(values["denied"], DENY)
    return found or None


def _with_personal_team(owners: dict[int, User]) -> set[int]:
    personal = Q(is_personal=True) | Q(owner__primary_team=F("pk"))
    return set(Team.objects.filter(personal, owner__in=owners).values_list("owner", flat=True))


def _differences(team: Team, row: Row) -> list[str]:
    said = differences(
        [
            ("the name", team.name, row.values["name"]),
            ("the description", team.description, row.values["description"]),
            ("the limit of students", team.max_members, row.values["max_students"]),
            ("archived", team.archived_at is not None, row.values["archived_at"] is not None),
        ]
    )
    if team.owner_id != row.keys["owner"]:
        said.append(f"{team.owner} owns it")
    if team.organization_id != row.keys["organization"]:
        said.append("it is in another organization")
    return said
