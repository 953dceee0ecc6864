"""People, found by their e-mail address, and their global roles.

An address proves nothing: an account that is here already is never renamed, switched on or off, or given a
global role.
"""

import secrets
from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import Q

from core.errors import Refusal
from core.folding import email_key
from core.migration.kinds.kind import Kind, differences, record
from core.migration.rows import Row, Run
from core.models import Membership, Note, Team, User, UserTag
from core.permissions import scope
from core.services import people
from core.services.identity import UNUSABLE_PREFIX
from core.services.roles import administrators
from core.services.storage import bulk

COLUMNS = [
    "email",
    "first_name",
    "last_name",
    "is_active",
    "is_dashboard_user",
    "switched_off_at",
    "password",
]


class People(Kind):
    name, model = "people", User
    code, undo_code = "users.create", "users.delete"

    def find(self, rows: Sequence[Row], run: Run) -> None:
        keys = {email_key(row.values["email"]) for row in rows}
        exact = {row.values["email"].lower() for row in rows}
        # An account of an older version may have no key.
        found = User.objects.filter(Q(bulk.among("email_key", keys)) | Q(bulk.among("email", exact)))
        by_key = {email_key(user.email): user for user in found.order_by("-pk")}
        for row in rows:
            if (user := by_key.get(email_key(row.values["email"]))) is not None:
                row.is_there(user.pk, _differences(user, row.values))

    def check(self, rows: Sequence[Row], run: Run) -> None:
        for row in rows:
            try:
                row.values["email"] = people.usable_address(row.values["email"])
            except Refusal as refusal:
                row.refuse(f"email: {refusal}")

    def write(self, rows: Sequence[Row], run: Run) -> None:
        now = run.migration.applied_at
        values = [
            (
                row.values["email"],
                row.values["first_name"],
                row.values["last_name"],
                row.values["active"],
                row.values["dashboard_user"],
                None if row.values["active"] else now,
                f"{UNUSABLE_PREFIX}{secrets.token_hex(20)}",
            )
            for row in rows
        ]
        for row, key in zip(rows, self.insert(User, COLUMNS, values, run), strict=True):
            row.object_id = key

    def export(self) -> Iterator[Sequence[Any]]:
        """Without people who came from Thinkific and whom nothing else names: their next pull brings them."""
        named = [
            Membership.objects.order_by().values("user"),
            Team.objects.order_by().values("owner"),
            UserTag.objects.order_by().values("user"),
            Note.objects.order_by().values("user"),
            Note.objects.order_by().filter(author__isnull=False).values("author"),
            User.objects.order_by().filter(global_role__isnull=False).values("pk"),
        ]
        keys = named[0].union(*named[1:])
        read = ("pk", "email", "first_name", "last_name", "is_active", "is_dashboard_user")
        yield from (
            User.objects.filter(pk__in=keys).order_by("pk").values_list(*read).iterator(chunk_size=2000)
        )

    def why_kept(self, rows: Sequence[Row], run: Run) -> dict[int, str]:
        found = User.objects.filter(pk__in=[row.object_id for row in rows])
        usable = ~(Q(password="") | Q(password__startswith=UNUSABLE_PREFIX))
        came = Q(last_login__isnull=False) | Q(last_activity_at__isnull=False) | usable
        kept = dict.fromkeys(
            found.filter(came).values_list("pk", flat=True), "the person has a password or was here"
        )
        there = found.filter(thinkific_id__isnull=False).values_list("pk", flat=True)
        return kept | dict.fromkeys(there, "the person has an account in Thinkific")


class GlobalRoles(Kind):
    name, model, code, undo_code = "global_roles", User, "users.edit", "users.edit"

    def find(self, rows: Sequence[Row], run: Run) -> None:
        users = User.objects.in_bulk({row.keys["person"] for row in rows if row.keys["person"] > 0})
        for row in rows:
            user = users.get(row.keys["person"])
            if user is not None and user.global_role_id == row.keys["role"]:
                row.is_there(user.pk)

    def check(self, rows: Sequence[Row], run: Run) -> None:
        roles = run.roles(row.keys["role"] for row in rows)
        made = run.made("people", rows, "person")
        for row in rows:
            role = roles[row.keys["role"]]
            if not role.is_global:
                row.refuse(f"role: {role.name} is a role for teams. Give it in memberships.")
            elif not role.permissions <= run.codes and not run.by.is_superuser:
                row.refuse(f"role: {role.name} has permissions that you do not have.")
            elif row.keys["person"] not in made:
                row.refuse(
                    "person: has an account here already, and an address in a file gives no such role. Give "
                    "it on the person's page."
                )

    def write(self, rows: Sequence[Row], run: Run) -> None:
        values = [(row.keys["person"], row.keys["role"], True, True) for row in rows]
        bulk.update(User, ["global_role_id", "is_staff", "is_dashboard_user"], values)
        for row in rows:
            row.object_id, row.done = row.keys["person"], {"role": row.keys["role"]}
        record(User, [row.keys["person"] for row in rows], "~", run.by, run.reason)

    def export(self) -> Iterator[Sequence[Any]]:
        holders = User.objects.filter(global_role__isnull=False).order_by("pk").select_related("global_role")
        for user in holders.iterator(chunk_size=2000):
            assert user.global_role is not None
            yield user.pk, user.global_role.code or user.global_role_id

    def why_kept(self, rows: Sequence[Row], run: Run) -> dict[int, str]:
        wanted = {row.object_id: row.done["role"] for row in rows}
        kept = {}
        for user in User.objects.filter(pk__in=wanted).select_related("global_role"):
            if user.global_role_id != wanted[user.pk]:
                kept[user.pk] = "the role was changed since"
            elif not scope.may_change_account(run.by, user) or user.pk == run.by.pk:
                kept[user.pk] = "you may not change this account"
        return kept

    def take_back(self, rows: Sequence[Row], by: User, reason: str) -> None:
        keys = [row.object_id for row in rows if row.object_id]
        for user in User.objects.filter(pk__in=keys):
            administrators.check_another_is_left(user)
        bulk.update(User, ["global_role_id", "is_staff"], [(key, None, False) for key in keys])
        record(User, keys, "~", by, reason)


def _differences(user: User, values: dict[str, Any]) -> list[str]:
    return differences(
        [
            ("the first name", user.first_name, values["first_name"]),
            ("the last name", user.last_name, values["last_name"]),
            ("active", user.is_active, values["active"]),
            ("uses the dashboard", user.is_dashboard_user, values["dashboard_user"]),
        ]
    )
