"""How a column of the schedules is called."""

import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('integrations', '0009_whose_account_is_gone'),
    ]

    operations = [
        migrations.AlterField(
            model_name='syncschedule',
            name='every_minutes',
            field=models.PositiveIntegerField(help_text='15 = every quarter of an hour, 1440 = daily.', validators=[django.core.validators.MinValueValidator(1, 'A schedule runs every minute at most: enter 1 or more.'), django.core.validators.MaxValueValidator(20160, 'Enter at most 20160 minutes, which is two weeks.')], verbose_name='every (minutes)'),
        ),
    ]
