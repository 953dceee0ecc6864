from django.db import migrations

from core.permissions.codes import BUILTIN_ROLES


def create(apps, schema_editor):
    Role = apps.get_model("core", "Role")
    for code, (name, is_global, permissions) in BUILTIN_ROLES.items():
        Role.objects.get_or_create(
            code=code, defaults={"name": name, "is_global": is_global, "permissions": permissions}
        )
    apps.get_model("core", "SiteSettings").objects.get_or_create(pk=1)


class Migration(migrations.Migration):
    dependencies = [("core", "0002_search_on_postgresql")]
    operations = [migrations.RunPython(create, migrations.RunPython.noop)]
