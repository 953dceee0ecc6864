import structlog
from django.core.mail.backends.locmem import EmailBackend


class OutsideOfRequests(EmailBackend):
    """Keeps mails in memory, and fails a test that sends one inside a request: in production, a mail server
    that does not answer would then block the web server."""

    def send_messages(self, messages):
        assert "request_id" not in structlog.contextvars.get_contextvars(), "a mail was sent inside a request"
        return super().send_messages(messages)
