"""A HEAD request gets the headers of a GET and no body: the server does not cut one off."""

from io import BytesIO

import pytest

from project.wsgi import application

# When a request begins, Django closes a connection that is in a transaction.
pytestmark = pytest.mark.django_db(transaction=True)


def asked(method: str, path: str) -> tuple[str, dict[str, str], bytes]:
    told = {}

    def start_response(status, headers, exc_info=None):
        told["status"], told["headers"] = status, dict(headers)

    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.input": BytesIO(),
        "wsgi.url_scheme": "http",
    }
    body = b"".join(application(environ, start_response))
    return told["status"], told["headers"], body


@pytest.mark.parametrize("path", ["/admin/login/", "/healthz", "/admin/", "/nothing/here/"])
def test_head_has_no_body(path):
    status, headers, body = asked("HEAD", path)

    assert body == b""
    assert status == asked("GET", path)[0]
    assert headers["Content-Type"] == asked("GET", path)[1]["Content-Type"]


def test_get_has_one():
    assert b"E-mail address" in asked("GET", "/admin/login/")[2]
