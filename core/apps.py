from importlib import import_module

from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in


class CoreConfig(AppConfig):
    name = "core"

    def ready(self) -> None:
        # It saves the person, which the history would keep as a change. The sign-in page notes the time.
        user_logged_in.disconnect(dispatch_uid="update_last_login")
        audit = import_module("core.audit")  # it needs the models, which are there now
        audit.connect()
