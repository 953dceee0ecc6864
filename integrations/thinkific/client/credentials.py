"""The address of a Thinkific site and its keys."""

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from django.conf import settings

from core.services.site import connection
from core.services.site.connection import Name
from integrations.thinkific.client.errors import NotConfigured

# Thinkific's own API keys have 32 characters; whatever is longer is an access token (or an OAuth token).
API_KEY_LENGTH = 32

REST = "REST"
WEBHOOKS = "webhooks"
GRAPHQL = "GraphQL"

WITHOUT_KEY = (
    "There is no API key (THINKIFIC_API_KEY) and no access token (THINKIFIC_ACCESS_TOKEN): nothing can be "
    "pulled from Thinkific or pushed to it. Enter one in Settings, or set it in the environment."
)
WITHOUT_SUBDOMAIN = (
    "There is no subdomain (THINKIFIC_SUBDOMAIN), which tells Thinkific whose API key this is: nothing can "
    "be pulled from Thinkific or pushed to it."
)
WITHOUT_GRAPHQL = (
    "There is no API access token (THINKIFIC_ACCESS_TOKEN): the history of quiz results, certificates, the "
    "content of courses made in the new course builder and removals from groups stay out of reach. New quiz "
    "results and certificates still arrive by webhooks."
)


@dataclass(frozen=True, slots=True)
class Credentials:
    """The address of a site and its keys. `repr` and `str` show neither key nor token."""

    subdomain: str = ""
    api_key: str = field(default="", repr=False)
    access_token: str = field(default="", repr=False)
    api_url: str = "https://api.thinkific.com"
    problem: str = ""  # why a stored key cannot be read

    def __post_init__(self) -> None:
        object.__setattr__(self, "subdomain", _bare_subdomain(self.subdomain))
        object.__setattr__(self, "api_key", (self.api_key or "").strip())
        object.__setattr__(self, "access_token", (self.access_token or "").strip())
        object.__setattr__(self, "api_url", (self.api_url or "").strip().rstrip("/"))

    @classmethod
    def from_settings(cls) -> "Credentials":
        """Returns what the environment or the screen Settings has."""
        key, token = connection.secret(Name.API_KEY), connection.secret(Name.ACCESS_TOKEN)
        return cls(
            subdomain=connection.subdomain(),
            api_key=key.value,
            access_token=token.value,
            api_url=settings.THINKIFIC_API_URL,
            problem=" ".join(filter(None, (key.problem, token.problem))),
        )

    @property
    def site(self) -> str:
        """The name under which the request budget of this site is shared."""
        return self.subdomain or urlsplit(self.api_url).netloc or "thinkific"

    @property
    def site_url(self) -> str:
        """Where Thinkific serves the site. Addresses without a host belong to it."""
        return f"https://{self.subdomain}.thinkific.com"

    @property
    def token(self) -> str:
        """The Bearer token for GraphQL, also where it was entered as the API key; empty without one."""
        return self.access_token or (self.api_key if self._key_is_a_token else "")

    @property
    def _key_is_a_token(self) -> bool:
        return len(self.api_key) > API_KEY_LENGTH

    @property
    def missing(self) -> list[str]:
        """A text for each missing key, with what does not work without it; empty when none is missing."""
        if not self.api_key and not self.access_token:
            return [self.problem or WITHOUT_KEY]
        statements = [self.problem] if self.problem else []
        if not self.token:
            if not self.subdomain:
                statements.insert(0, WITHOUT_SUBDOMAIN)
            statements.append(WITHOUT_GRAPHQL)
        return statements

    @property
    def complete(self) -> bool:
        """Whether REST can be used."""
        return bool(self.token or (self.api_key and self.subdomain))

    def headers(self, surface: str) -> tuple[dict[str, str], str]:
        """Returns the headers with our key for `surface`, and the name of the setting that the key is from.

        Raises NotConfigured with the statement of what is missing.
        """
        if surface == GRAPHQL:
            if not self.token:
                raise NotConfigured(self.problem or WITHOUT_GRAPHQL)
            secret = self.token
        else:
            if not self.complete:
                raise NotConfigured(self.missing[0])
            secret = self.api_key or self.access_token
        if not re.fullmatch(r"[\x21-\x7e]+", secret):
            raise NotConfigured(
                "The Thinkific key or token holds characters that cannot be sent. Copy it again."
            )
        name = "THINKIFIC_API_KEY" if secret == self.api_key else "THINKIFIC_ACCESS_TOKEN"
        if surface == REST and secret == self.api_key and not self._key_is_a_token:
            return {"X-Auth-API-Key": secret, "X-Auth-Subdomain": self.subdomain}, name
        return {"Authorization": f"Bearer {secret}"}, name


def _bare_subdomain(text: str) -> str:
    """Returns `acme` from `acme.thinkific.com` or `https://acme.thinkific.com/courses`: people paste both."""
    text = (text or "").strip().lower()
    text = text.split("://", 1)[-1].split("/", 1)[0]
    return text.removesuffix(".thinkific.com")
