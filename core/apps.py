from importlib import import_module

from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in
from django.core import checks
from django.db.models.signals import post_migrate, pre_migrate


class CoreConfig(AppConfig):
    name = "core"

    def ready(self) -> None:
        # Django's receiver saves the user, and the history would record that as a change. The sign-in page
        # stores the time instead.
        user_logged_in.disconnect(dispatch_uid="update_last_login")
        audit = import_module("core.audit")  # imports the models, which are loaded only now
        audit.connect()
        addresses = import_module("core.services.webhooks.addresses")
        checks.register(addresses.check_deployment, checks.Tags.security, deploy=True)
        triggers = import_module("core.services.seats.triggers")
        pre_migrate.connect(triggers.remove_before_migrating, sender=self)
        post_migrate.connect(triggers.install, sender=self)
