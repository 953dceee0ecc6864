"""E-mail addresses in templates, as people write them: see core/email_display.py."""

from django import template

from core.email_display import as_people_write as readable

register = template.Library()


@register.filter(is_safe=True)
def as_people_write(value: object) -> str:
    return readable(value if isinstance(value, str) else str(value))
