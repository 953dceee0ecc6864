"""Loopback addresses, which only this machine reaches. With DEBUG or published passwords, only these are
used."""

import ipaddress
import socket


def is_loopback(host: str) -> bool:
    """Whether no other machine can reach a server that listens on this host."""
    if not host:
        return False  # it listens on all addresses of the machine
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return False
    return all(ipaddress.ip_address(str(entry[4][0]).split("%")[0]).is_loopback for entry in found)
