"""Running a stand-in in a thread of this process, or in a process of its own."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import msgspec
import requests

from integrations.thinkific.sandbox.activity import Activity
from integrations.thinkific.sandbox.journal import Journal
from integrations.thinkific.sandbox.options import Options
from integrations.thinkific.sandbox.site.generator import Scale
from integrations.thinkific.sandbox.site.site import Site
from integrations.thinkific.sandbox.web.app import App
from integrations.thinkific.sandbox.web.server import Server


class HasCredentials:
    """What a client of a stand-in signs its requests with."""

    options: Options

    @property
    def auth(self) -> dict[str, str]:
        """The headers of the API key."""
        return {"X-Auth-API-Key": self.options.api_key, "X-Auth-Subdomain": self.options.subdomain}

    @property
    def bearer(self) -> dict[str, str]:
        """The header of the access token."""
        return {"Authorization": f"Bearer {self.options.access_token}"}


class Sandbox(HasCredentials):
    """`with Sandbox(site=Site.generate(Scale(users=50)), rate_limit=0) as sandbox: get(sandbox.url + path)`

    All fields of `Options` are keyword arguments; `set_options` changes them later.
    """

    def __init__(
        self,
        *,
        site: Site | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        journal: Path | str | None = None,
        activity: float = 0.0,
        webhook_target: str | None = None,
        **options: Any,
    ) -> None:
        self.site = site or Site.generate()
        self.options = msgspec.convert(msgspec.to_builtins(self.site.options) | options, Options)
        self.site.options = self.options
        self.journal = Journal(Path(journal)) if journal else None
        if self.journal:
            self.journal.attach(self.site)
        self.app = App(self.site, self.options, Activity(self.site, seed=self.options.seed))
        self.app.activity.set_pace(activity)
        if webhook_target:
            self.app.webhooks.subscribe_all(webhook_target)
        self.server = Server(self.app, host, port)
        self.url = self.server.url
        self.stats, self.faults, self.webhooks = self.app.stats, self.app.faults, self.app.webhooks
        self.limits, self.activity = self.app.limits, self.app.activity

    @property
    def api_key(self) -> str:
        return self.options.api_key

    @property
    def access_token(self) -> str:
        return self.options.access_token

    def set_options(self, **options: Any) -> None:
        self.app.set_options(**options)

    def reset_stats(self) -> None:
        self.app.reset_stats()

    def start(self) -> Self:
        self.server.start()
        return self

    def stop(self) -> None:
        self.activity.stop()
        self.server.stop()
        self.webhooks.stop()
        if self.journal:
            self.journal.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def control_at(url: str, method: str, action: str, body: Any = None) -> Any:
    """Send a control request to the stand-in at this address; see control.py. Returns the answer."""
    answer = requests.request(method, f"{url}/_sandbox/{action}", json=body, timeout=60)
    answer.raise_for_status()
    return answer.json()


class SpawnedSandbox(HasCredentials):
    """A stand-in in another process, with what is needed to talk to it."""

    def __init__(self, process: "subprocess.Popen[str]", url: str, options: Options) -> None:
        self.process = process
        self.url = url
        self.options = options

    def control(self, method: str, action: str, body: Any = None) -> Any:
        """`control("POST", "faults", {"kind": "500", "next": 3})`; see control.py for the actions."""
        return control_at(self.url, method, action, body)

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextmanager
def spawn_sandbox(scale: Scale | None = None, **settings: Any) -> Iterator[SpawnedSandbox]:
    """Run `python -m integrations.thinkific.sandbox` while the block runs; the settings are its options."""
    sizes = msgspec.to_builtins(scale) if scale else {}
    command = [sys.executable, "-m", __package__, "--exit-with-parent"]
    for name, value in ({"port": 0} | sizes | settings).items():
        command += [f"--{name.replace('_', '-')}", str(value)]
    root = Path(__file__).resolve().parents[3]
    process = subprocess.Popen(  # noqa: S603 - our own module
        command, text=True, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    first = process.stdout.readline().split()  # its last word is the address
    if not first:
        raise RuntimeError(f"The stand-in did not start: exit code {process.wait()}.")
    known = {name: value for name, value in settings.items() if name in Options.__struct_fields__}
    spawned = SpawnedSandbox(process, first[-1], msgspec.convert(known, Options))
    try:
        yield spawned
    finally:
        spawned.stop()
