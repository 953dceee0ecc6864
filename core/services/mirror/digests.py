"""Digests of Thinkific's payloads: a row with the stored digest has not changed and need not be compared."""

from collections.abc import Collection

from django.db import models

from core.services.storage import bulk

DENSE = 4  # up to so many ids per row, querying a range of ids is cheaper than listing them


def known_digests(
    model: type[models.Model], thinkific_ids: Collection[int]
) -> dict[int, tuple[int, int | None]]:
    """Returns `Thinkific id -> (primary key, digest)` of the stored rows among these.

    Queries a range of ids where possible: Thinkific's lists are sorted by id, and a range is quick even when
    nothing is found.
    """
    if not thinkific_ids:
        return {}
    lowest, highest = min(thinkific_ids), max(thinkific_ids)
    rows = model._default_manager.filter(thinkific_id__range=(lowest, highest)).order_by()
    if highest - lowest > DENSE * len(thinkific_ids):
        rows = rows.filter(bulk.among("thinkific_id", thinkific_ids))
    wanted = set(thinkific_ids)
    found = rows.values_list("thinkific_id", "pk", "remote_digest")
    return {number: (pk, digest) for number, pk, digest in found if number in wanted}
