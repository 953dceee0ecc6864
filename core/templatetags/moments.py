"""Moments in templates, written as everywhere: see core/moments.py. Nothing where there is none."""

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
