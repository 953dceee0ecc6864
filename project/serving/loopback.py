"""Which addresses only this machine reaches: what is published or open under DEBUG may listen there alone."""

import ipaddress
import socket


def is_loopback(host: str) -> bool:
    """Whether a server that listens there is out of reach for every other machine."""
    if not host:
        return False  # every address of the machine
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return False
    return all(ipaddress.ip_address(str(entry[4][0]).split("%")[0]).is_loopback for entry in found)
