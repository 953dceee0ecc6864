"""Sign-up links are off as shipped. Where there are links, they go on working."""

from typing import Any

from django.db import migrations


def switch_on(apps: Any, schema_editor: Any) -> None:
    if apps.get_model("core", "SignUpLink").objects.exists():
        apps.get_model("core", "SiteSettings").objects.update_or_create(
            pk=1, defaults={"registration_enabled": True}
        )


class Migration(migrations.Migration):
    dependencies = [("core", "0041_registration_and_seat_tags")]

    operations = [migrations.RunPython(switch_on, migrations.RunPython.noop, elidable=True)]
