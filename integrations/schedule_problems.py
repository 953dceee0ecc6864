"""Finding schedules that the queue's scheduler cannot read.

The scheduler does not report them: it stops at the first one, and no later schedule runs.
"""

import ast
from collections.abc import Callable
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models.signals import pre_save
from django.dispatch import receiver
from django_q.models import Schedule, validate_cron

LITERAL_ERRORS = (ValueError, TypeError, SyntaxError, MemoryError, RecursionError)
# Arguments that the scheduler passes itself. `sync` would run the task inside the scheduler.
TAKEN = {"func", "broker", "sync"}


def problem_of(schedule: Schedule) -> str | None:
    """Returns why the scheduler would fail at this row, in words for an administrator; else None."""
    for check in CHECKS:
        if problem := check(schedule):
            return problem
    return None


@receiver(pre_save, sender=Schedule)
def refuse_malformed(instance: Schedule, **_kwargs: Any) -> None:
    """Refuse to save a malformed schedule: raises ValidationError.

    It is a signal receiver so that it covers every writer: the shell, the admin, other code.
    """
    if problem := problem_of(instance):
        raise ValidationError(problem)


def _arguments(schedule: Schedule) -> str | None:
    try:
        if schedule.args:
            ast.literal_eval(schedule.args)
    except LITERAL_ERRORS:
        return f"The arguments {schedule.args!r} are not Python values such as 1, 'two'."
    return None


def _keyword_arguments(schedule: Schedule) -> str | None:
    text = schedule.kwargs or "{}"
    try:
        keywords = ast.literal_eval(text)
    except (SyntaxError, ValueError):
        try:
            call = ast.parse(f"f({text})").body[0].value  # type: ignore[attr-defined]
            keywords = {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords}
        except LITERAL_ERRORS:
            keywords = None
    except LITERAL_ERRORS:
        keywords = None
    if not isinstance(keywords, dict) or not all(isinstance(name, str) for name in keywords):
        return f"The keyword arguments {text!r} are not of the form a=1, b='two'."
    options = keywords.get("q_options", {})
    if not isinstance(options, dict):
        return "The keyword argument q_options is not a dictionary."
    if taken := TAKEN & {*keywords, *options, schedule.intended_date_kwarg}:
        return f"The keyword argument {taken.pop()} is taken by the queue."
    return None


def _rhythm(schedule: Schedule) -> str | None:
    if schedule.schedule_type not in dict(Schedule.TYPE):
        return f"There is no kind of schedule {schedule.schedule_type!r}."
    if schedule.schedule_type == Schedule.CRON:
        try:
            validate_cron(schedule.cron)
        except (ValidationError, AttributeError, TypeError, ImportError):
            return f"{schedule.cron!r} is not a cron expression."
    return None


CHECKS: list[Callable[[Schedule], str | None]] = [_arguments, _keyword_arguments, _rhythm]
