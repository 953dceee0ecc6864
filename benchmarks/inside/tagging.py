"""`python -m benchmarks.inside.tagging PEOPLE`: adds tags to people, by our service and by a bare bulk
insert of the same rows, for benchmarks/tagging.py."""

import json
import sys
import time
from collections.abc import Callable

from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from core.models import Tag, User, UserTag
from core.services import tags
from core.services.storage import bulk

ROUNDS = 5


def timed(add: Callable[[Tag], int], people: int, name: str) -> float:
    tag = Tag.objects.create(name=name)
    started = time.perf_counter()
    added = add(tag)
    seconds = time.perf_counter() - started
    assert added == people == UserTag.objects.filter(tag=tag).count()
    return seconds


def run(people: int) -> None:
    rows = [(f"person{number}@bench.example", "!", "Ada", "") for number in range(people)]
    with transaction.atomic():
        bulk.insert(User, ["email", "password", "first_name", "last_name"], rows)
    root = User.objects.create_superuser("root@bench.example", "x")
    chosen = User.objects.exclude(pk=root.pk)
    keys = list(chosen.values_list("pk", flat=True))

    def bare(tag: Tag) -> int:
        with transaction.atomic():
            return len(UserTag.objects.bulk_create(UserTag(user_id=key, tag=tag) for key in keys))

    def ours(tag: Tag) -> int:
        return tags.add_tags(chosen, [tag], by=root)

    seconds: dict[str, list[float]] = {"bare": [], "ours": []}
    for number in range(ROUNDS):  # alternately, so that a busy moment affects both
        seconds["bare"].append(timed(bare, people, f"bare {number}"))
        seconds["ours"].append(timed(ours, people, f"ours {number}"))
    with CaptureQueriesContext(connection) as queries:
        ours(Tag.objects.create(name="counted"))
    result = {name: min(times) for name, times in seconds.items()} | {"statements": len(queries)}
    print(json.dumps(result))


if __name__ == "__main__":
    run(int(sys.argv[1]))
