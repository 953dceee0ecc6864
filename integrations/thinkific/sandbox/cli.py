"""The command line of the stand-in, for `manage.py thinkific_sandbox` and `python -m ...sandbox`."""

import argparse
import gc
import logging
import signal
import sys
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from integrations.thinkific.sandbox.journal import Journal, JournalMismatch
from integrations.thinkific.sandbox.options import Options
from integrations.thinkific.sandbox.sandbox import Sandbox
from integrations.thinkific.sandbox.site.generator import Scale
from integrations.thinkific.sandbox.site.site import Site

SIZES = (
    ("users", int, "people"),
    ("enrollments-per-user", float, "enrollments, on average"),
    ("courses", int, "courses that REST shows"),
    ("builder-courses", int, "courses of the newer builder, which only GraphQL shows"),
    ("bundles", int, "bundles"),
    ("groups", int, "groups; the first twelve are the customer companies"),
    ("bundle-holders", float, "share of the people who are enrolled through a bundle"),
    ("quiz-results-per-user", float, "quiz results, on average"),
    ("orders-per-user", float, "orders, on average"),
    ("contents-per-chapter", int, "lessons and quizzes in a chapter"),
    ("chapters-per-course", int, "chapters of each course; 0: those that its title names"),
)
DEMO_LIMIT = 2000  # with this many people or more, the sizes of the bulk profile are the defaults


def add_arguments(parser: argparse.ArgumentParser) -> None:
    where = parser.add_argument_group("where")
    where.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    where.add_argument("--port", type=int, default=8765, help="port; 0 takes a free one (default: 8765)")
    where.add_argument("--exit-with-parent", action="store_true", help="stop when standard input ends")
    site = parser.add_argument_group("the site")
    site.add_argument(
        "--profile", choices=["demo", "bulk"], help="what sizes default to (default: by --users)"
    )
    for name, kind, meaning in SIZES:
        site.add_argument(
            f"--{name}", type=kind, metavar="N", help=f"number of {meaning}" if kind is int else meaning
        )
    site.add_argument("--seed", type=int, default=1, help="another seed, another site (default: 1)")
    site.add_argument(
        "--as-of", type=datetime.fromisoformat, help="the date the rows lead up to (default: this hour)"
    )
    site.add_argument(
        "--journal", type=Path, metavar="FILE", help="keep what is changed here, and start from it"
    )
    site.add_argument(
        "--activity", type=float, default=0.0, metavar="N", help="things that people do per minute"
    )
    site.add_argument("--webhook-target", metavar="URL", help="subscribe this address to every topic")
    behaviour = parser.add_argument_group("how it behaves (all of it can be changed at /_sandbox/options)")
    for field in msgspec.structs.fields(Options):
        if field.name != "seed":
            _add_option(behaviour, field)


def _add_option(group: Any, field: msgspec.structs.FieldInfo) -> None:
    name = f"--{field.name.replace('_', '-')}"
    default = field.default
    shown = f"default: {default}"
    if isinstance(default, bool):
        group.add_argument(name, type=_boolean, default=default, metavar="true|false", help=shown)
    elif isinstance(default, int | float):
        group.add_argument(name, type=type(default), default=default, metavar="N", help=shown)
    else:
        choices = getattr(field.type, "__args__", ()) if default is not None else ()
        group.add_argument(name, default=default, choices=choices or None, help=shown)


def _boolean(text: str) -> bool:
    if text.lower() not in ("true", "false", "1", "0"):
        raise argparse.ArgumentTypeError("true or false")
    return text.lower() in ("true", "1")


def build(given: dict[str, Any]) -> Sandbox:
    options = {name: given[name] for name in Options.__struct_fields__ if name in given}
    sizes = {name: given[name] for name in Scale.__struct_fields__ if given.get(name) is not None}
    profile = given.get("profile") or ("bulk" if sizes.get("users", 0) >= DEMO_LIMIT else "demo")
    scale = Scale.bulk(**sizes) if profile == "bulk" else Scale(**sizes)
    as_of = given.get("as_of")
    journal = Journal(given["journal"]) if given.get("journal") else None
    origin = journal.origin() if journal else None
    if origin and as_of is None:
        as_of = datetime.fromisoformat(origin["as_of"])  # keep the dates of the first start
    site = Site.generate(scale, seed=given["seed"], as_of=as_of)
    return Sandbox(
        site=site,
        host=given["host"],
        port=given["port"],
        journal=given.get("journal"),
        activity=given["activity"],
        webhook_target=given.get("webhook_target"),
        **options,
    )


def run(given: dict[str, Any], say: Callable[[str], object]) -> int:
    """Serve until SIGINT or SIGTERM. The first line passed to `say` ends with the address."""
    logging.basicConfig(level=logging.WARNING)
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    try:
        sandbox = build(given)
    except (JournalMismatch, OSError) as problem:
        say(f"Cannot start: {problem}")
        return 1
    if given.get("exit_with_parent"):
        threading.Thread(target=_wait_for_end_of_input, args=(stopping,), daemon=True).start()
    gc.freeze()  # the rows are never garbage; without this, collections would slow the pages down
    with sandbox:
        counts = sandbox.site.counts()
        say(f"Thinkific stand-in listening at {sandbox.url}")
        say(f"{counts['users']} people, {counts['enrollments']} enrollments, {counts['courses']} courses")
        stopping.wait()
    return 0


def _wait_for_end_of_input(stopping: threading.Event) -> None:
    """Stop when the pipe from the parent process closes: it closes whenever the parent ends."""
    while sys.stdin.read(1):
        pass
    stopping.set()
