"""What `make test` concludes from what ran."""

import pytest

from tests.run import Outcome, _verdicts, close

pytestmark = pytest.mark.once
REPORT = """<testsuites><testsuite>
<testcase classname="tests.a" name="passes"/>
<testcase classname="tests.a" name="fails"><failure message="no"/></testcase>
<testcase classname="tests.a" name="breaks"><error message="no"/></testcase>
<testcase classname="tests.a" name="elsewhere"><skipped type="pytest.skip" message="not here"/></testcase>
<testcase classname="tests.a" name="known"><skipped type="pytest.xfail" message="later"/></testcase>
</testsuite></testsuites>"""


@pytest.fixture
def outcome(monkeypatch) -> Outcome:
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.delenv("NOTHING_SKIPPED", raising=False)
    return Outcome(passed=3)


def test_every_verdict_is_read_from_the_report(tmp_path):
    report = tmp_path / "report.xml"
    report.write_text(REPORT)

    verdicts = {name.split("::")[1]: verdict for name, verdict, _ in _verdicts(report)}

    assert verdicts == {
        "passes": "passed",
        "fails": "failed",
        "breaks": "failed",
        "elsewhere": "skipped",
        "known": "passed",
    }


def test_a_skip_is_told_with_its_reason_and_is_no_failure(outcome, capsys):
    outcome.not_run("tests on PostgreSQL", "PostgreSQL is not installed")

    assert close(outcome, seconds=1) == 0
    shown = capsys.readouterr().out
    assert "Skipped tests on PostgreSQL: PostgreSQL is not installed" in shown
    assert shown.splitlines()[-1] == "3 passed, 0 failed, 1 skipped"


@pytest.mark.parametrize("variable", ["CI=true", "NOTHING_SKIPPED=1"])
def test_a_skip_is_a_failure_where_nothing_may_be_skipped(outcome, monkeypatch, variable):
    monkeypatch.setenv(*variable.split("="))
    outcome.not_run("tests in a browser", "Chromium is not installed")

    assert close(outcome, seconds=1) == 1


def test_what_one_database_skips_and_the_other_runs_is_not_skipped(outcome, monkeypatch):
    monkeypatch.setenv("NOTHING_SKIPPED", "1")
    outcome.skipped["tests.a::only_on_postgresql"] = "needs PostgreSQL"
    outcome.ran.add("tests.a::only_on_postgresql")

    assert close(outcome, seconds=1) == 0


def test_a_failure_is_a_failure(outcome):
    outcome.failures = 1

    assert close(outcome, seconds=1) == 1
