"""Encrypting, storing and reading secrets. The key is made of SECRET_KEY; with another SECRET_KEY a stored
secret can be read as long as the old one is in SECRET_KEY_FALLBACKS."""

from base64 import urlsafe_b64encode
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.db import transaction
from django.db.models import Model
from django.utils import timezone

from core import acting, once
from core.models import StoredSecret, WebhookEndpoint
from core.services.site import known_secrets

CACHED = "secrets"
# The columns with encrypted secrets.
ENCRYPTED: tuple[tuple[type[Model], str], ...] = (
    (StoredSecret, "encrypted"),
    (WebhookEndpoint, "encrypted"),
    (WebhookEndpoint, "former_encrypted"),
)


class Unreadable(Exception):
    """A stored secret was encrypted with a SECRET_KEY that is gone."""


@lru_cache(maxsize=8)
def _fernet(secret_key: str) -> Fernet:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"stored secrets").derive(
        secret_key.encode()
    )
    return Fernet(urlsafe_b64encode(derived))


def _cipher() -> MultiFernet:
    """Returns what encrypts with the present key, and decrypts with this one and the former ones."""
    return MultiFernet([_fernet(key) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)])


def encrypt(secret: str) -> str:
    return _cipher().encrypt(secret.encode()).decode()


def decrypt(encrypted: str) -> str:
    """Returns the secret, which logs blank from now on. Raises Unreadable."""
    try:
        secret = _cipher().decrypt(encrypted.encode()).decode()
    except InvalidToken:
        raise Unreadable from None
    for part in (secret, *secret.split()):
        known_secrets.add(part)
    return secret


def stored() -> dict[str, str]:
    """Returns the encrypted secrets by their names. A request reads them at most once."""
    return once.read(CACHED, lambda: dict(StoredSecret.objects.values_list("name", "encrypted")))


@transaction.atomic
def store(name: str, secret: str) -> None:
    """Store a secret, or replace the stored one. Raises Refusal while somebody acts as somebody else."""
    acting.refuse()
    row = StoredSecret.objects.select_for_update().filter(name=name).first() or StoredSecret(name=name)
    row.encrypted, row.changed_at = encrypt(secret), timezone.now()
    row.save()
    once.forget(CACHED)


@transaction.atomic
def remove(name: str) -> None:
    """Remove a stored secret, if there is one. Raises Refusal while somebody acts as somebody else."""
    acting.refuse()
    row = StoredSecret.objects.select_for_update().filter(name=name).first()
    if row is not None:
        row.delete()
    once.forget(CACHED)


def encrypt_again() -> int:
    """Encrypt secrets with the present SECRET_KEY that only a former one can decrypt. Returns their number.
    After that, the former one can be removed from SECRET_KEY_FALLBACKS."""
    done = 0
    for model, column in ENCRYPTED:
        for key, encrypted in model._default_manager.exclude(**{column: ""}).values_list("pk", column):
            if again := _encrypted_again(encrypted):
                # Not the history: the secret is the same. Only if nobody replaced it meanwhile.
                same = model._default_manager.filter(pk=key, **{column: encrypted})
                done += same.update(**{column: again})
    return done


def _encrypted_again(encrypted: str) -> str:
    """Returns the secret encrypted with the present key; empty when it is so already, or cannot be read."""
    try:
        _fernet(settings.SECRET_KEY).decrypt(encrypted.encode())
    except InvalidToken:
        try:
            return encrypt(decrypt(encrypted))
        except Unreadable:
            return ""
    return ""
