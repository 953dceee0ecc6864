"""Fills the folded columns of the rows there are, in batches that are committed one by one, and stores names
composed (NFC) and addresses as servers write them. Interrupted, it goes on where it was."""

from django.db import migrations, transaction

from core.folding import email_key, fold, fold_person, normalize_email, tidy

NAMED = ("Tag", "Organization", "Role", "Team", "ThinkificGroup", "Product", "Quiz", "Seat", "ApiToken")
AT_ONCE = 1000


def fill(apps, schema_editor):
    for name in NAMED:
        model = apps.get_model("core", name)
        for rows in batches(model, ["name"]):
            tidied = [(pk, tidy(text)) for pk, text in rows]
            changed = [new for new, old in zip(tidied, rows, strict=True) if new != old]
            update(schema_editor, model, ["name"], changed)
            update(schema_editor, model, ["folded"], [(pk, fold(text)) for pk, text in tidied])
    fill_people(schema_editor, apps.get_model("core", "User"))


def fill_people(schema_editor, User):
    for rows in batches(User, ["first_name", "last_name", "email"]):
        new_emails = {normalize_email(row[3]): row[0] for row in rows}
        # Of two accounts whose addresses become the same, each keeps its own as it is.
        taken = dict(User.objects.filter(email__in=list(new_emails)).values_list("email", "pk"))
        tidied = []
        for pk, first, last, email in rows:
            wanted = normalize_email(email)
            free = taken.get(wanted, pk) == pk and new_emails[wanted] == pk
            tidied.append((pk, tidy(first), tidy(last), wanted if free else email))
        changed = [new for new, old in zip(tidied, rows, strict=True) if new != old]
        update(schema_editor, User, ["first_name", "last_name", "email"], changed)
        keys = [(pk, fold_person(first, last, email), email_key(email)) for pk, first, last, email in tidied]
        update(schema_editor, User, ["folded", "email_key"], keys)


def update(schema_editor, model, names, rows):
    """Rows begin with their primary key; the columns are text."""
    connection, table = schema_editor.connection, model._meta.db_table
    with transaction.atomic(connection.alias), connection.cursor() as cursor:
        if connection.vendor == "postgresql" and rows:  # in one statement: a third of the time
            sets = ", ".join(f'"{name}" = v."{name}"' for name in names)
            arrays = ", ".join(["%s::bigint[]", *("%s::text[]" for _ in names)])
            columns = ", ".join(["id", *(f'"{name}"' for name in names)])
            cursor.execute(
                f'UPDATE "{table}" AS t SET {sets} FROM unnest({arrays}) AS v({columns}) WHERE t.id = v.id',
                [list(values) for values in zip(*rows, strict=True)],
            )
        else:
            sets = ", ".join(f'"{name}" = %s' for name in names)
            statement = f'UPDATE "{table}" SET {sets} WHERE id = %s'
            cursor.executemany(statement, [(*values, pk) for pk, *values in rows])


def batches(model, names):
    last, rows = 0, model.objects.filter(folded__isnull=True).order_by("pk")
    while found := list(rows.filter(pk__gt=last).values_list("pk", *names)[:AT_ONCE]):
        last = found[-1][0]
        yield found


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("core", "0011_folded_columns")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
