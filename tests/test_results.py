"""The figures that a maintainer reads in benchmarks/RESULTS.md."""

from benchmarks.frame import Line, Report


def test_figures_that_were_not_measured_again_stay(tmp_path):
    path = tmp_path / "RESULTS.md"
    first, second = (
        Line("a pull", "SQLite", "2 times", "3", ok=False, detail="slow"),
        Line("a list", "SQLite", "1", "1", ok=True),
    )
    Report("make bench", "small", [first, second]).keep(path)
    again = Line("a pull", "SQLite", "4 times", "3", ok=True, detail="quick")

    Report("make bench BENCH='--only pull'", "small", [again]).keep(path, whole=False)

    rows = [line for line in path.read_text().splitlines() if line.startswith("|")][2:]
    assert len(rows) == 2
    assert "4 times" in rows[0] and "quick" in rows[0] and "slow" not in rows[0]
    assert "a list" in rows[1]
