"""manage.py sync."""

import io
import json

import pytest
from django.core.management import CommandError, call_command

from core.models import Enrollment, User
from integrations.models import SyncRun
from integrations.thinkific.kinds import PULLS

pytestmark = pytest.mark.django_db
COUNTS = ["requests", "fetched", "created", "updated", "unchanged", "skipped", "removed", "failed"]


def sync(*arguments):
    """Exit code, standard output, standard error."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    try:
        call_command("sync", *arguments, stdout=out, stderr=err)
    except SystemExit as ended:
        code = ended.code
    return code, out.getvalue(), err.getvalue()


def test_all_pulls_every_kind_in_an_order_that_makes_sense(connected):
    code, out, _ = sync("all", "--json")

    runs = json.loads(out)["runs"]
    assert code == 0
    assert [run["kind"] for run in runs] == list(PULLS)
    assert {run["status"] for run in runs} == {"succeeded"}
    assert User.objects.filter(thinkific_id__isnull=False).count() == 40


def test_json_has_exactly_the_promised_shape(connected):
    _, out, err = sync("users", "--json")

    assert out.count("\n") <= 1
    report = json.loads(out)
    assert list(report) == ["runs"]
    (run,) = report["runs"]
    assert list(run) == ["kind", "status", *COUNTS, "seconds", "errors"]
    assert (run["kind"], run["status"], run["requests"], run["fetched"]) == ("users", "succeeded", 1, 40)
    assert run["seconds"] >= 0
    assert run["errors"] == []
    assert "Users: succeeded" in err


def test_errors_name_the_object(connected):
    connected.site.write("put", kind="users", row={"id": 90005, "email": None})

    code, out, err = sync("users", "--json")

    (run,) = json.loads(out)["runs"]
    assert code == 0
    assert (run["status"], run["failed"]) == ("partial", 1)
    assert [sorted(error) for error in run["errors"]] == [["message", "object"]]
    assert run["errors"][0]["object"] == "User 90005"
    assert "User 90005" in err


def test_a_run_that_failed_makes_the_command_fail(connected, settings):
    settings.THINKIFIC_API_KEY = "0" * 32

    code, out, _ = sync("users", "groups", "--json")

    runs = json.loads(out)["runs"]
    assert code == 1
    assert [(run["status"], len(run["errors"])) for run in runs] == [("failed", 1)] * 2


def test_a_dry_run_reports_and_writes_nothing(connected):
    code, out, _ = sync("users", "--dry-run", "--json")

    (run,) = json.loads(out)["runs"]
    assert (code, run["status"], run["created"]) == (0, "succeeded", 40)
    assert not User.objects.exists()
    assert not SyncRun.objects.exists()


def test_without_full_only_changes_are_asked_for(connected):
    sync("products", "users", "enrollments")
    connected.site.write("touch_enrollments", count=5)

    _, out, _ = sync("enrollments", "--json")
    assert json.loads(out)["runs"][0]["fetched"] < 20

    _, out, _ = sync("enrollments", "--full", "--json")
    assert (
        json.loads(out)["runs"][0]["fetched"] == Enrollment.objects.filter(thinkific_id__isnull=False).count()
    )


def test_without_a_site_it_says_how_to_connect_one(db, settings):
    settings.THINKIFIC_SUBDOMAIN = settings.THINKIFIC_API_KEY = settings.THINKIFIC_ACCESS_TOKEN = ""

    with pytest.raises(CommandError, match="THINKIFIC_SUBDOMAIN"):
        sync("users")


def test_a_kind_that_does_not_exist_is_refused(db):
    with pytest.raises(CommandError, match="invalid choice"):
        sync("everything")
