"""`python -m benchmarks.inside.team_lists ROWS`: makes a team with its manager and, beside it, other teams
with ROWS people, and requests the pages that benchmarks/team_lists.py names, signed in as the manager."""

import json
import sys

from django.conf import settings
from django.test import Client
from django.urls import reverse

from benchmarks.inside.filling import fill, fill_teams
from benchmarks.inside.lists import ask
from benchmarks.team_lists import MEMBERS
from core.models import Membership, Role, Tag, Team, User, UserTag


def run(rows: int) -> None:
    # There is no manifest of static files without a deployment.
    settings.STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"
    owner = User.objects.create_user("owner@team.example")
    team = Team.objects.create(name="Team", owner=owner)
    roles = {role.code: role for role in Role.objects.filter(is_global=False)}
    manager = User.objects.create_user("manager@team.example", home_team=team)
    people = [
        User.objects.create_user(f"student{n}@team.example", first_name=f"Student {n}", home_team=team)
        for n in range(MEMBERS)
    ]
    held = [(owner, "owner"), (manager, "manager"), *((user, "student") for user in people)]
    Membership.objects.bulk_create(Membership(team=team, user=user, role=roles[code]) for user, code in held)
    tag = Tag.objects.create(name="Night shift")
    UserTag.objects.bulk_create(UserTag(user=user, tag=tag) for user in people[::2])
    if rows:
        fill(rows)
        fill_teams(rows, owner, roles["student"])
    client = Client()
    client.force_login(manager)
    page = reverse("admin:core_team_change", args=[team.pk])
    found = {
        "users": ask(client, reverse("admin:core_user_changelist")),
        "tab": ask(client, f"{page}?tab=users"),
        "sorted": ask(client, f"{page}?tab=users&o=1"),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    run(int(sys.argv[1]))
