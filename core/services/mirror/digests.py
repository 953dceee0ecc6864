"""Which rows are stored as they came, to the byte."""

from collections.abc import Collection

from django.db import models

from core.services.storage import bulk

DENSE = 4  # ids per row up to which a range of ids costs less than naming each


def known_digests(
    model: type[models.Model], thinkific_ids: Collection[int]
) -> dict[int, tuple[int, int | None]]:
    """`Thinkific id -> (primary key, digest)` of those that are stored.

    Lists come in the order of their ids, so the range finds them quickly, and finds quickly that there are
    none.
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
