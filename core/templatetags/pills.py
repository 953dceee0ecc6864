"""Pills in templates: see core/pills.py."""

from django import template

from core import pills

register = template.Library()
register.simple_tag(pills.pill)
