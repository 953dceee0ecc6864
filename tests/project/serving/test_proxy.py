"""deploy/nginx.conf and compose.yaml: the first by a real nginx, the second by its shape."""

import contextlib
import http.client
import os
import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml
from django.conf import settings

from project.serving import config, limits
from tests.services import Missing, find_nginx, free_port

pytestmark = [pytest.mark.once, pytest.mark.slow]
ROOT = Path(__file__).parents[3]
SLOW_CLIENTS = 200
SERVICES = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]


class Behind(BaseHTTPRequestHandler):
    """In the dashboard's place: tells what reaches it, one request at a time as far as the test sees."""

    seen: list[dict[str, str]]

    def do_GET(self) -> None:
        self.seen.append({name.lower(): value for name, value in self.headers.items()})
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    do_POST = do_GET

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def behind() -> Iterator[tuple[int, list[dict[str, str]]]]:
    seen: list[dict[str, str]] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Behind,), {"seen": seen}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1], seen
    server.shutdown()
    server.server_close()


@pytest.fixture
def proxy(tmp_path, behind) -> Iterator[int]:
    """nginx with the files of deploy/, of which only places are changed."""
    try:
        program = find_nginx()
    except Missing as missing:
        pytest.skip(str(missing))
    port = free_port()
    shutil.copytree(ROOT / "deploy", tmp_path / "dashboard")
    changes = {
        "/tmp/": f"{tmp_path}/",  # first: the others lead there
        "/etc/nginx/mime.types": str(tmp_path / "mime.types"),
        "/etc/nginx/dashboard": str(tmp_path / "dashboard"),
        "/dev/stderr": str(tmp_path / "error.log"),
        "listen 8080": f"listen 127.0.0.1:{port}",
        "web:8000": f"127.0.0.1:{behind[0]}",
    }
    for path in (tmp_path / "dashboard").glob("*.conf"):
        text = path.read_text()
        for old, new in changes.items():
            text = text.replace(old, new)
        path.write_text(text)
    if os.geteuid() == 0:  # its processes would become another user, whom this folder is closed to
        main = tmp_path / "dashboard/nginx.conf"
        main.write_text("user root;\n" + main.read_text())
    (tmp_path / "mime.types").write_text("types { text/html html; }\n")
    command = [program, "-p", str(tmp_path), "-e", str(tmp_path / "error.log"), "-c", "dashboard/nginx.conf"]
    tested = subprocess.run([*command, "-t"], capture_output=True, text=True)
    assert tested.returncode == 0, tested.stderr
    assert "warn" not in tested.stderr
    process = subprocess.Popen([*command, "-g", "daemon off;"], cwd=tmp_path)
    try:
        _wait_for(port)
        yield port
    finally:
        process.terminate()
        process.wait(15)


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError("nginx does not listen")


def ask(port: int, method: str, path: str, body: bytes | None = None, **headers: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    with contextlib.closing(connection):
        connection.request(method, path, body, {"Host": "dashboard.example.com", **headers})
        return connection.getresponse().status


def test_what_a_client_says_about_itself_does_not_get_through(proxy, behind):
    forged = {
        "X-Forwarded-For": "203.0.113.9",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "evil.example.com",
        "Forwarded": "for=203.0.113.9;proto=https",
    }
    assert ask(proxy, "GET", "/admin/", **forged) == 200

    (seen,) = behind[1]
    assert (seen["host"], seen["x-forwarded-for"]) == ("dashboard.example.com", "127.0.0.1")
    assert seen["x-forwarded-proto"] == "http"
    assert not {"x-forwarded-host", "forwarded"} & set(seen)


def test_slow_clients_stay_at_the_proxy(proxy, behind):
    beginning = b"POST /webhooks/thinkific/ HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n"
    with contextlib.ExitStack() as clients:
        for number in range(SLOW_CLIENTS):
            client = clients.enter_context(socket.create_connection(("127.0.0.1", proxy)))
            client.sendall(beginning if number % 2 else b"GET / HTTP/1.1\r\nX-Slow: ")
        for _ in range(5):
            assert ask(proxy, "GET", "/healthz") == 200
            assert ask(proxy, "GET", "/readyz") == 200

    assert len(behind[1]) == 10  # nothing of the slow ones


def test_the_proxy_takes_as_much_as_the_dashboard_and_no_more(proxy, behind):
    assert ask(proxy, "POST", "/admin/", b"x" * limits.LARGEST_BODY) == 200
    assert ask(proxy, "POST", "/admin/", b"x" * (limits.LARGEST_BODY + 1)) == 413
    assert limits.LARGEST_BODY > settings.DATA_UPLOAD_MAX_MEMORY_SIZE


def seconds(text: str) -> int:
    return int(re.fullmatch(r"(\d+)s", text)[1])


def test_a_container_that_stops_has_the_time_that_its_program_takes():
    assert seconds(SERVICES["web"]["stop_grace_period"]) > config.graceful_timeout + 5
    assert seconds(SERVICES["worker"]["stop_grace_period"]) > 10


@pytest.mark.parametrize("name", SERVICES)
def test_every_container_is_confined(name):
    service = SERVICES[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert any(entry.startswith("/tmp") for entry in service["tmpfs"])


def test_only_the_proxy_is_reached_from_outside_and_by_default_from_this_machine_alone():
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["proxy"]
    assert all(port.split(":-")[1].startswith("127.0.0.1:") for port in SERVICES["proxy"]["ports"])
    assert SERVICES["web"]["environment"]["BEHIND_PROXY"] == "1"


def test_the_image_and_make_run_start_the_same_web_server():
    start = '"--config=python:project.serving.config"'
    assert start in (ROOT / "Dockerfile").read_text()
    assert start in (ROOT / "project/run/__main__.py").read_text()


def test_the_files_that_compose_names_are_there():
    mounted = [volume.split(":")[0] for volume in SERVICES["proxy"]["volumes"]]
    assert all((ROOT / path).exists() for path in mounted)
