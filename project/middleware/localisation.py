"""Each request runs in the time zone and with the formats of the settings."""

from collections.abc import Callable, Iterable, Iterator

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse

from core.services.site.localisation import in_site_time


def in_site_time_zone(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    def middleware(request: HttpRequest) -> HttpResponse:
        with in_site_time():
            response = get_response(request)
        if isinstance(response, StreamingHttpResponse) and not response.is_async:
            response.streaming_content = _streamed(response.streaming_content)
        return response

    return middleware


def _streamed(parts: Iterable[bytes]) -> Iterator[bytes]:
    """Yields the parts of an answer that is made while it is sent, after the middleware."""
    with in_site_time():
        yield from parts
