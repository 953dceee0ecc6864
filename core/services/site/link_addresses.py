"""Addresses of links in mails: the key of a row, and a secret part that shows who was given the link."""

from django.urls import reverse
from django.utils.encoding import force_bytes, force_str
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode


def address(route: str, key: int, token: str) -> str:
    """Returns the path of the link. `route` is the name of the address, without "admin:"."""
    return reverse(f"admin:{route}", args=[urlsafe_base64_encode(force_bytes(key)), token])


def key_of(uidb64: str) -> int:
    """Returns the key in an address; 0, which no row has, when it cannot be one."""
    try:
        key = int(force_str(urlsafe_base64_decode(uidb64)))
    except (ValueError, UnicodeDecodeError):
        return 0
    return key if 0 < key < 2**63 else 0
