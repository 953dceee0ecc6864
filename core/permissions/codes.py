"""The permissions that a role can hold: their codes, their categories, and the Django permissions they grant.

Roles store the codes; `core.permissions.backend.RoleBackend` answers Django's `has_perm` from them.
"""

from dataclasses import dataclass, field

from django.utils.text import capfirst

VIEW, CREATE, EDIT, DELETE = "view", "create", "edit", "delete"
DJANGO_VERB = {VIEW: "view", CREATE: "add", EDIT: "change", DELETE: "delete"}


@dataclass(frozen=True)
class Permission:
    code: str  # "users.view": stored on roles, used by the API
    category: str
    label: str
    grants: frozenset[str] = field(default_factory=frozenset)  # Django permissions, "core.view_user"
    shown: bool = True  # False while no code checks it: roles may hold it, but screens do not show it


def _crud(
    category: str,
    noun: str,
    models: list[str],
    verbs: str = "view create edit delete",
    *,
    unused: str = "",
) -> list[Permission]:
    """Returns one permission for each verb; those in `unused` are not shown, as no screen checks them yet."""
    prefix = category.lower().replace(" ", "_")
    return [
        Permission(
            f"{prefix}.{verb}",
            category,
            f"{capfirst(verb)} {noun}",
            frozenset(f"core.{DJANGO_VERB[verb]}_{model}" for model in models),
            shown=verb not in unused.split(),
        )
        for verb in verbs.split()
    ]


def _one(code: str, category: str, label: str, *grants: str, shown: bool = True) -> Permission:
    return Permission(code, category, label, frozenset(grants), shown=shown)


PERMISSIONS: dict[str, Permission] = {
    p.code: p
    for p in [
        *_crud("Users", "users", ["user"]),
        _one("students.delete", "Users", "Delete students"),
        _one("users.impersonate", "Users", "Impersonate users", "core.impersonate_user"),
        *_crud("Teams", "teams", ["team", "membership"], unused="delete"),
        _one("teams.assign", "Teams", "Add people to teams", "core.assign_team"),
        *_crud("Organizations", "organizations", ["organization"]),
        *_crud("Roles", "roles", ["role"]),
        *_crud("Seats", "seats", ["seat", "seatassignment"]),
        _one("seats.assign", "Seats", "Assign seats to teams", "core.assign_seat"),
        *_crud("Products", "products", ["product", "bundleitem", "chapter", "lesson", "quiz"], "view"),
        *_crud("Enrollments", "enrollments", ["enrollment"], "view create delete"),
        _one("enrollments.extend", "Enrollments", "Change end dates", "core.change_enrollment"),
        *_crud("Groups", "groups", ["thinkificgroup", "groupassignment", "groupmembership"], "view"),
        _one("groups.assign", "Groups", "Assign groups to teams", "core.change_thinkificgroup"),
        _one("groups.sync", "Groups", "Sync groups", "core.sync_thinkificgroup", shown=False),
        *_crud("Reports", "reports", ["quizresult", "certificate"], "view"),
        _one("reports.export", "Reports", "Export reports", "core.export_reports", "core.view_exportfile"),
        *_crud("Notes", "notes", ["note"], "view create"),
        _one("notes.delete", "Notes", "Delete notes of others", "core.delete_note"),
        _one(
            "tags.assign",
            "Tags",
            "Tag people",
            "core.view_tag",
            "core.add_tag",
            "core.assign_tag",
        ),
        *_crud("Tags", "tags", ["tag"], "edit delete"),
        _one(
            "settings.view",
            "Settings",
            "View settings",
            "core.view_sitesettings",
            "core.view_emailtext",
            "integrations.view_syncschedule",
        ),
        _one(
            "settings.edit",
            "Settings",
            "Edit settings",
            "core.change_sitesettings",
            "core.change_emailtext",
            "integrations.change_syncschedule",
        ),
        _one(
            "tools.import",
            "Tools",
            "Run syncs and imports",
            "core.run_tools",
            "core.view_migration",
            "integrations.view_syncrun",
        ),
        _one(
            "tools.csv",
            "Tools",
            "Import CSV files",
            "core.view_importbatch",
            "core.add_importbatch",
            shown=False,
        ),
        _one(
            "sync.manage",
            "Sync",
            "Manage sync: runs, waiting changes, webhooks",
            "integrations.view_syncrun",
            "integrations.change_syncrun",
            "integrations.view_syncconflict",
            "integrations.change_syncconflict",
            "integrations.view_drift",
            "integrations.change_drift",
            "integrations.view_inboundevent",
            "integrations.change_inboundevent",
            "core.view_outboxentry",
            "core.change_outboxentry",
        ),
        _one(
            "tokens.manage",
            "API",
            "Manage API tokens",
            "core.view_apitoken",
            "core.add_apitoken",
            "core.delete_apitoken",
        ),
        _one(
            "webhooks.manage",
            "API",
            "Manage outgoing webhooks",
            "core.view_webhookendpoint",
            "core.add_webhookendpoint",
            "core.change_webhookendpoint",
            "core.delete_webhookendpoint",
            "core.view_webhookdelivery",
        ),
        _one(
            "payments.manage",
            "API",
            "See payments and carry them out again",
            "core.view_stripeevent",
            "core.change_stripeevent",
        ),
        _one(
            "audit.view",
            "Audit",
            "View history and impersonations",
            "core.view_impersonationsession",
            "core.view_thinkificopening",
            "core.view_history",
        ),
    ]
}

# code -> the code without which it has no effect
REQUIRES = {"tools.csv": "users.create"}

# A role in a team never gives these, whatever it holds: they are about the whole site.
FOR_THE_SITE = frozenset(
    code
    for code, permission in PERMISSIONS.items()
    if permission.category in {"Organizations", "Roles", "Settings", "Sync", "API", "Audit"}
    or code in {"users.delete", "users.impersonate", "teams.create", "teams.delete", "tools.import"}
)

OWNER_PERMISSIONS = [
    "users.view",
    "users.create",
    "users.edit",
    "students.delete",
    "teams.view",
    "teams.edit",
    "teams.assign",
    "seats.view",
    "products.view",
    "enrollments.view",
    "enrollments.create",
    "enrollments.delete",
    "enrollments.extend",
    "groups.view",
    "reports.view",
    "reports.export",
    "notes.view",
    "notes.create",
    "tags.assign",
    "tools.csv",
]
MANAGER_PERMISSIONS = [
    p
    for p in OWNER_PERMISSIONS
    if p not in {"students.delete", "teams.edit", "tools.csv", "enrollments.extend"}
]

BUILTIN_ROLES: dict[str, tuple[str, bool, list[str]]] = {
    # code: name, global, permissions
    "administrator": ("Administrator", True, sorted(PERMISSIONS)),
    "owner": ("Owner", False, OWNER_PERMISSIONS),
    "manager": ("Manager", False, MANAGER_PERMISSIONS),
    "student": ("Student", False, []),
}
