"""Where a list ends according to its pages, and how a walk notices that nothing new comes."""

import pytest

from integrations.thinkific.client.paging import FEW, SeenIds, Watch, more_follow


@pytest.mark.parametrize(
    ("number", "fetched", "items", "pages", "next_page", "more"),
    [
        (1, 250, 600, 3, 2, True),
        (3, 100, 600, 3, None, False),
        (2, 250, 500, 2, None, False),  # full, and the total bears it out
        (1, 0, 600, 3, 2, False),  # an empty page is the end
        (1, 250, None, None, None, True),
        (1, 250, 0, 0, None, True),
        (1, 250, -1, -1, None, True),
        (1, 250, 3, 1, None, True),
        (1, 250, 249, 1, None, True),
        (1, 250, 600, 1, None, True),
        (2, 10, None, None, None, False),
        (2, 10, 0, 0, None, False),
        (2, 10, None, None, 3, True),
        (2, 10, None, None, 1, False),
        (1, 100, 600, 6, 2, True),  # a site that gives fewer rows a page than were asked for
        (1, 100, 600, None, None, True),
        (6, 100, 600, 6, None, False),
    ],
)
def test_whether_another_page_is_asked_for(number, fetched, items, pages, next_page, more):
    found = more_follow(
        number=number, fetched=fetched, asked=250, total_items=items, total_pages=pages, next_page=next_page
    )

    assert found is more


def test_three_pages_in_a_row_without_new_rows_end_a_list():
    watch = Watch()

    assert not watch.brings_nothing([1, 2, 3])
    assert not watch.brings_nothing([1, 2, 3])
    assert not watch.brings_nothing([3, 2, 1])
    assert not watch.brings_nothing([3, 4])  # a row that is new
    assert not watch.brings_nothing([4])
    assert not watch.brings_nothing([])
    assert watch.brings_nothing([1])


@pytest.mark.parametrize("step", [1, 7, 4096, 1 << 22])
def test_a_long_list_has_new_rows_on_every_page_and_none_when_repeated(step):
    seen, pages = SeenIds(), [[n * step for n in range(at, at + 250)] for at in range(0, 4 * FEW, 250)]

    assert all(seen.add(page) for page in pages)
    assert not any(seen.add(page) for page in pages)
