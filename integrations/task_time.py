"""Each task of the queue runs in the time zone and with the formats of the settings, as a request does."""

from contextlib import ExitStack
from typing import Any

from django.dispatch import receiver
from django_q.signals import post_execute_in_worker, pre_execute

from core.services.site.localisation import in_site_time

_task = ExitStack()  # a worker process does one task at a time


@receiver(pre_execute)
def task_starts(**_kwargs: Any) -> None:
    _task.close()
    _task.enter_context(in_site_time())


@receiver(post_execute_in_worker)
def task_ended(**_kwargs: Any) -> None:
    _task.close()
