"""The argument of a handler, and the pages of REST v1's lists."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from integrations.thinkific.sandbox.options import Options
from integrations.thinkific.sandbox.web.http import Request, Response
from integrations.thinkific.sandbox.web.problems import malformed, not_found

if TYPE_CHECKING:
    from integrations.thinkific.sandbox.site.site import Site
    from integrations.thinkific.sandbox.webhooks import Webhooks

DEFAULT_LIMIT = 25
LARGEST_LIMIT = 250


class Context:
    def __init__(
        self, site: "Site", options: Options, webhooks: "Webhooks", request: Request, arguments: list[str]
    ) -> None:
        self.site = site
        self.options = options
        self.webhooks = webhooks
        self.request = request
        self.arguments = arguments
        self.pretend_empty = False

    def body(self) -> dict[str, Any]:
        content = self.request.json()
        if not isinstance(content, dict):
            raise malformed("The request body must be an object.")
        return content

    def id(self, place: int = 0) -> int:
        text = self.arguments[place]
        if not text.isdigit():
            raise not_found()
        return int(text)

    def filter(self, name: str) -> str | None:
        """Returns the filter `query[name]`;

        None if it is missing or empty. A plain `name` is not a filter.
        """
        return self.request.query.get(f"query[{name}]") or None

    def page_of(self, rows: Sequence[Any], encode: Callable[[Sequence[Any]], bytes]) -> Response:
        if self.pretend_empty:
            rows = []
        query = self.request.query
        limit = min(_positive(query.get("limit"), DEFAULT_LIMIT), LARGEST_LIMIT)
        page = _positive(query.get("page"), 1)
        total = len(rows)
        pages = max(-(-total // limit), 1)
        start = (page - 1) * limit
        if self.options.newest_first:
            part = [rows[place] for place in range(total - 1 - start, max(total - 1 - start - limit, -1), -1)]
        else:
            part = list(rows[start : start + limit])
        entries = f"{start + 1}-{start + len(part)} of {total}" if part else f"0 of {total}"
        meta = {
            "pagination": {
                "current_page": page,
                "next_page": page + 1 if page < pages else None,
                "prev_page": page - 1 if page > 1 else None,
                "total_pages": pages,
                "total_items": total,
                "entries_info": entries,
            }
        }
        return Response(200, b'{"items":[%b],"meta":%b}' % (encode(part), msgspec.json.encode(meta)))


def _positive(text: str | None, default: int) -> int:
    return int(text) if text and text.isdigit() and int(text) > 0 else default


def created(content: Any = None) -> Response:
    return Response(201) if content is None else Response.of(201, content)


def no_content() -> Response:
    return Response(204)
