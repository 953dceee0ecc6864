"""`make run`, as the person at the terminal sees it: real processes, their ports and what is left of them."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from tests import migrated
from tests.services import free_port

pytestmark = [pytest.mark.once, pytest.mark.slow]
ROOT = Path(__file__).parent.parent.parent
STARTED = "Ctrl-C stops everything."


class Terminal:
    """One start of `python -m project.run` with a folder of its own."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        ports = {"PORT": str(free_port()), "STAND_IN_PORT": str(free_port())}
        own = {"VAR_DIR": str(folder), "ENV_FILE": str(folder / "none.env"), **ports}
        self.environment = {**kept, **own, **environment}
        self.output = folder / f"output-{time.monotonic_ns()}"
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "project.run"],
                cwd=ROOT,
                env=self.environment,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def shown(self) -> str:
        return self.output.read_text()

    def wait_for(self, text: str, seconds: float = 170) -> None:
        wait_until(lambda: text in self.shown() or self.process.poll() is not None, seconds)
        assert text in self.shown(), self.shown()

    def left(self) -> dict[int, str]:
        """Processes of this start that live, by what they were started with."""
        found = {}
        for path in Path("/proc").glob("[0-9]*"):
            try:
                if f"VAR_DIR={self.folder}\0" in (path / "environ").read_text(errors="replace"):
                    found[int(path.name)] = (path / "cmdline").read_text().replace("\0", " ")
            except OSError:
                continue  # it has ended meanwhile
        return {pid: command for pid, command in found.items() if command}

    def pid_of(self, words: str) -> int:
        return min(pid for pid, command in self.left().items() if words in command)

    def end(self) -> None:
        for pid in self.left():
            with suppress(ProcessLookupError):  # it has ended meanwhile
                os.kill(pid, signal.SIGKILL)
        self.process.wait()


def wait_until(condition: Callable[[], object], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.1)


@pytest.fixture
def start(tmp_path):
    started = []

    def start(**environment: str) -> Terminal:
        started.append(Terminal(tmp_path, environment))
        return started[-1]

    yield start
    for terminal in started:
        terminal.end()


@pytest.fixture
def migrated_before(tmp_path):
    """The databases in the folder have their tables, as at every start but the first."""
    for name in ("demo", "real"):
        migrated.copy_sqlite(tmp_path / f"{name}.sqlite3")


def test_the_demo_starts_and_ctrl_c_leaves_nothing_but_a_database_that_no_real_site_gets(start, tmp_path):
    terminal = start()
    terminal.wait_for(STARTED)

    address = re.search(r"The dashboard is at (\S+)", terminal.shown())[1]
    assert "E-mail address" in urllib.request.urlopen(f"{address}admin/login/").read().decode()
    assert re.search(r"administrator\s+\S+@\S+", terminal.shown())
    terminal.wait_for("run started")  # the worker has begun the first pull

    terminal.process.send_signal(signal.SIGINT)
    assert terminal.process.wait(20) == 0
    assert terminal.left() == {}

    real = start(
        THINKIFIC_SUBDOMAIN="acme",
        THINKIFIC_API_KEY="0" * 32,
        DATABASE_URL=f"sqlite:///{tmp_path}/demo.sqlite3",
    )
    assert real.process.wait(60) == 1
    assert "This database holds the demo" in real.shown()


def test_when_one_process_dies_the_rest_stops_and_when_the_runner_is_killed_nothing_is_left(
    start, migrated_before
):
    terminal = start()
    terminal.wait_for(STARTED)

    os.kill(terminal.pid_of("gunicorn"), signal.SIGKILL)

    assert terminal.process.wait(30) == 1
    assert "web ended by itself (signal SIGKILL)" in terminal.shown()
    assert terminal.left() == {}

    again = start()
    again.wait_for(STARTED)

    again.process.kill()

    wait_until(lambda: again.left() == {}, seconds=30)
    assert again.left() == {}


def test_a_real_site_gets_neither_stand_in_nor_demo(start, tmp_path, migrated_before):
    terminal = start(
        THINKIFIC_SUBDOMAIN="acme",
        THINKIFIC_API_KEY="0" * 32,
        THINKIFIC_API_URL=f"http://127.0.0.1:{free_port()}",
        DATABASE_URL=f"sqlite:///{tmp_path}/real.sqlite3",
    )
    terminal.wait_for(STARTED)

    assert "createsuperuser" in terminal.shown()
    assert "Thinkific site: acme" in terminal.shown()
    assert "demo" not in terminal.shown()
    assert not any("thinkific_sandbox" in command for command in terminal.left().values())


