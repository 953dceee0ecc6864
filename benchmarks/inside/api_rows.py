"""`python -m benchmarks.inside.api_rows ROWS`: makes an administrator with a token and a personal team, and
ROWS people. Prints the token."""

import json
import sys

from benchmarks.inside.filling import AFTER, fill, fill_teams
from core.models import Role, User
from core.services.api import personal_team, tokens


def run(rows: int) -> None:
    root = User.objects.create_superuser("root@bench.example", first_name="Root")
    personal_team.of(root, by=root)
    _, secret = tokens.issue(user=root, name="Bench")
    fill(rows)
    fill_teams(rows, root, Role.objects.get(code="student"))
    print(json.dumps({"token": secret, "first": AFTER + 1, "last": AFTER + rows}))


if __name__ == "__main__":
    run(int(sys.argv[1]))
