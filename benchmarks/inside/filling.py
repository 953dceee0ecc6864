"""Creates millions of rows with SQL statements. Needs Django."""

from typing import Any

from django.db import connection, models
from django.utils import timezone

from core.models import Enrollment, Membership, Product, Role, Team, User

FIRST = "alicebrunocarladavidelenafrankgracehenryirenejames"
LAST = "abramberryclarkdavisevansfloregrahohaydeirvinklein"
EACH = 5  # enrollments per person
AFTER = 1000  # primary keys up to this are left to existing rows


def fill(rows: int) -> None:
    """Create `rows` people and `rows` enrollments: five each for a fifth of the people."""
    Product.objects.bulk_create(
        Product(pk=AFTER + n, productable_type=Product.Type.COURSE, productable_id=n, name=f"Course {n}")
        for n in range(EACH)
    )
    first, last = (
        f"substr('{names}', 1 + 5 * ((n / {step}) % 10), 5)" for names, step in ((FIRST, 1), (LAST, 10))
    )
    email = f"{first} || '.' || {last} || n || '@' || {last} || '.example.com'"
    _insert(
        User,
        rows,
        id=f"n + {AFTER}",
        email=email,
        email_key=email,
        first_name=first,
        last_name=last,
        folded=f"{first} || ' ' || {last} || ' ' || {email}",
        thinkific_id="n",
        created_at=_minutes_ago("n"),
    )
    _insert(
        Enrollment,
        rows,
        id=f"n + {AFTER}",
        user_id=f"{AFTER} + 1 + (n - 1) / {EACH}",
        product_id=f"{AFTER} + (n - 1) % {EACH}",
        thinkific_id="n",
        percentage_completed="(n % 101) / 100.0",
        activated_at=_minutes_ago("n"),
        expiry_date=_minutes_ago(f"(n % 1000 * 7919 + n) % {rows} - {rows} / 2"),
    )
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")


def fill_teams(rows: int, owner: User, role: Role) -> None:
    """Put the people that `fill` has made into teams of a thousand."""
    teams = range(AFTER, AFTER + 1 + rows // 1000)
    Team.objects.bulk_create(Team(pk=pk, name=f"Team {pk}", owner=owner) for pk in teams)
    _insert(
        Membership,
        rows,
        id=f"n + {AFTER}",
        team_id=f"{AFTER} + n / 1000",
        user_id=f"n + {AFTER}",
        role_id=str(role.pk),
        joined_at=_minutes_ago("n"),
    )
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")


def _minutes_ago(expression: str) -> str:
    if connection.vendor == "postgresql":
        return f"now() - ({expression}) * interval '1 minute'"
    return f"datetime('now', (-({expression})) || ' minutes')"


def _insert(model: type[models.Model], rows: int, **expressions: str) -> None:
    """Insert rows with numbers `n` from 1. Columns without an expression get the defaults of the model."""
    columns, values, constants = [], [], []
    for field in model._meta.concrete_fields:
        if field.generated:
            continue
        columns.append(f'"{field.column}"')
        if field.attname in expressions:
            values.append(expressions[field.attname])
            continue
        default: Any = field.get_default()
        if isinstance(field, models.DateTimeField) and field.auto_now:
            default = timezone.now()
        values.append("%s")
        constants.append(field.get_db_prep_save(default, connection))
    series = (
        f"generate_series(1, {rows}) AS series(n)"
        if connection.vendor == "postgresql"
        else "(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s "
        f"WHERE n < {rows}) SELECT n FROM s)"
    )
    marks = ", ".join(values).replace("% ", "%% ")
    with connection.cursor() as cursor:
        cursor.execute(
            f'INSERT INTO "{model._meta.db_table}" ({", ".join(columns)}) SELECT {marks} FROM {series}',
            constants,
        )