def test_a_port_that_is_taken_is_named_and_nothing_starts(start):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        terminal = start(PORT=str(other.getsockname()[1]))

        assert terminal.process.wait(30) == 1
    assert f"Port {terminal.environment['PORT']} is taken" in terminal.shown()
    assert terminal.left() == {}


WRONG = [
    ({"PORT": "eighty"}, 'PORT is "eighty"'),
    ({"PORT": "0"}, 'PORT is "0"'),
    ({"PORT": "-1"}, 'PORT is "-1"'),
    ({"PORT": "70000"}, 'PORT is "70000"'),
    ({"PORT": "²"}, 'PORT is "²"'),
    ({"STAND_IN_PORT": "abc"}, 'STAND_IN_PORT is "abc", which is not a port'),
    ({"STAND_IN_PORT": "70000"}, 'STAND_IN_PORT is "70000"'),
    ({"HOST": "not.a.host.invalid"}, 'HOST is "not.a.host.invalid", which is neither an address'),
    ({"HOST": "203.0.113.7"}, 'HOST is "203.0.113.7", which is not an address of this machine'),
    ({"VAR_DIR": "/proc/nowhere"}, "The folder /proc/nowhere cannot be written"),
    ({"DATABASE_URL": "rubbish"}, "DATABASE_URL is not the address of a database"),
    ({"DATABASE_URL": "mysql://root@localhost/x"}, "DATABASE_URL is not the address of a database"),
    ({"HOST": "0.0.0.0"}, "HOST is 0.0.0.0, which other machines may reach, but DEBUG is on"),
    ({"HOST": "::"}, "HOST is ::, which other machines may reach, but DEBUG is on"),
    (
        {"HOST": "0.0.0.0", "SECRET_KEY": "k" * 60, "DEBUG": "0"},
        "which other machines may reach, but the passwords of the demo are published",
    ),
]


@pytest.mark.parametrize(("wrong", "sentence"), WRONG, ids=[str(wrong) for wrong, _ in WRONG])
def test_a_variable_that_cannot_be_used_is_told_in_a_sentence_and_nothing_starts(start, wrong, sentence):
    terminal = start(**wrong)

    assert terminal.process.wait(30) == 1
    assert sentence in terminal.shown()
    assert "Traceback" not in terminal.shown()
    assert terminal.left() == {}


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"DATABASE_URL": "sqlite:////nowhere/at/all.sqlite3"}, "The database does not work: unable to open"),
        ({"DATABASE_URL": "postgres://a:b@127.0.0.1:1/none"}, "The database does not work: "),
        ({"THINKIFIC_RATE_LIMIT": "many"}, 'THINKIFIC_RATE_LIMIT is "many", which is not a number'),
        ({"TIME_ZONE": "Mars"}, "A setting cannot be used: Incorrect timezone setting: Mars"),
        ({"SECRET_KEY": "short"}, "A setting cannot be used: SECRET_KEY is too weak"),
        ({"SECRET_KEY": "kq3Zr8vT1xN6mB0yW4sD7fG2hJ9lP5cA-eR_uYiOoQwEzXtVbNmK"}, "published passwords"),
    ],
)
def test_what_shows_only_while_preparing_is_told_in_a_sentence_too(start, migrated_before, wrong, sentence):
    terminal = start(**wrong)

    assert terminal.process.wait(60) == 1
    assert sentence.replace("published passwords", "use both options") in terminal.shown()
    assert "Traceback" not in terminal.shown()


def test_a_file_of_settings_that_is_no_text_is_named(start, tmp_path):
    (tmp_path / "broken.env").write_bytes(b"\xff\xfe\x00rubbish")
    terminal = start(ENV_FILE=str(tmp_path / "broken.env"))

    assert terminal.process.wait(30) == 1
    assert "broken.env cannot be read: it is not text in UTF-8" in terminal.shown()
    assert "Traceback" not in terminal.shown()


def test_a_second_start_in_one_folder_is_told_where_the_first_one_runs_and_a_kill_frees_it(
    start, migrated_before
):
    first = start()
    first.wait_for(STARTED)

    second = start()
    assert second.process.wait(30) == 1
    port = first.environment["PORT"]
    assert f"already runs in this folder at http://localhost:{port}/" in second.shown()
    assert f"(process {first.process.pid})" in second.shown()

    first.process.kill()
    wait_until(lambda: first.left() == {}, seconds=30)
    third = start()
    third.wait_for(STARTED)
