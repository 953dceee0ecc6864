"""The baseline of a full pull: the tuned REST source of dlt, in a virtual environment of its own.

dlt is not a dependency of the dashboard. The environment is created once and kept in var/, which git ignores.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from integrations.thinkific.sandbox import SpawnedSandbox

VERSION = "1.31.0"
HOME = Path(__file__).parent.parent / "var" / f"bench-dlt-{VERSION}"
SCRIPT = Path(__file__).parent / "dlt_load.py"
# Options of dlt for more retries; without them it gives up under Thinkific's limit.
TUNED = {
    "RUNTIME__REQUEST_MAX_ATTEMPTS": "12",
    "RUNTIME__REQUEST_BACKOFF_FACTOR": "2",
    "RUNTIME__REQUEST_MAX_RETRY_DELAY": "60",
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "RUNTIME__LOG_LEVEL": "ERROR",
}


def load(sandbox: SpawnedSandbox, database: str, bundles: list[int]) -> float:
    """Load what our pull reads into an empty database. Returns the seconds of the whole process."""
    python = _environment()
    # dlt requires a password, although the temporary server needs none.

    address = database.replace("postgres://postgres@", "postgresql://postgres:none@")
    with tempfile.TemporaryDirectory(prefix="b2b-bench-dlt-") as folder:
        variables = {**os.environ, **TUNED, "DLT_DATA_DIR": folder, "HOME": folder}
        headers = sandbox.auth
        started = time.monotonic()
        done = subprocess.run(
            [
                python,
                SCRIPT,
                sandbox.url,
                address,
                headers["X-Auth-API-Key"],
                headers["X-Auth-Subdomain"],
                folder,
                *map(str, bundles),
            ],
            cwd=folder,
            env=variables,
            text=True,
            capture_output=True,
        )
        seconds = time.monotonic() - started
    if done.returncode:
        raise RuntimeError(f"dlt ended with {done.returncode}:\n{(done.stdout + done.stderr)[-3000:]}")
    return seconds


def _environment() -> Path:
    python = HOME / "bin" / "python"
    if not (HOME / "ready").exists():
        print("Installing dlt into an environment of its own ...", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", HOME], check=True)
        subprocess.run(
            [python, "-m", "pip", "install", "--quiet", f"dlt[postgres]=={VERSION}"],
            check=True,
            stderr=subprocess.DEVNULL,
        )
        (HOME / "ready").touch()
    return python
