"""The memory of a walk does not grow with the length of the list."""

import tracemalloc

import pytest

from integrations.thinkific.sandbox import Sandbox, Scale, Site

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
MIB = 1 << 20


def peak_of(pull, settings, users):
    site = Site.generate(
        Scale(users=users, courses=2, builder_courses=0, bundles=0, groups=0, enrollments_per_user=0,
              quiz_results_per_user=0, orders_per_user=0),
        seed=1,
    )  # fmt: skip
    with Sandbox(site=site, rate_limit=0, concurrency=0) as sandbox:
        settings.THINKIFIC_API_URL = sandbox.url
        for user in site.users:  # what the stand-in keeps must not count
            site.render.users_encoded([user])
        tracemalloc.start()
        try:
            run = pull("users")
            return run, tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()


def test_the_memory_of_a_walk_does_not_grow_with_its_rows(pull, settings):
    peak_of(pull, settings, 500)  # what is loaded once
    _, few = peak_of(pull, settings, 8_000)  # as many pages as are ever held at once
    run, many = peak_of(pull, settings, 16_000)

    assert run.fetched == 16_000
    assert many - few < 6 * MIB, (few / MIB, many / MIB)
