from importlib import import_module

from django.apps import AppConfig


class IntegrationsConfig(AppConfig):
    name = "integrations"

    def ready(self) -> None:
        # They listen to the queue's hooks in every process that may become a worker or write a schedule.
        import_module("integrations.heartbeat")
        import_module("integrations.schedule_problems")
