"""Endpoints take several events, have an encrypted secret and an owner; deliveries keep what was answered.

No screen or command made endpoints before, so `event` and `secret` go without having been read.
"""

import core.acting
import django.db.models.deletion
import django.utils.timezone
import simple_history.models
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('core', '0045_who_is_a_student'),
    ]

    operations = [
        migrations.CreateModel(
            name='HistoricalWebhookEndpoint',
            fields=[
                ('id', models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name='ID')),
                ('history_user_name', models.TextField(editable=False, null=True)),
                ('impersonator_name', models.TextField(editable=False, null=True)),
                ('url', models.URLField(max_length=2000, verbose_name='URL')),
                ('description', models.CharField(blank=True, db_default='', default='', max_length=200)),
                ('events', models.JSONField(db_default=[], default=list, help_text='Names of core/services/webhooks/events.py, or * for all.')),
                ('active', models.BooleanField(default=True)),
                ('compatible', models.BooleanField(db_default=False, default=False, help_text='Also sign with the Thinkific API key, as the former dashboard did.', verbose_name='compatibility signature')),
                ('former_until', models.DateTimeField(editable=False, null=True)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('switched_off_at', models.DateTimeField(editable=False, null=True)),
                ('switched_off_why', models.TextField(blank=True, db_default='', default='', editable=False)),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.TextField(null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
            ],
            options={
                'verbose_name': 'historical webhook endpoint',
                'verbose_name_plural': 'historical webhook endpoints',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.AlterModelOptions(
            name='webhookendpoint',
            options={'ordering': ['-id']},
        ),
        migrations.RemoveConstraint(
            model_name='webhookendpoint',
            name='one_endpoint_per_event_and_url',
        ),
        migrations.RemoveField(
            model_name='webhookendpoint',
            name='event',
        ),
        migrations.RemoveField(
            model_name='webhookendpoint',
            name='secret',
        ),
        migrations.AddField(
            model_name='webhookdelivery',
            name='asked_by',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='webhookdelivery',
            name='asked_by_name',
            field=models.TextField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='webhookdelivery',
            name='happened_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='webhookdelivery',
            name='milliseconds',
            field=models.PositiveIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='webhookdelivery',
            name='request_headers',
            field=models.JSONField(db_default={}, default=dict),
        ),
        migrations.AddField(
            model_name='webhookdelivery',
            name='response_body',
            field=models.TextField(db_default='', default=''),
        ),
        migrations.AddField(
            model_name='webhookdelivery',
            name='response_headers',
            field=models.JSONField(db_default={}, default=dict),
        ),
        migrations.AddField(
            model_name='webhookdelivery',
            name='tried_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='webhookendpoint',
            name='compatible',
            field=models.BooleanField(db_default=False, default=False, help_text='Also sign with the Thinkific API key, as the former dashboard did.', verbose_name='compatibility signature'),
        ),
        migrations.AddField(
            model_name='webhookendpoint',
            name='description',
            field=models.CharField(blank=True, db_default='', default='', max_length=200),
        ),
        migrations.AddField(
            model_name='webhookendpoint',
            name='encrypted',
            field=models.TextField(db_default='', default='', editable=False),
        ),
        migrations.AddField(
            model_name='webhookendpoint',
            name='ends_told_until',
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='webhookendpoint',
            name='events',
            field=models.JSONField(db_default=[], default=list, help_text='Names of core/services/webhooks/events.py, or * for all.'),
        ),
        migrations.AddField(
            model_name='webhookendpoint',
            name='failing_since',
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='webhookendpoint',
            name='failures',
            field=models.PositiveIntegerField(db_default=0, default=0, editable=False, help_text='Failed attempts since the last success.'),
        ),
        migrations.AddField(
            model_name='webhookendpoint',
            name='former_encrypted',
            field=models.TextField(db_default='', default='', editable=False),
        ),
        migrations.AddField(
            model_name='webhookendpoint',
            name='former_until',
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='webhookendpoint',
            name='listens_since',
            field=models.DateTimeField(default=django.utils.timezone.now, editable=False, null=True),
        ),
        migrations.AddField(
            model_name='webhookendpoint',
            name='owner',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='webhook_endpoints', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='webhookendpoint',
            name='owner_name',
            field=models.TextField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='webhookendpoint',
            name='paused_until',
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='webhookendpoint',
            name='switched_off_at',
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='webhookendpoint',
            name='switched_off_why',
            field=models.TextField(blank=True, db_default='', default='', editable=False),
        ),
        migrations.AlterField(
            model_name='webhookdelivery',
            name='event_id',
            field=models.CharField(max_length=64, verbose_name='event id'),
        ),
        migrations.AlterField(
            model_name='webhookdelivery',
            name='status',
            field=models.CharField(choices=[('pending', 'Waiting'), ('delivered', 'Delivered'), ('failed', 'Failed')], default='pending', max_length=10),
        ),
        migrations.AddIndex(
            model_name='webhookdelivery',
            index=models.Index(fields=['endpoint', '-id'], name='webhook_delivery_endpoint'),
        ),
        migrations.AddIndex(
            model_name='webhookdelivery',
            index=models.Index(fields=['event', 'created_at'], name='webhook_delivery_event'),
        ),
        migrations.AddField(
            model_name='historicalwebhookendpoint',
            name='history_user',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='historicalwebhookendpoint',
            name='impersonation',
            field=models.ForeignKey(db_index=False, default=core.acting.session_id, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='core.impersonationsession'),
        ),
        migrations.AddField(
            model_name='historicalwebhookendpoint',
            name='impersonator',
            field=models.ForeignKey(blank=True, default=core.acting.impersonator_id, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='historicalwebhookendpoint',
            name='owner',
            field=models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
    ]
