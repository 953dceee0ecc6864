import os
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from integrations.thinkific.sandbox import Sandbox, Scale, Site, spawn_sandbox
from integrations.thinkific.sandbox.journal import JournalMismatch
from tests.integrations.sandbox.conftest import AS_OF, Client

ROOT = Path(__file__).parent.parent.parent.parent


def start(path, **options):
    site = Site.generate(Scale(users=40), seed=1, as_of=AS_OF)
    return Sandbox(site=site, journal=path, rate_limit=0, **options)


def test_a_restarted_site_is_where_it_was(tmp_path):
    path = tmp_path / "journal.jsonl"
    with start(path, bundle_delay=3600) as sandbox:
        call = Client(sandbox)
        user = {"email": "a@b.example", "first_name": "A", "last_name": "B", "password": "hunter2!"}
        user_id = call("POST", "/users", json=user).json()["id"]
        call("POST", "/bundles/3002/enrollments", json={"user_id": user_id})
        call("POST", "/groups", json={"name": "Night shift"})
        call("POST", "/groups", json={"name": ""})  # refused: leaves no trace
        call("DELETE", "/users/90010")
        call("POST", "/api/v2/webhooks", json={"topic": "user.signup", "target_url": "http://127.0.0.1:9/"})
        call("POST", "/_sandbox/write/touch_enrollments", json={"share": 0.2})
        for _ in range(50):
            sandbox.activity.step()
        before, pending = sandbox.site.digests(), len(sandbox.site.pending)
        subscriptions = dict(sandbox.site.subscriptions)

    with start(path) as again:
        assert again.site.digests() == before
        assert len(again.site.pending) == pending == 1
        assert again.site.subscriptions == subscriptions
    assert "hunter2" not in path.read_text()


def test_a_half_written_last_line_is_dropped_and_not_built_upon(tmp_path):
    path = tmp_path / "journal.jsonl"
    with start(path) as sandbox:
        sandbox.site.write("create_group", name="Kept")
    with path.open("ab") as file:
        file.write(b'{"at": 1, "write": "create_gro')

    with start(path) as again:
        assert again.site.group_named("Kept")
        again.site.write("create_group", name="Later")
    with start(path) as third:
        assert third.site.group_named("Later")


def test_a_journal_of_another_site_is_refused(tmp_path):
    path = tmp_path / "journal.jsonl"
    with start(path) as sandbox:
        sandbox.site.write("create_group", name="Kept")

    other = Site.generate(Scale(users=41), seed=1, as_of=AS_OF)
    with pytest.raises(JournalMismatch):
        Sandbox(site=other, journal=path)


def test_a_process_of_its_own_tells_its_address_and_keeps_its_journal_when_killed(tmp_path):
    path = tmp_path / "journal.jsonl"
    with spawn_sandbox(Scale(users=30), journal=path, rate_limit=0, api_key="another-key") as spawned:
        url = f"{spawned.url}/api/public/v1/groups"
        assert requests.post(url, json={"name": "Kept"}, headers=spawned.auth, timeout=5).status_code == 201
        spawned.process.kill()
        spawned.process.wait()

    with spawn_sandbox(Scale(users=30), journal=path, rate_limit=0) as again:
        names = [
            g["name"]
            for g in requests.get(f"{again.url}/api/public/v1/groups", headers=again.auth, timeout=5).json()[
                "items"
            ]
        ]
        assert "Kept" in names
        assert again.control("GET", "state")["counts"]["users"] == 30


@pytest.mark.once
def test_a_fresh_clone_without_any_setting_can_start_it():
    started = subprocess.run(
        [sys.executable, "manage.py", "thinkific_sandbox", "--port=0", "--users=5", "--exit-with-parent"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "ENV_FILE": "none.env"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert started.stdout.startswith("Thinkific stand-in listening at http://127.0.0.1:"), started.stderr
    assert (started.returncode, started.stderr) == (0, "")
