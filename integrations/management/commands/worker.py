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
        "Carries out what is queued and scheduled: runs a cluster (manage.py qcluster) and replaces it when "
        "it dies or freezes. Any number of these can work on one database. Ctrl-C or SIGTERM stop it."
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
            default=times.patience,
            help="seconds of silence after which the cluster is replaced (default: %(default)s)",
        )
        parser.add_argument(
            "--stop-within",
            type=positive,
            default=times.stop_within,
            help="seconds that running tasks get to end when the worker is stopped (default: %(default)s)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        times = Times(
            probe_every=options["probe_every"],
            patience=options["patience"],
            stop_within=options["stop_within"],
        )
        Supervisor(workers=options["workers"], times=times).run()
