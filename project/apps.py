from importlib import import_module

from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.contrib.admin.apps import AdminConfig
from django.db.backends.signals import connection_created
from django_structlog.signals import bind_extra_request_finished_metadata

from core.databases import set_limits
from project.logs import tell_refusal

# Screens that packages register. Roles take the place of Django's groups, and the queue has ours: one
# schedule of its own that is malformed, as anybody could write there, stops all of them.
NOT_SHOWN = ["auth.Group", "django_q.Schedule", "django_q.Success", "django_q.Failure", "django_q.OrmQ"]


class DashboardAdminConfig(AdminConfig):
    default_site = "project.site.DashboardSite"

    def ready(self) -> None:
        super().ready()
        bind_extra_request_finished_metadata.connect(tell_refusal, dispatch_uid="project.tell_refusal")
        connection_created.connect(set_limits, dispatch_uid="project.set_limits")
        for label in NOT_SHOWN:
            admin.site.unregister(apps.get_model(label))
        # Which addresses carry a secret has to be known before the first line is logged, in the worker too.
        import_module(settings.ROOT_URLCONF)
