"""`python -m project.run`, called by `make run`: starts the whole dashboard in one terminal.

Without credentials for Thinkific it starts the local stand-in, and the demo in its own database. Ctrl-C stops
everything; when one process ends, the others are stopped too.
"""

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request

from project.run.lock import only_one
from project.run.places import BASE_DIR, Places, choose, folder, read_environment
from project.run.ports import CannotStart
from project.run.processes import Ended, Processes, StopAsked, say

ANSWERS_WITHIN = 60  # seconds
# Ctrl-C should be quick: a pull that is killed continues at its page after the next start.
WORKER = ["manage.py", "worker", "--stop-within=3"]


def main() -> int:
    try:
        environment = read_environment()
        with only_one(folder(environment)) as tell_others:
            places = choose(environment)
            tell_others(places.address)
            with Processes(BASE_DIR) as processes:
                start_all(processes, places)
                processes.watch()
    except StopAsked:
        say("stopped")
        return 0
    except (CannotStart, Ended) as reason:
        say(str(reason))
        return 1
    return 0


def start_all(processes: Processes, places: Places) -> None:
    for remark in places.remarks:
        say(remark)
    if places.stand_in_port:
        write_demo_environment(places)
    # Before the other processes: each of them would report an unusable setting again.
    closing_lines = prepare(places)
    if places.stand_in_port:
        processes.start("thinkific", stand_in(places, places.stand_in_port), places.environment)
        wait_for(processes, places.environment["THINKIFIC_API_URL"], "The stand-in for Thinkific")
    processes.start("worker", WORKER, places.environment)
    processes.start("web", web(places), places.environment)
    wait_for(processes, f"{places.address}healthz", "The web server")
    if places.stand_in_port:
        subscribe(places)
    show(places, closing_lines)


def stand_in(places: Places, port: int) -> list[str]:
    # The journal keeps changes made at the stand-in. The activity makes changes, to show how the dashboard
    # follows. The latency is that of a remote site; without it the first pull ends before anybody signs in.
    journal = str(places.var / "thinkific.journal")
    options = [f"--port={port}", f"--journal={journal}", "--activity=6", "--latency=0.5"]
    return ["manage.py", "thinkific_sandbox", *options]


def web(places: Places) -> list[str]:
    options = [f"--bind={places.bind}", "--log-level=warning"]
    return ["-m", "gunicorn", "--config=python:project.serving.config", *options]


def prepare(places: Places) -> str:
    """Prepare the database in a process of its own. Returns the text to show when everything runs."""
    preparing = subprocess.Popen(
        [sys.executable, "-m", "project.run.prepare", "demo" if places.stand_in_port else "real"],
        cwd=BASE_DIR,
        env=places.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with preparing:
        for line in preparing.stderr or ():
            say(line.rstrip("\n"), "prepare")
        closing_lines = preparing.stdout.read() if preparing.stdout else ""
    if preparing.returncode:
        raise CannotStart("The database is not ready; the lines above say why.")
    return closing_lines


def subscribe(places: Places) -> None:
    """Subscribe the dashboard to the stand-in's webhooks. Without them changes arrive with the schedules."""
    url = f"{places.address.replace('//localhost:', '//127.0.0.1:')}webhooks/thinkific/"
    command = [sys.executable, "manage.py", "thinkific_webhooks", "register", f"--url={url}"]
    done = subprocess.run(command, cwd=BASE_DIR, env=places.environment, capture_output=True, text=True)
    if done.returncode:
        say(f"No webhooks: {done.stderr.strip().splitlines()[-1] if done.stderr.strip() else 'no reason'}")


def wait_for(processes: Processes, address: str, what: str) -> None:
    deadline = time.monotonic() + ANSWERS_WITHIN
    while time.monotonic() < deadline:
        try:
            # The address is made here, not by a user.
            urllib.request.urlopen(address, timeout=5).close()  # nosec B310
        except urllib.error.HTTPError:
            return  # it answers, whatever the status
        except OSError:
            processes.watch(0.2)
        else:
            return
    raise CannotStart(f"{what} does not answer at {address} within {ANSWERS_WITHIN} seconds.")


def write_demo_environment(places: Places) -> None:
    """Write the file with the variables that a command in another terminal needs to use the demo."""
    names = ("DEBUG", "DATABASE_URL", *(name for name in places.environment if name.startswith("THINKIFIC_")))
    lines = [f"{name}={places.environment[name]}" for name in names if places.environment.get(name)]
    places.demo_environment.write_text("\n".join(lines) + "\n")


def show(places: Places, closing_lines: str) -> None:
    lines = ["", f"The dashboard is at {places.address}", *closing_lines.splitlines()]
    if places.stand_in_port:
        shown = os.path.relpath(places.demo_environment, BASE_DIR)
        lines += [
            f"A stand-in plays Thinkific at {places.environment['THINKIFIC_API_URL']} (docs/operations.md).",
            f"Commands in another terminal: ENV_FILE={shown} .venv/bin/python manage.py ...",
        ]
    else:
        lines.append(f"Thinkific site: {places.environment.get('THINKIFIC_SUBDOMAIN') or 'by access token'}")
    for line in [*lines, "Ctrl-C stops everything.", ""]:
        say(line)


if __name__ == "__main__":
    sys.exit(main())
