"""The options of a stand-in, set at its start or changed while it runs (control.py)."""

from typing import Literal

import msgspec

API_KEY = "thinkific-stand-in-api-key-00001"  # 32 characters like a real key; only a stand-in accepts it
ACCESS_TOKEN = "thinkific-stand-in-access-token-000000000000001"  # noqa: S105 - only a stand-in accepts it
SUBDOMAIN = "harborlight"

ResetStyle = Literal["epoch_ms", "epoch_seconds", "ms_from_now", "seconds_from_now", "retry_after"]


class Options(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    api_key: str = API_KEY
    subdomain: str = SUBDOMAIN
    access_token: str = ACCESS_TOKEN

    rate_limit: int = 120  # requests per window; 0 = off
    rate_window: float = 60.0  # seconds; windows begin at multiples of it, as Thinkific's at full minutes
    reset_style: ResetStyle = "epoch_ms"
    concurrency: int = 10  # parallel requests; 0 = off
    latency: float = 0.0  # seconds before every answer

    graphql_points: int = 2000  # per window; 0 = off
    graphql_max_cost: int = 1000
    graphql_names: Literal["new", "old"] = "new"  # issuedId/itemId/itemType, or the names they replaced
    # The most rows that a connection returns. `first` may ask (and be charged) for more; 0 = no limit.
    graphql_max_first: int = 0
    # Thinkific does not document the price of interfaces (a lesson's content, a product's item). "dearest":
    # an object or the most expensive type; "sum": an object and all types; "free": only the shared fields.
    graphql_interfaces: Literal["dearest", "sum", "free"] = "dearest"
    graphql_ids: Literal["plain", "base64"] = "plain"

    # Thinkific does not document these cases, so each behaviour can be chosen.
    repost: Literal["reject", "update", "duplicate"] = "reject"  # POST of an existing (user, course) pair
    group_repost: Literal["reject", "duplicate"] = "reject"  # POST of a group name that exists
    deleted_users: Literal["take_enrollments", "leave_enrollments"] = "take_enrollments"
    null_expiry_clears: bool = True
    null_expiry_refused: bool = False  # with 422
    mutations: Literal["work", "do_nothing"] = "work"  # do_nothing: the answer is the same
    mutation_users: Literal["any", "gid"] = "any"  # the kinds of user id that mutations accept
    emails: Literal["any_case", "exact"] = "any_case"  # what the filter by e-mail finds
    group_names: Literal["exact", "any_case"] = "exact"  # what counts as the same name
    rate_headers: bool = True
    signup_event_for_api: bool = True
    newest_first: bool = False

    bundle_delay: float = 0.0  # seconds until a bundle enrollment is made; above 0 the answer is 202
    webhook_secret: str | None = None  # None = the API key
    webhook_attempts: int = 14
    webhook_backoff: float = 1.0  # seconds before the first retry; doubles, at most 60 s
    seed: int = 1
