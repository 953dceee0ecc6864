"""`/stable/graphql`: transport, limits and error shapes around the executor."""

from typing import TYPE_CHECKING, Any

from ..http import Request, Response
from ..limits import Limits
from ..options import Options
from ..stats import Stats

if TYPE_CHECKING:
    from ..site import Site


class GraphQL:
    def __init__(self, site: "Site", options: Options, limits: Limits, stats: Stats) -> None:
        self.site = site
        self.options = options
        self.limits = limits
        self.stats = stats

    def answer(self, request: Request) -> Response:
        return self.failure("SERVER_ERROR")

    def failure(self, code: str) -> Response:
        error: dict[str, Any] = {"message": "Internal error", "extensions": {"code": code}}
        return Response.of(200, {"errors": [error], "data": None})
