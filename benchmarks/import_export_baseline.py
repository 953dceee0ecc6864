"""The baseline of an import: django-import-export in bulk mode, in a virtual environment of its own.

It is not a dependency of the dashboard. The environment is created once and kept in var/, which git ignores.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

VERSION = "4.4.3"
HOME = Path(__file__).parent.parent / "var" / f"bench-import-export-{VERSION}"
SCRIPT = Path(__file__).parent / "import_export_load.py"
PACKAGES = [f"django-import-export=={VERSION}", "django==5.2.19", "psycopg[binary]==3.3.9", "dj-database-url"]


def load(path: Path, database: str) -> float:
    """Import a CSV file of people into a table of its own in an empty database: validated, created, no
    history. Returns the seconds without the start of the process."""
    done = subprocess.run(
        [_environment(), SCRIPT, path, database], env=dict(os.environ), text=True, capture_output=True
    )
    if done.returncode:
        raise RuntimeError(f"import-export ended with {done.returncode}:\n{done.stderr[-3000:]}")
    return float(json.loads(done.stdout.splitlines()[-1])["seconds"])


def _environment() -> Path:
    python = HOME / "bin" / "python"
    if not (HOME / "ready").exists():
        print("Installing django-import-export into an environment of its own ...", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", HOME], check=True)
        subprocess.run(
            [python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True, stderr=subprocess.DEVNULL
        )
        (HOME / "ready").touch()
    return python
