"""A failing cache counts as a miss on every page. A real Redis is stopped, frozen, filled and locked."""

import logging
import os
import signal
import time
from collections import Counter
from contextlib import suppress

import pytest
from django.core.cache import cache
from django.urls import reverse
from redis import Redis

from core.services.site import health
from project import cache as shared
from tests import services
from tests.factories import EnrollmentFactory

NOWHERE = "redis://127.0.0.1:1"  # nobody listens there


def use(settings, url: str) -> None:
    settings.REDIS_URL = url
    settings.CACHES = {"default": {"BACKEND": "project.cache.RedisCache", "LOCATION": url}}


@pytest.fixture
def server(settings):
    """A Redis of this test's own, with the dashboard connected to it."""
    try:
        with services.redis() as url:
            use(settings, url)
            own = Redis.from_url(url, protocol=2)
            yield own
    except services.Missing as missing:
        pytest.skip(str(missing))


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(shared, "_failure_states", {})


def fill(server: Redis) -> None:
    server.config_set("maxmemory-policy", "noeviction")
    server.config_set("maxmemory", 1)


def kill(server: Redis) -> None:
    os.kill(server.info()["process_id"], signal.SIGKILL)


def use_everything() -> dict[str, object]:
    """What each method answers, by its name."""
    with pytest.raises(ValueError, match="not found"):
        cache.incr("count")
    return {
        "get": cache.get("a", "default"),
        "set": cache.set("a", 1),
        "get_many": cache.get_many(["a", "b"]),
        "set_many": cache.set_many({"a": 1}),
        "add": cache.add("a", 1),
        "get_or_set": cache.get_or_set("a", lambda: "computed"),
        "has_key": "a" in cache,
        "touch": cache.touch("a"),
        "delete": cache.delete("a"),
        "delete_many": cache.delete_many(["a"]),
        "clear": bool(cache.clear()),
        "get afterwards": cache.get("a"),
    }


MISSES = {
    "get": "default",
    "set": None,
    "get_many": {},
    "set_many": ["a"],
    "add": False,
    "get_or_set": "computed",
    "has_key": False,
    "touch": False,
    "delete": False,
    "delete_many": None,
    "clear": False,
    "get afterwards": None,
}


def test_what_is_kept_is_found(server):
    cache.set("a", {"b": 1})
    cache.set_many({"c": 1, "d": 2})

    assert cache.get("a") == {"b": 1}
    assert cache.get_many(["c", "d", "e"]) == {"c": 1, "d": 2}
    assert (cache.incr("c"), "d" in cache, cache.add("d", 1)) == (2, True, False)
    assert cache.get_or_set("f", lambda: 5) == cache.get("f") == 5
    assert (cache.delete("d"), cache.delete("d")) == (True, False)


def test_without_a_server_everything_is_a_miss(settings):
    use(settings, NOWHERE)

    assert use_everything() == MISSES


@pytest.mark.parametrize("end", [kill, lambda server: os.kill(server.info()["process_id"], signal.SIGSTOP)])
def test_a_server_that_dies_or_freezes_in_between_is_a_miss(server, end):
    cache.set("a", 1)
    assert cache.get("a") == 1
    process = server.info()["process_id"]

    end(server)
    started = time.monotonic()
    try:
        assert use_everything() == MISSES
        # One time-out, not one for each call; generous for a slow machine.
        assert time.monotonic() - started < 10 * shared.TIMEOUT
    finally:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGCONT)


@pytest.mark.parametrize(
    "refuse",
    [fill, lambda server: server.replicaof("127.0.0.1", "1")],
    ids=["out of memory", "read-only"],
)
def test_a_server_that_takes_nothing_new_still_answers(server, refuse):
    cache.set("a", 1)
    refuse(server)

    cache.set("b", 2)
    cache.set("a", 2)

    assert (cache.get("a"), cache.get("b")) == (1, None)
    assert cache.add("c", 1) is False


def test_a_wrong_password_is_a_miss(server, settings):
    host = server.connection_pool.connection_kwargs
    server.config_set("requirepass", "right")
    use(settings, f"redis://:wrong@{host['host']}:{host['port']}")

    assert use_everything() == MISSES


def test_what_another_version_kept_is_a_miss_and_written_anew(server):
    cache.set("a", {"b": 1})
    key = server.keys()[0]
    server.set(key, b"cno_such_module\nNoSuchClass\n.")

    assert cache.get("a") is None
    assert cache.get_or_set("a", lambda: 5, 60) == 5
    cache.set("a", 6)
    assert cache.get("a") == 6


def test_it_is_asked_and_told_about_once_in_a_while(settings, caplog, monkeypatch):
    use(settings, NOWHERE)
    now, asked = [1000.0], Counter()
    monkeypatch.setattr(shared.time, "monotonic", lambda: now[0])
    original = shared.DjangosRedisCache.get

    def get(self, *args, **kwargs):
        asked[now[0]] += 1
        return original(self, *args, **kwargs)

    monkeypatch.setattr(shared.DjangosRedisCache, "get", get)
    with caplog.at_level(logging.WARNING):
        for second in (0, 1, shared.PAUSE - 1, shared.PAUSE + 1, 2 * shared.PAUSE + 3):
            now[0] = 1000.0 + second
            for _ in range(5):
                cache.get("a")

    assert list(asked.values()) == [1, 1, 1]
    assert len([record for record in caplog.records if "cache fails" in record.getMessage()]) == 2  # r, w


def test_it_comes_back_by_itself(server, monkeypatch):
    cache.set("a", 1)
    server.config_set("maxmemory", 1)
    server.config_set("maxmemory-policy", "noeviction")
    cache.set("a", 2)
    server.config_set("maxmemory", 0)
    cache.set("a", 3)
    assert cache.get("a") == 1  # not asked again at once

    later = time.monotonic() + shared.PAUSE + 1
    monkeypatch.setattr(shared.time, "monotonic", lambda: later)
    cache.set("a", 4)

    assert cache.get("a") == 4


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["admin:index", "admin:core_enrollment_changelist", "admin:tools"])
def test_pages_open_while_the_cache_dies(server, root, signed_in, path):
    EnrollmentFactory.create_batch(2)
    client = signed_in(root)
    assert client.get(reverse(path)).status_code == 200

    kill(server)

    assert client.get(reverse(path)).status_code == 200
    assert client.get("/readyz").status_code == 200


@pytest.mark.django_db
def test_people_sign_in_without_the_cache(settings, client):
    use(settings, NOWHERE)

    assert client.get(reverse("admin:login")).status_code == 200


def test_health_tells_and_stays_well(server, settings):
    assert health.cache() == health.Health(True, "The shared cache answers.")
    kill(server)

    told = health.cache()

    assert told.ok
    assert "does not work" in told.detail
    settings.REDIS_URL = ""
    assert "There is no shared cache" in health.cache().detail
