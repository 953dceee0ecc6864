"""What the business refuses. Each says what happened, to what, and what helps."""


class Refusal(Exception):
    """A request that cannot be carried out as it stands. Nothing was changed.

    Screens show the text as a message, the API answers with `status` and the text.
    """

    status = 422


class NotConnected(Refusal):
    """No Thinkific site is connected."""

    def __init__(self) -> None:
        super().__init__(
            "No Thinkific site is connected. Set THINKIFIC_SUBDOMAIN and THINKIFIC_API_KEY and restart."
        )
