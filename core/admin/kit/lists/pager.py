"""The links from one page of a list to the others."""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qsl

from django.core.paginator import Page


@dataclass(frozen=True)
class Pager:
    """What `admin/dashboard/pager.html` shows. `first`, `previous`, `next` and `last` are URLs, empty where
    the list has no such page. A list that was not counted to its end has neither a last page nor a number of
    pages."""

    number: int
    pages: int  # how many can be opened
    of: str  # the number of pages; empty when it is not known
    first: str
    previous: str
    next: str
    last: str
    kept: list[tuple[str, str]]  # the parameters of the address besides the page
    parameter: str
    rows: str  # "51 to 100 of"; empty when everything is on one page


def pager(page: Page, url: Callable[[int], str], *, parameter: str = "p") -> Pager:
    """Returns the pager of a page of a `BoundedPaginator`. `url` returns the address of a page."""
    paginator, number = page.paginator, page.number
    pages: int = paginator.num_pages
    is_cut: bool = paginator.is_cut  # type: ignore[attr-defined]
    before, after = number > 1, number < pages
    kept = [pair for pair in parse_qsl(url(1).removeprefix("?")) if pair[0] != parameter]
    return Pager(
        number=number,
        pages=pages,
        of="" if is_cut else f"{pages:,}",
        first=url(1) if before else "",
        previous=url(number - 1) if before else "",
        next=url(number + 1) if after else "",
        last=url(pages) if after and not is_cut else "",
        kept=kept,
        parameter=parameter,
        rows=f"{page.start_index():,} to {page.end_index():,} of" if pages > 1 else "",
    )
