"""`python -m benchmarks.inside.api_rows ROWS`: makes an administrator with a token and a personal team, and
ROWS people. Prints the token."""

import json
import sys

from django.core.management.color import no_style
from django.db import connection

from benchmarks.inside.filling import AFTER, fill, fill_teams
from core.models import Membership, Role, Team, User
from core.services.api import personal_team, tokens


def run(rows: int) -> None:
    root = User.objects.create_superuser("root@bench.example", first_name="Root")
    personal_team.of(root, by=root)
    _, secret = tokens.issue(user=root, name="Bench")
    fill(rows)
    fill_teams(rows, root, Role.objects.get(code="student"))
    with connection.cursor() as cursor:  # the rows have keys of their own: new ones go on behind them
        for statement in connection.ops.sequence_reset_sql(no_style(), [User, Team, Membership]):
            cursor.execute(statement)
    print(json.dumps({"token": secret, "first": AFTER + 1, "last": AFTER + rows}))


if __name__ == "__main__":
    run(int(sys.argv[1]))
