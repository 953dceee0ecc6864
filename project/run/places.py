"""Which host, port, database and Thinkific site `make run` uses."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import environ
from environ.compat import ImproperlyConfigured

from project.run.ports import CannotStart, stand_in_port, web_port
from project.serving.loopback import is_loopback

BASE_DIR = Path(__file__).resolve().parent.parent.parent
# Only compared with HOST.
EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104  # nosec B104 - never bound to
NOT_FOR_OTHERS = (
    "HOST is {host}, which other machines may reach, but {why}. Leave HOST out; from another machine, come "
    "by `ssh -L {port}:localhost:{port}`. For a machine that others use, see docs/operations.md."
)


@dataclass(frozen=True)
class Places:
    environment: dict[str, str]  # for every process
    host: str
    port: int
    stand_in_port: int | None  # None with a real site
    var: Path  # folder with the files of `make run`
    remarks: list[str]

    @property
    def address(self) -> str:
        return f"{site_address(self.host, self.port)}/"

    @property
    def bind(self) -> str:
        return f"{bracketed(self.host)}:{self.port}"

    @property
    def demo_environment(self) -> Path:
        return self.var / "demo.env"


def site_address(host: str, port: int) -> str:
    shown = "localhost" if host in ("127.0.0.1", *EVERYWHERE) else bracketed(host)
    return f"http://{shown}:{port}"


def read_environment() -> dict[str, str]:
    """Returns the environment with the variables of .env added."""
    read_env_file(BASE_DIR / os.environ.get("ENV_FILE", ".env"))
    return dict(os.environ)


def folder(environment: Mapping[str, str]) -> Path:
    return BASE_DIR / (environment.get("VAR_DIR") or "var")


def choose(environment: dict[str, str]) -> Places:
    """Returns the places, and sets variables in the environment that are needed and not set. Raises
    CannotStart when a setting cannot be used."""
    var = folder(environment)
    remarks: list[str] = []
    check_database(environment.get("DATABASE_URL", ""))
    if not environment.get("DEBUG") and not environment.get("SECRET_KEY"):
        environment["DEBUG"] = "1"
        remarks.append("DEBUG=1, because no SECRET_KEY is set: for this machine only.")
    host = (environment.get("HOST") or "127.0.0.1").strip("[]")
    port = web_port(host, environment.get("PORT", ""), remarks)
    if not (environment.get("SITE_URL") or environment.get("ALLOWED_HOSTS")):
        environment["SITE_URL"] = site_address(host, port)  # where links in mails lead
    if any(environment.get(f"THINKIFIC_{name}") for name in ("SUBDOMAIN", "API_KEY", "ACCESS_TOKEN")):
        refuse_others(environment, host, port, demo=False)
        return Places(environment, host, port, None, var, remarks)
    refuse_others(environment, host, port, demo=True)
    stand_in = stand_in_port(environment.get("STAND_IN_PORT", ""))
    demo = demo_environment(var, stand_in)
    environment |= {name: value for name, value in demo.items() if not environment.get(name)}
    return Places(environment, host, port, stand_in, var, remarks)


def read_env_file(path: Path) -> None:
    if not path.exists():
        return
    try:
        path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
        raise CannotStart(f"The file {path} cannot be read: {reason}. ENV_FILE names another one.") from error
    environ.Env.read_env(path, overwrite=False)


def check_database(url: str) -> None:
    """Raises CannotStart when DATABASE_URL cannot be used: every process would fail with a traceback."""
    if not url:
        return
    try:
        engine = environ.Env.db_url_config(url).get("ENGINE", "")
    except (ImproperlyConfigured, ValueError, KeyError):
        engine = ""
    if not engine.endswith((".sqlite3", ".postgresql")):
        raise CannotStart(
            "DATABASE_URL is not the address of a database. Use sqlite:////folder/file.sqlite3 or "
            "postgres://user:password@host:5432/name, and write %40 for an @ in the password."
        )


def refuse_others(environment: Mapping[str, str], host: str, port: int, *, demo: bool) -> None:
    if is_loopback(host):
        return
    if environment.get("DEBUG", "").lower() in environ.Env.BOOLEAN_TRUE_STRINGS:
        why = "DEBUG is on, which shows settings to everybody and signs sessions with a published key"
    elif demo:
        why = "the passwords of the demo are published"
    else:
        return
    raise CannotStart(NOT_FOR_OTHERS.format(host=host, why=why, port=port))


def demo_environment(var: Path, stand_in: int) -> dict[str, str]:
    """Returns the variables for the demo. It has its own database, so that a real site starts with an empty
    one."""
    return {
        "DATABASE_URL": f"sqlite:///{quote(str(var / 'demo.sqlite3'))}",
        "THINKIFIC_SUBDOMAIN": "harborlight",
        "THINKIFIC_API_KEY": "thinkific-stand-in-api-key-00001",
        "THINKIFIC_ACCESS_TOKEN": "thinkific-stand-in-access-token-000000000000001",
        "THINKIFIC_API_URL": f"http://127.0.0.1:{stand_in}",
    }


def bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
