"""`python -m benchmarks.api_calls KILLS SEED WORKERS STAND_IN`: the process that `benchmarks.api_storm`
starts. Prints one JSON object."""

import json
import random
import subprocess
import sys
import time
from collections import Counter
from typing import Any

from benchmarks.api_calls import truth
from benchmarks.api_calls.web import Web
from benchmarks.storm import check, edits
from benchmarks.storm.__main__ import SEND_WITHIN, SHARE, TROUBLE, WHERE
from benchmarks.storm.herd import Herd
from core.models import Product, User
from core.services.api import tokens
from integrations.thinkific.client import rates
from integrations.thinkific.push import outcomes
from integrations.thinkific.sandbox import control_at

CLIENTS = 6


def storm(kills: int, seed: int, workers: int, stand_in: str) -> dict[str, Any]:
    outcomes.FIRST_WAIT, rates.FALLBACK = 0.1, 1.0
    dice = random.Random(seed)
    edits.prepare()
    root = User.objects.create_superuser("root@storm.example", first_name="Root")
    _, secret = tokens.issue(user=root, name="Storm")
    there = Product.objects.filter(removed_at__isnull=True).values_list("productable_id", flat=True)
    several = {number for number, count in Counter(there).items() if count > 1}
    courses = Product.objects.filter(removed_at__isnull=True, productable_type="Course")
    numbers = sorted(set(courses.values_list("productable_id", flat=True)) - several)
    herd, web = Herd(workers), Web()
    for kind in TROUBLE:
        control_at(stand_in, "POST", "faults", {"kind": kind, "probability": SHARE, "path": WHERE})
    arguments = [web.url, secret, str(seed), str(CLIENTS), json.dumps(numbers)]
    clients = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.api_calls.clients", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert clients.stdout is not None
    assert clients.stdout.readline() == "ready\n"
    started = time.monotonic()
    for number in range(kills):
        time.sleep(dice.uniform(0.1, 0.6))
        web.kill_one(dice) if number % 2 else herd.kill_one(dice)
    seconds = time.monotonic() - started
    said, _ = clients.communicate("over\n")
    control_at(stand_in, "DELETE", "faults")
    settled = herd.wait_until_sent(SEND_WITHIN)
    herd.stop()
    web.stop()
    answered = json.loads(said.splitlines()[-1])
    compared = check.compare()
    compared["wrong"] = [*truth.problems(answered), *compared["wrong"]][: check.SHOWN]
    return {
        "kills": kills,
        "of_web": web.killed,
        "of_workers_in_the_middle": herd.in_the_middle,
        "seed": seed,
        "calls": answered["calls"],
        "repeated": answered["repeated"],
        "replayed": answered["replayed"],
        "seconds": round(seconds, 1),
        "settled_after": round(settled, 1),
        **compared,
    }


if __name__ == "__main__":
    print(json.dumps(storm(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])))
