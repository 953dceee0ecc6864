"""Whether a server can listen on a host and port; when not, an error that says what helps."""

import errno
import socket

FIRST_PORT, FIRST_STAND_IN_PORT = 8000, 8765
PORTS_TO_TRY = 50


class CannotStart(Exception):
    """`make run` cannot start. The text says why and what helps."""


def web_port(host: str, wanted: str, remarks: list[str]) -> int:
    if wanted:
        port = as_port("PORT", wanted)
        if not is_free(host, port):
            raise CannotStart(f"Port {port} is taken. Stop the program that uses it, or choose another PORT.")
        return port
    port = free_port("PORT", host, FIRST_PORT)
    if port != FIRST_PORT:
        remarks.append(f"Port {FIRST_PORT} is taken; using {port}. PORT=... chooses another.")
    return port


def stand_in_port(wanted: str) -> int:
    first = as_port("STAND_IN_PORT", wanted) if wanted else FIRST_STAND_IN_PORT
    return free_port("STAND_IN_PORT", "127.0.0.1", first)


def as_port(name: str, text: str) -> int:
    # isdecimal() is also true for digits of other scripts, which the web server cannot read.
    if not (text.isascii() and text.isdecimal() and 0 < int(text) < 65536):
        raise CannotStart(f'{name} is "{text}", which is not a port. Use a number from 1 to 65535.')
    return int(text)


def free_port(name: str, host: str, first: int) -> int:
    last = min(first + PORTS_TO_TRY - 1, 65535)
    for port in range(first, last + 1):
        if is_free(host, port):
            return port
    raise CannotStart(f"The ports from {first} to {last} are all taken. Choose another {name}.")


def is_free(host: str, port: int) -> bool:
    family, address = _resolve(host, port)
    with socket.socket(family) as listener:
        # Like the web server: a port whose last connection is only in TIME_WAIT counts as free.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise CannotStart(_why_not(host, port, error)) from error
        return True


def _resolve(host: str, port: int) -> tuple[int, tuple]:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError) as error:
        raise CannotStart(
            f'HOST is "{host}", which is neither an address nor a name that this machine can resolve. '
            "Use 127.0.0.1, or an address of this machine."
        ) from error
    return family, address


def _why_not(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRNOTAVAIL:
        return f'HOST is "{host}", which is not an address of this machine. Use 127.0.0.1, or one of its own.'
    if error.errno == errno.EACCES:
        return f"Port {port} is reserved for system programs. Choose a PORT from 1024."
    return f"Nothing can listen on {host}, port {port}: {error.strerror}."
