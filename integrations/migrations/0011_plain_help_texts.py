"""Help texts in plain English; the state "in step" of a drifted object says now."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('integrations', '0010_words'),
    ]

    operations = [
        migrations.AlterField(
            model_name='connectionstate',
            name='answered',
            field=models.BooleanField(db_default=True, default=True, help_text='Without an answer, nothing is known about the credentials.'),
        ),
        migrations.AlterField(
            model_name='drift',
            name='key',
            field=models.CharField(help_text='Identifies the row in its report.', max_length=300),
        ),
        migrations.AlterField(
            model_name='drift',
            name='pointers',
            field=models.JSONField(blank=True, default=dict, help_text='Other ids to find it in Thinkific.'),
        ),
        migrations.AlterField(
            model_name='drift',
            name='state',
            field=models.CharField(choices=[('open', 'Open'), ('repairing', 'Being repaired'), ('pushed', 'Ours sent'), ('taken', 'Theirs taken'), ('in_step', 'In step now'), ('refused', 'Not repaired')], default='open', max_length=10),
        ),
        migrations.AlterField(
            model_name='driftreport',
            name='compared_at',
            field=models.DateTimeField(blank=True, help_text='Empty while it has not finished.', null=True),
        ),
        migrations.AlterField(
            model_name='driftreport',
            name='waiting',
            field=models.PositiveIntegerField(default=0, help_text='With a change that was not sent yet.'),
        ),
        migrations.AlterField(
            model_name='syncrun',
            name='busy_seconds',
            field=models.FloatField(default=0, help_text='Time spent working, without the time spent waiting for the queue.'),
        ),
        migrations.AlterField(
            model_name='syncrun',
            name='full',
            field=models.BooleanField(default=True, help_text='Reads everything, not only changes; only this finds what was removed.'),
        ),
        migrations.AlterField(
            model_name='syncschedule',
            name='full',
            field=models.BooleanField(default=True, help_text='Reads everything, not only changes; only this finds what was removed.'),
        ),
    ]
