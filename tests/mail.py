import structlog
from django.core.mail.backends.locmem import EmailBackend


class OutsideOfRequests(EmailBackend):
    """Keeps mails as Django's tests do, and fails the test that sends one while a request is answered: a mail
    server that does not answer would hold the web server."""

    def send_messages(self, messages):
        assert "request_id" not in structlog.contextvars.get_contextvars(), "a mail was sent inside a request"
        return super().send_messages(messages)
