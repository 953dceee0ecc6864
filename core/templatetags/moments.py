"""Template filters for moments (core/moments.py). The result is empty when the value is None."""

from datetime import date, datetime

from django import template

from core import moments

register = template.Library()


@register.filter
def day(value: date | None) -> str:
    return moments.day(value) if value else ""


@register.filter
def exact(value: datetime | None) -> str:
    return moments.exact(value) if value else ""
