"""`python -m benchmarks.inside.pulls KIND ROWS`: pulls a kind again and again. ROWS is the number of rows on
a page; with few rows, a small site has many pages. With the kind `push`, waiting changes are sent instead."""

import sys

from core.processes import this_process
from integrations.thinkific.kinds import carry_out
from integrations.thinkific.push.drain import drain
from integrations.thinkific.runs import fetch, lifecycle


def pull(kind: str, rows: int) -> None:
    fetch.PAGE_SIZE = rows
    while True:
        run, _ = lifecycle.open_run(kind, full=True)
        claimed = lifecycle.claim(run.pk, worker=this_process())
        assert claimed is not None
        if carry_out(claimed) not in ("succeeded", "partial"):
            raise SystemExit(f"A pull of {kind} ended {claimed.status}: {claimed.errors[:2]}")


def push() -> None:
    while sum(drain(seconds=3600).values()):
        pass
    raise SystemExit("Nothing is left to be sent.")


if __name__ == "__main__":
    import django

    django.setup()
    if sys.argv[1] == "push":
        push()
    pull(sys.argv[1], int(sys.argv[2]))
