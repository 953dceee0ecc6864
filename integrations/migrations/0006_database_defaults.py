"""A default in the database for a column that code from before the column leaves out."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('integrations', '0005_identity_conflicts'),
    ]

    operations = [
        migrations.AlterField(
            model_name='connectionstate',
            name='answered',
            field=models.BooleanField(db_default=True, default=True, help_text='Else nothing is known of the credentials.'),
        ),
    ]
