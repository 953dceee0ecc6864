"""The documented filters of enrollment lists. A date without a time means the whole day."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from integrations.thinkific.sandbox.rest.context import Context
from integrations.thinkific.sandbox.site.clock import DAY, is_bare_date, parse_moment
from integrations.thinkific.sandbox.site.rows import Enrollment
from integrations.thinkific.sandbox.web.problems import malformed

if TYPE_CHECKING:
    from integrations.thinkific.sandbox.site.site import Site

CREATED = ("created_on", "created_before", "created_on_or_before", "created_after", "created_on_or_after")
UPDATED = ("updated_on", "updated_before", "updated_on_or_before", "updated_after")
ENROLLMENT_FILTERS = (
    "user_id",
    "course_id",
    "email",
    "free_trial",
    "full",
    "completed",
    "expired",
    *CREATED,
    *UPDATED,
)
BUNDLE_FILTERS = ("user_id", "email", "completed", "expired", *CREATED, *UPDATED, "updated_on_or_after")
TRUE = {"true", "1"}
FALSE = {"false", "0"}

Test = Callable[[Enrollment], bool]


class EnrollmentFilter:
    def __init__(self, given: dict[str, str]) -> None:
        self.given = tuple(sorted(given.items()))  # the key of the kept answer
        self.email = given.get("email")
        self.user_id = _number(given.get("user_id"))
        self.course_id = _number(given.get("course_id"))
        self._values = given

    def select(self, rows: Iterable[Enrollment], site: "Site") -> list[Enrollment]:
        for test in self._tests(site):
            rows = [row for row in rows if test(row)]
        return list(rows)

    def _tests(self, site: "Site") -> list[Test]:
        now = site.clock.now()
        tests: list[Test] = []
        if self.email is not None:
            user = site.user_by_email(self.email)
            email_user_id = user.id if user else None
            tests.append(lambda row: row.user_id == email_user_id)
        if self.user_id is not None:
            tests.append(lambda row: row.user_id == self.user_id)
        if self.course_id is not None:
            tests.append(lambda row: row.course_id == self.course_id)
        flags: dict[str, Test] = {
            "free_trial": lambda row: row.activated_at is None,
            "full": lambda row: row.activated_at is not None,
            "completed": lambda row: row.completed_at is not None,
            "expired": lambda row: row.is_expired(now),
        }
        for name, holds in flags.items():
            wanted = self._values.get(name, "").lower()
            if wanted in TRUE:
                tests.append(holds)
            elif wanted in FALSE:
                tests.append(lambda row, holds=holds: not holds(row))  # type: ignore[misc]
        for name, value in self._values.items():
            field, _, comparison = name.partition("_")
            if field in ("created", "updated"):
                tests.append(_date_test(f"{field}_at", comparison, value))
        return tests


def read_filter(context: Context, names: Iterable[str]) -> EnrollmentFilter:
    return EnrollmentFilter({name: value for name in names if (value := context.filter(name))})


def _number(text: str | None) -> int | None:
    if text is None:
        return None
    return int(text) if text.isdigit() else -1


def _date_test(field: str, comparison: str, value: str) -> Test:
    try:
        start = parse_moment(value)
    except ValueError:
        raise malformed(f"{value} is not a valid date.") from None
    end = start + DAY - 1 if is_bare_date(value) else start
    day = start - start % DAY
    if field == "updated_at":  # written twice, because getattr() on half a million rows is slow
        comparisons: dict[str, Test] = {
            "on": lambda row: day <= row.updated_at < day + DAY,
            "before": lambda row: row.updated_at < start,
            "on_or_before": lambda row: row.updated_at <= end,
            "after": lambda row: row.updated_at > end,
            "on_or_after": lambda row: row.updated_at >= start,
        }
    else:
        comparisons = {
            "on": lambda row: day <= row.created_at < day + DAY,
            "before": lambda row: row.created_at < start,
            "on_or_before": lambda row: row.created_at <= end,
            "after": lambda row: row.created_at > end,
            "on_or_after": lambda row: row.created_at >= start,
        }
    return comparisons[comparison]
