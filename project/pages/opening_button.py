"""The button in a person's menu and above their courses that opens Thinkific."""

from typing import Any

from core.models import User
from core.services.opening import opening
from core.services.site import thinkific_site


def offered_text(request: Any) -> str:
    """Returns the text of the button in the person's menu; empty where they have none. Found once for each
    request."""
    if not hasattr(request, "offers_thinkific"):
        user = getattr(request, "user", None)  # an error page may be shown before it is known
        offers = isinstance(user, User) and user.sso_enabled and opening.is_offered(user)
        request.offers_thinkific = opening.link_text() if offers else ""
        if offers:
            request.posts_to = thinkific_site.address()
    return str(request.offers_thinkific)
