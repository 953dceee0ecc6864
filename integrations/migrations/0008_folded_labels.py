"""Columns in which the labels of conflicts and drift are searched: core/models/fields/folded.py."""

from django.db import migrations, models

from core.folding import fold

AT_ONCE = 1000
MODELS = ("drift", "syncconflict")


def fill(apps, schema_editor):
    for name in MODELS:
        model = apps.get_model("integrations", name)
        rows = model.objects.filter(folded__isnull=True).order_by("pk")
        while found := list(rows.values_list("pk", "label")[:AT_ONCE]):
            with schema_editor.connection.cursor() as cursor:
                statement = f'UPDATE "{model._meta.db_table}" SET folded = %s WHERE id = %s'  # noqa: S608
                cursor.executemany(statement, [(fold(label), pk) for pk, label in found])


class Migration(migrations.Migration):
    dependencies = [("integrations", "0007_web_turns")]
    operations = [
        *(
            migrations.AddField(
                model_name=name, name="folded", field=models.TextField(editable=False, null=True)
            )
            for name in MODELS
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
