"""A client that a public generator makes from docs/openapi.json can tell the whole story to a server."""

import subprocess
import sys
from pathlib import Path

import pytest

from core.models import Enrollment, User
from core.services.api import tokens
from tests.api.whole.server import running
from tests.factories import BundleItemFactory, ProductFactory
from tests.project.serving.server import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.once]
GENERATOR = "openapi-python-client==0.29.1"
STORY = Path(__file__).with_name("client_story.py")
UV = Path(sys.executable).with_name("uv")
UNREACHABLE = ("dns error", "Failed to fetch", "error sending request", "Connection refused", "timed out")


def run(*command: str | Path, cwd: Path, from_index: bool = False) -> None:
    done = subprocess.run(list(map(str, command)), cwd=cwd, capture_output=True, text=True, timeout=170)
    if from_index and done.returncode and any(sign in done.stderr for sign in UNREACHABLE):
        pytest.skip(f"the package index cannot be reached, so there is no {GENERATOR}")
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}"


@pytest.fixture
def environment(tmp_path) -> Path:
    """The interpreter of an environment in which the generated client can be imported."""
    run(UV, "venv", "--quiet", f"--python={sys.executable}", "env", cwd=tmp_path)
    interpreter = tmp_path / "env" / "bin" / "python"
    run(UV, "pip", "install", "--quiet", f"--python={interpreter}", GENERATOR, cwd=tmp_path, from_index=True)
    (tmp_path / "generator.yml").write_text("post_hooks: []\nproject_name_override: client\n")
    run(
        interpreter.with_name("openapi-python-client"),
        "generate",
        f"--path={ROOT / 'docs' / 'openapi.json'}",
        "--config=generator.yml",
        "--meta=none",
        "--output-path=published_client",
        "--fail-on-warning",
        cwd=tmp_path,
    )
    return interpreter


def test_a_generated_client_tells_the_whole_story(process_environment, alma, environment, tmp_path):
    course, bundle = ProductFactory(), ProductFactory(bundle=True)
    BundleItemFactory(bundle=bundle)
    secret = tokens.issue(user=alma, name="Client")[1]
    numbers = str(course.productable_id), str(bundle.productable_id)
    (tmp_path / "story.py").write_text(STORY.read_text())
    with running(tmp_path, process_environment) as server:
        run(environment, "story.py", server.address, secret, *numbers, cwd=tmp_path)
    assert not User.objects.filter(email__endswith="@shop.example").exists()
    assert not Enrollment.objects.exists()
