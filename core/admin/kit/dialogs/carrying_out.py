"""Doing what a dialog asks, all or nothing, over what is stored at that moment."""

from contextlib import nullcontext
from typing import Any

import structlog
from django.contrib import messages
from django.core.exceptions import ObjectDoesNotExist
from django.db import IntegrityError, OperationalError, transaction
from django.db.models import Model
from django.http import Http404, HttpRequest

from core.admin.kit.dialogs.asking import moved
from core.admin.kit.dialogs.dialog import Dialog, Done
from core.errors import Refusal

log = structlog.get_logger(__name__)


def taken(form: Dialog) -> tuple[Done | None, Dialog, str]:
    """Take what was sent. Returns what came of it, or None and the form that says what is in the way; and
    what has to be confirmed first, if anything."""
    if not form.is_valid():
        return None, form, ""
    if not form.is_confirmed():
        return None, form, form.to_confirm()
    done, form = carry_out(form)
    return done, form, ""


def say(request: HttpRequest, done: Done) -> None:
    """Tell the viewer, on the page that comes next."""
    (messages.warning if done.is_warning else messages.success)(request, done.text)
    for text in done.warnings:
        messages.warning(request, text)


def carry_out(form: Dialog) -> tuple[Done | None, Dialog]:
    """Returns what came of it; None: the form beside it says what is in the way."""
    tries = _Tries(form)
    try:
        return tries.twice(), tries.form
    except Refusal as refusal:
        form = tries.form
        form.full_clean()  # what the form checks as well belongs beside its field
        if form.is_valid():
            form.refuse(refusal)
    except IntegrityError:
        log.warning("dialog refused by a constraint", exc_info=True)
        form.add_error(None, "Somebody saved the same thing at this moment. Look at the page again.")
    except OperationalError:  # the database chose it to end a deadlock, or could not wait any longer
        log.warning("dialog gave way", exc_info=True)
        form.add_error(
            None, "The same things were being changed at this moment. Nothing was saved; try again."
        )
    return None, form


class _Tries:
    def __init__(self, form: Dialog) -> None:
        self.form = form

    def twice(self) -> Done | None:
        """Two people, or two clicks, at the same moment: a constraint refuses the second. The form and the
        service look again then, find what the first one saved, and say so as to anybody who comes later."""
        try:
            return self.once()
        except IntegrityError:
            return self.once()

    def once(self) -> Done | None:
        with transaction.atomic() if self.form.in_transaction else nullcontext():
            self._look_again()
            if not self.form.is_valid():
                return None
            if self.form.is_unchanged:
                return self.form.nothing_changed()
            if why := moved(self.form):
                raise Refusal(why)
            return self.form.carry_out()

    def _look_again(self) -> None:
        """Between the first look and now another may have saved: the rows are locked, and read once more."""
        form = self.form
        locked = form.locks()
        if locked is not None:
            rows: Any = type(locked)._base_manager.select_for_update().filter(pk=locked.pk)
            if not list(rows.order_by().values_list("pk")):
                raise Http404
        target = form.target
        if isinstance(target, Model):
            try:
                target.refresh_from_db()
            except ObjectDoesNotExist:
                raise Http404 from None
        self.form = form.again()
