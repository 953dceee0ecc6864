"""Generated calls to every operation of the schema, valid and invalid, alone and in chains."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from api import schema_file
from core.services.api import tokens
from tests.api.whole.server import running
from tests.api.whole.site import filled
from tests.project.serving.server import ROOT

FEWEST = 5000
# `make fuzz N=100000`: about so many calls, by a new seed each time.
CALLS = int(os.environ.get("FUZZ_CALLS", str(FEWEST)))
SEED = int(os.environ.get("FUZZ_SEED", "13"))
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800 + CALLS),
    # Minutes on each database, and PostgreSQL is the one that refuses more. `make fuzz` takes either.
    pytest.mark.skipif(
        connection.vendor != "postgresql" and "FUZZ_CALLS" not in os.environ, reason="runs on PostgreSQL"
    ),
]
IDS = ("users", "teams", "seats", "products", "enrollments", "students", "jobs")  # of /api/<name>/…/{id}
FIELDS = {
    "email": "emails",
    "user_email": "emails",
    "password": "passwords",
    "thinkific_id": "numbers",
    "product": "numbers",
    "enrollments[*]": "numbers",
    "user.email": "emails",
    "user.password": "passwords",
    "team.id": "teams",
    "seats[*].thinkific_id": "numbers",
}
PASSWORDS = ["Correct-Horse-7", "Battery-Staple-8"]

CONFIG = """
seed = {seed}
continue-on-failure = true
request-timeout = 30
warnings = false

[generation]
max-examples = {examples}
database = "none"
no-shrink = true

[phases.stateful]
max-steps = 8

# All checks are on, but for two. tests/api/whole/fuzz_checks.py has the first, with the rules that no schema
# can say. The second takes two identities; test_matrix.py asks for what is hidden.
[checks.positive_data_acceptance]
enabled = false

[checks.object_level_authorization]
enabled = false
"""


def strict_schema() -> dict[str, Any]:
    """Returns the schema, in which objects of answers have no field but those that it names. (As published it
    allows more, so that clients do not break when a field is added.)"""
    schema = json.loads(schema_file.written())
    components = schema["components"]["schemas"]
    sent: set[str] = set()

    def collect(part: Any) -> None:
        for name in re.findall(r'"#/components/schemas/(\w+)"', json.dumps(part)):
            if name not in sent:
                sent.add(name)
                collect(components[name])

    for operations in schema["paths"].values():
        for operation in operations.values():
            collect(operation.get("requestBody"))
    for name, component in components.items():
        if name not in sent and component.get("type") == "object":
            component["additionalProperties"] = False
    return schema


def written_config(rows: dict[str, list], *, examples: int) -> str:
    """Returns the configuration. Most ids, addresses and product numbers are those of rows, so that calls
    get further than to a 404."""
    lines = [CONFIG.format(seed=SEED, examples=examples)]
    for name, values in (rows | {"passwords": PASSWORDS}).items():
        lines.append(f"[dictionaries.{name}]\nvalues = {json.dumps(values)}")
    lines.append("[parameters]")
    for field, name in FIELDS.items():
        lines.append(f'"body.{field}" = {{ dictionary = "{name}", probability = 0.7 }}')
    for name in IDS:
        lines.append(
            f'[[operations]]\ninclude-path-regex = "^/api/{name}/.*{{id}}"\n'
            f'[operations.parameters]\n"path.id" = {{ dictionary = "{name}", probability = 0.7 }}'
        )
    return "\n".join(lines)


def sent(report: Path) -> int:
    """Returns how many calls a report of schemathesis has."""
    events = (json.loads(line) for line in report.read_text().splitlines())
    ended = (event["ScenarioFinished"] for event in events if "ScenarioFinished" in event)
    return sum(len(scenario["recorder"].get("interactions", ())) for scenario in ended)


def faults(logged: str) -> str:
    """Returns the last errors with their tracebacks of a server's log."""
    return "\n".join(re.findall(r"^\S+ \[error.*?(?=^\S+ \[|\Z)", logged, re.DOTALL | re.MULTILINE)[-3:])


@pytest.mark.longest
@pytest.mark.parametrize(("who", "calls"), [("alma", CALLS), ("mara", CALLS // 5)])
def test_no_call_is_answered_outside_the_schema(
    process_environment, alma, acme, ana, mara, globex, otto, tmp_path, who, calls
):
    """With an administrator's token, and fewer with that of a team's manager."""
    rows = filled(administrator=alma, teams=[acme, globex], students=[ana, otto])
    issuer = {"alma": alma, "mara": mara}[who]
    secret = tokens.issue(user=issuer, name="Fuzzing")[1]
    schema = strict_schema()
    (tmp_path / "openapi.json").write_text(json.dumps(schema))
    operations = sum(map(len, schema["paths"].values()))
    config, report = tmp_path / "schemathesis.toml", tmp_path / "report.ndjson"
    config.write_text(written_config(rows, examples=max(1, calls * 7 // operations // 10)))
    with running(tmp_path, process_environment) as server:
        run = subprocess.run(
            [
                Path(sys.executable).with_name("st"),
                f"--config-file={config}",
                "run",
                tmp_path / "openapi.json",
                f"--url={server.address}",
                f"--header=Authorization: Bearer {secret}",
                f"--report-ndjson-path={report}",
                "--no-color",
            ],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), "SCHEMATHESIS_HOOKS": "tests.api.whole.fuzz_checks"},
            capture_output=True,
            text=True,
        )
    sys.stdout.write(run.stdout)
    assert run.returncode == 0, f"{run.stdout}{run.stderr}\n{faults(server.log.read_text())}"
    assert sent(report) >= min(calls, FEWEST)
