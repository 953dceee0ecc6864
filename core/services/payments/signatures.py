"""Whether Stripe has signed a body, by Stripe's own library."""

from stripe import SignatureVerificationError, WebhookSignature

from core.services.site import connection

TOLERANCE = 300  # seconds


def secrets() -> list[str]:
    """Returns the secrets that Stripe signs with: of the environment, else the stored ones. None: it is
    off."""
    return connection.several(connection.secret(connection.Name.STRIPE).value)


def is_signed(body: bytes, header: str) -> bool:
    """Whether one of our secrets has signed the body, within the last five minutes."""
    return any(_is_signed(body, header, secret) for secret in secrets())


def _is_signed(body: bytes, header: str, secret: str) -> bool:
    try:
        WebhookSignature.verify_header(body, header, secret, TOLERANCE)
    except (SignatureVerificationError, ValueError, TypeError):  # the last two: no UTF-8, no ASCII
        return False
    return True
