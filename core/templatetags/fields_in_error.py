"""A template tag for the note above a form that lists the fields with errors."""

from typing import Any

from django import template
from django.utils.text import capfirst

register = template.Library()


@register.simple_tag(takes_context=True)
def fields_in_error(context: Any) -> list[tuple[str, str]]:
    """Returns the HTML id and the label of each field with errors: in the page's form, in its inline forms,
    and in the editable rows of a list."""
    forms: list[tuple[Any, str]] = []
    if "adminform" in context:
        forms.append((context["adminform"].form, ""))
    elif "form" in context:  # a page outside the screens of models: signing in, a password
        forms.append((context["form"], ""))
    for inline in context.get("inline_admin_formsets") or ():
        forms += [(form, f" of {form.instance}" if form.instance.pk else "") for form in inline.formset.forms]
    formset = getattr(context.get("cl"), "formset", None)
    forms += [(form, f" of {form.instance}") for form in formset.forms] if formset is not None else []
    return [
        (field.auto_id, f"{capfirst(field.label)}{whose}")
        for form, whose in forms
        for field in form
        if field.errors and not field.is_hidden
    ]
