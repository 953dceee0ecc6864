"""Where things are: which port, which database, whose Thinkific."""

import os
import socket
from dataclasses import dataclass
from pathlib import Path

import environ

BASE_DIR = Path(__file__).resolve().parent.parent.parent
VAR = Path(os.environ.get("VAR_DIR") or BASE_DIR / "var")  # what `make run` keeps
DEMO_ENVIRONMENT = VAR / "demo.env"
FIRST_PORT, FIRST_STAND_IN_PORT = 8000, 8765
PORTS_TO_TRY = 50


class CannotStart(Exception):
    """What is in the way, and what helps; for the person at the terminal."""


@dataclass(frozen=True)
class Places:
    environment: dict[str, str]  # for every process
    host: str
    port: int
    stand_in_port: int | None  # None with a real site
    remarks: list[str]

    @property
    def address(self) -> str:
        return f"http://{'localhost' if self.host in ('127.0.0.1', '0.0.0.0') else self.host}:{self.port}/"  # noqa: S104


def choose() -> Places:
    """Read the environment and .env, and fill in what a machine without either needs."""
    environ.Env.read_env(BASE_DIR / os.environ.get("ENV_FILE", ".env"), overwrite=False)
    environment, remarks = dict(os.environ), []
    if not environment.get("DEBUG") and not environment.get("SECRET_KEY"):
        environment["DEBUG"] = "1"
        remarks.append("DEBUG=1, because no SECRET_KEY is set: for this machine only.")
    host = environment.get("HOST", "127.0.0.1")
    port = _port(host, environment.get("PORT", ""), remarks)
    if any(environment.get(f"THINKIFIC_{name}") for name in ("SUBDOMAIN", "API_KEY", "ACCESS_TOKEN")):
        return Places(environment, host, port, None, remarks)
    stand_in_port = _free_port("127.0.0.1", int(environment.get("STAND_IN_PORT") or FIRST_STAND_IN_PORT))
    demo = demo_environment(stand_in_port)
    environment |= {name: value for name, value in demo.items() if not environment.get(name)}
    return Places(environment, host, port, stand_in_port, remarks)


def demo_environment(stand_in_port: int) -> dict[str, str]:
    """The demo has a database of its own, so that a real site connected later starts empty."""
    return {
        "DATABASE_URL": f"sqlite:///{VAR / 'demo.sqlite3'}",
        "THINKIFIC_SUBDOMAIN": "harborlight",
        "THINKIFIC_API_KEY": "thinkific-stand-in-api-key-00001",
        "THINKIFIC_ACCESS_TOKEN": "thinkific-stand-in-access-token-000000000000001",
        "THINKIFIC_API_URL": f"http://127.0.0.1:{stand_in_port}",
    }


def _port(host: str, wanted: str, remarks: list[str]) -> int:
    if wanted:
        if not wanted.isdigit() or not 0 < int(wanted) < 65536:
            raise CannotStart(f'PORT is "{wanted}", which is no port. Use a number from 1 to 65535.')
        if not _is_free(host, int(wanted)):
            raise CannotStart(
                f"Port {wanted} is taken. Stop the program that uses it, or choose another PORT."
            )
        return int(wanted)
    port = _free_port(host, FIRST_PORT)
    if port != FIRST_PORT:
        remarks.append(f"Port {FIRST_PORT} is taken; using {port}. PORT=... chooses another.")
    return port


def _free_port(host: str, first: int) -> int:
    for port in range(first, first + PORTS_TO_TRY):
        if _is_free(host, port):
            return port
    raise CannotStart(f"The ports from {first} to {first + PORTS_TO_TRY - 1} are all taken. Choose a PORT.")


def _is_free(host: str, port: int) -> bool:
    with socket.socket() as listener:
        # As the web server will: a port that only waits out its last connection is free.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError:
            return False
        return True
