"""`python -m benchmarks.storm KILLS SEED WORKERS STAND_IN`: the process that `benchmarks.kill_storm` starts.
Prints one JSON object."""

import json
import random
import sys
import time
from typing import Any

from benchmarks.storm import check, edits, pulls
from benchmarks.storm.herd import Herd
from integrations.thinkific.client import rates
from integrations.thinkific.push import outcomes
from integrations.thinkific.sandbox import control_at

# Faults of requests to REST and GraphQL: answers lost after the write was done, 500s, 429s.
TROUBLE = ("lost_answer", "500", "429")
SHARE = 0.05
WHERE = "/api/public|/graphql"
SEND_WITHIN = 240.0  # seconds to send the rest once the trouble is over


def storm(kills: int, seed: int, workers: int, stand_in: str) -> dict[str, Any]:
    # Shorter pauses than with a real site, to save time.
    outcomes.FIRST_WAIT, rates.FALLBACK = 0.1, 1.0
    dice = random.Random(seed)
    edits.prepare()
    editor = edits.Editor(dice, stand_in)
    for kind in TROUBLE:
        control_at(stand_in, "POST", "faults", {"kind": kind, "probability": SHARE, "path": WHERE})
    started = time.monotonic()
    herd = Herd(workers)
    for _ in range(kills):
        for _ in range(dice.randint(1, 4)):
            editor.edit()
        time.sleep(dice.uniform(0.02, 0.25))
        herd.kill_one(dice)
    seconds = time.monotonic() - started
    trouble = control_at(stand_in, "GET", "stats")["faults"]
    control_at(stand_in, "DELETE", "faults")
    settled = herd.wait_until_sent(SEND_WITHIN)
    found = pulls.differences(may_join=True)
    herd.wait_until_sent(SEND_WITHIN)
    herd.stop()
    compared = check.compare()
    compared["wrong"] = [*found, *compared["wrong"]][: check.SHOWN]
    return {
        "kills": kills,
        "seed": seed,
        "in_the_middle": herd.in_the_middle,
        "edits": editor.done,
        "seconds": round(seconds, 1),
        "settled_after": round(settled, 1),
        "trouble": trouble,
        **compared,
    }


if __name__ == "__main__":
    print(json.dumps(storm(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])))
