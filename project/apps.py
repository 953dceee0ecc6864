from importlib import import_module

from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.contrib.admin.apps import AdminConfig
from django.contrib.auth.signals import user_logged_out
from django.db.backends.signals import connection_created
from django_structlog.signals import bind_extra_request_finished_metadata, bind_extra_request_metadata

from core.databases import set_limits
from project.logs import name_impersonation, tell_refusal

# Screens of packages that are not shown. Roles replace Django's groups. The queue has our own screens: on
# those of the package anybody could save a malformed schedule, and one of these stops all schedules.
NOT_SHOWN = ["auth.Group", "django_q.Schedule", "django_q.Success", "django_q.Failure", "django_q.OrmQ"]


class DashboardAdminConfig(AdminConfig):
    default_site = "project.site.DashboardSite"

    def ready(self) -> None:
        super().ready()
        bind_extra_request_finished_metadata.connect(tell_refusal, dispatch_uid="project.tell_refusal")
        bind_extra_request_metadata.connect(name_impersonation, dispatch_uid="project.name_impersonation")
        impersonation = import_module("project.middleware.impersonation")  # imports the models
        user_logged_out.connect(impersonation.end_with_sign_out, dispatch_uid="project.end_with_sign_out")
        connection_created.connect(set_limits, dispatch_uid="project.set_limits")
        for label in NOT_SHOWN:
            admin.site.unregister(apps.get_model(label))
        # The logs need the addresses to find those with a secret, before the first line is logged and in the
        # worker too (project/middleware/secret_addresses.py).
        import_module(settings.ROOT_URLCONF)
