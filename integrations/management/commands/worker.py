from argparse import ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from integrations.queue.supervisor import Supervisor, Times


def positive(text: str) -> float:
    number = float(text)
    if number <= 0:
        raise ArgumentTypeError(f"{text} is not more than 0")
    return number


def at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ArgumentTypeError(f"{text} is less than 1")
    return number


class Command(BaseCommand):
    help = (
        "Run queued and scheduled tasks: start a cluster (manage.py qcluster) and replace it when it dies or "
        "freezes. Any number of workers can use one database. Ctrl-C or SIGTERM stops a worker."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        times = Times()
        parser.add_argument(
            "--workers",
            type=at_least_one,
            help="processes that carry out tasks (default: QUEUE_WORKERS, else 4)",
        )
        parser.add_argument(
            "--probe-every",
            type=positive,
            default=times.probe_every,
            help="seconds between probes of the cluster (default: %(default)s)",
        )
        parser.add_argument(
            "--patience",
            type=positive,
            default=times.replace_after,
            help="seconds without a sign of life before the cluster is replaced (default: %(default)s)",
        )
        parser.add_argument(
            "--stop-within",
            type=positive,
            default=times.stop_within,
            help="seconds to wait for running tasks when the worker is stopped (default: %(default)s)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        times = Times(
            probe_every=options["probe_every"],
            replace_after=options["patience"],
            stop_within=options["stop_within"],
        )
        Supervisor(workers=options["workers"], times=times).run()
