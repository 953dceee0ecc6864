"""`python -m benchmarks.inside.impersonated`: makes a team in an empty database and counts the queries of its
manager's pages, read by the manager and by an administrator who acts as the manager."""

import json
from typing import Any

from django.conf import settings
from django.db import connection
from django.test import Client
from django.urls import reverse

from core.models import Membership, Role, Team, User

PAGES = ("/admin/", "/admin/live/", "/admin/core/user/", "/admin/core/team/", "/admin/core/enrollment/")


def run() -> None:
    # There is no manifest of static files without a deployment.
    settings.STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"
    root = User.objects.create_superuser("root@example.com")
    manager = User.objects.create_user("mara@example.com", first_name="Mara")
    team = Team.objects.create(name="Acme", owner=root)
    Membership.objects.create(team=team, user=manager, role=Role.objects.get(code="manager"))
    alone, acting = Client(), Client()
    alone.force_login(manager)
    acting.force_login(root)
    address = reverse("admin:core_user_do", args=[manager.pk, "impersonate"])
    assert acting.post(address, {"reason": ""}).status_code == 302
    pages = [_counted(alone, acting, page) for page in PAGES]
    checks = sum(page.pop("checks_alone") for page in pages)
    print(json.dumps({"pages": pages, "checks_alone": checks}))


def _counted(alone: Any, acting: Any, address: str) -> dict[str, Any]:
    theirs, ours = _statements(alone, address), _statements(acting, address)
    checks = [sql for sql in theirs if "impersonationsession" in sql]
    return {
        "address": address,
        "alone": len(theirs),
        "impersonated": len(ours),
        "checks_alone": len(checks),
    }


def _statements(client: Any, address: str) -> list[str]:
    client.get(address)  # fills the caches
    statements: list[str] = []

    def count(execute: Any, sql: str, *rest: Any) -> Any:
        statements.append(sql)
        return execute(sql, *rest)

    with connection.execute_wrapper(count):
        assert client.get(address).status_code == 200, address
    return statements


if __name__ == "__main__":
    run()
