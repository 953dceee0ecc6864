from importlib import import_module

from django.apps import AppConfig


class IntegrationsConfig(AppConfig):
    name = "integrations"

    def ready(self) -> None:
        # These modules connect signal receivers. Every process that may become a worker or write a schedule
        # needs them.
        import_module("integrations.heartbeat")
        import_module("integrations.task_time")
        import_module("integrations.schedule_problems")
