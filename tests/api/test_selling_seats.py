"""docs/selling-seats.md: each example is run against a server, in the order of the page."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from core.models import Enrollment, Job, SeatAssignment, User
from core.services.api import tokens
from core.services.payments import metadata
from core.services.payments.inbox import TOPICS
from tests.factories import ProductFactory
from tests.receivers import answering, receiver

PAGE = (Path(__file__).parents[2] / "docs/selling-seats.md").read_text()
BLOCKS = re.findall(r"^```(python|sh)\n(.*?)^```$", PAGE, re.S | re.M)


def commands(language: str) -> list[str]:
    return {"python": [sys.executable, "-c"], "sh": ["sh", "-euc"]}[language]


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
@pytest.mark.django_db(transaction=True)
def test_the_examples_work_in_their_order(live_server, alma):
    product = ProductFactory(productable_id=1379051, name="Forklift Safety")
    secret = tokens.issue(user=alma, name="Shop", scopes=["users:write", "provision:write", "products:read"])[
        1
    ]
    # The first block of each language is what the others need.
    first = {
        language: next(code for other, code in BLOCKS if other == language) for language in ("python", "sh")
    }
    with receiver(answering(200, b'{"id": "cs_1"}')) as stripe:
        environment = os.environ | {
            "B2B_URL": live_server.url,
            "B2B_TOKEN": secret,
            "STRIPE_API": stripe.url.removesuffix("/hook"),
            "STRIPE_KEY": "sk_test",
        }
        for language, code in BLOCKS:
            whole = code if code == first[language] else f"{first[language]}\n{code}"
            ran = subprocess.run(
                [*commands(language), whole], env=environment, capture_output=True, text=True, timeout=60
            )
            assert ran.returncode == 0, f"{code}\n{ran.stdout}\n{ran.stderr}"
        asked = {name: values[0] for name, values in parse_qs(stripe.bodies[0].decode()).items()}

    places = {
        row.team.owner.email.split("@")[0]: row.seat.max_seats
        for row in SeatAssignment.objects.select_related("team__owner", "seat")
    }
    assert places == {"bea": 0, "carl": 2, "dora": 25, "emil": 3, "fay": 0, "gus": 1}
    assert User.objects.of_address("bea@buyer.example").get().enrollments.get().product == product
    assert Enrollment.objects.count() == 2 and Job.objects.exists()
    sold = {name[9:-1]: value for name, value in asked.items() if name.startswith("metadata[")}
    assert metadata.read(metadata.ours(sold)).places == [10]


def test_the_page_names_every_key_and_every_event():
    for key in metadata.KEYS:
        assert f"`{metadata.PREFIX}{key}`" in PAGE
    for topic in TOPICS:
        assert f"`{topic}`" in PAGE


def test_the_page_runs_all_its_code():
    languages = set(re.findall(r"^```(\w+)$", PAGE, re.M))

    assert languages == {"python", "sh", "text"} and len(BLOCKS) > 12
