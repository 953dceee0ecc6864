"""Carries out a dialog that was sent: in one transaction, with the values that are stored at that moment."""

from contextlib import nullcontext
from typing import Any

import structlog
from django.contrib import messages
from django.core.exceptions import ObjectDoesNotExist
from django.db import IntegrityError, OperationalError, transaction
from django.db.models import Model
from django.http import Http404, HttpRequest

from core.admin.kit.dialogs.dialog import Dialog, Done
from core.admin.kit.dialogs.stale_question import why_stale
from core.errors import Refusal

log = structlog.get_logger(__name__)


def process(form: Dialog) -> tuple[Done | None, Dialog, str]:
    """Validate the form and carry it out.

    Returns the result or None, the form (with its errors, if there are any), and the text that the viewer has
    to confirm first, or "".
    """
    if not form.is_valid():
        return None, form, ""
    if not form.is_confirmed():
        return None, form, form.confirmation()
    done, form = carry_out(form)
    return done, form, ""


def show_messages(request: HttpRequest, done: Done) -> None:
    """Show the result and its warnings on the viewer's next page. Before that, do what `then` says."""
    if done.then is not None:
        done.then(request)
    (messages.warning if done.is_warning else messages.success)(request, done.text)
    for text in done.warnings:
        messages.warning(request, text)


def carry_out(form: Dialog) -> tuple[Done | None, Dialog]:
    """Returns the result and the form. The result is None when the form has errors."""
    attempt = _Attempt(form)
    try:
        return attempt.run(), attempt.form
    except Refusal as refusal:
        form = attempt.form
        form.full_clean()  # if the form finds the same error, it is shown beside its field
        if form.is_valid():
            form.refuse(refusal)
    except IntegrityError:
        log.warning("dialog refused by a constraint", exc_info=True)
        form.add_error(None, "Somebody saved the same at this moment. Reload the page to see it.")
    except OperationalError:  # a deadlock, or a lock that was not released in time
        log.warning("dialog aborted by the database", exc_info=True)
        form.add_error(
            None, "Somebody was changing the same data at this moment. Nothing was saved. Try again."
        )
    return None, form


class _Attempt:
    """One sent form. `form` is replaced by a new one when the stored values are read again."""

    def __init__(self, form: Dialog) -> None:
        self.form = form

    def run(self) -> Done | None:
        """Try twice. When two people, or two clicks, save the same, a constraint refuses the second one. The
        second try then finds what the first one saved, and reports it as for anybody who comes later."""
        try:
            return self._run_once()
        except IntegrityError:
            return self._run_once()

    def _run_once(self) -> Done | None:
        with transaction.atomic() if self.form.in_transaction else nullcontext():
            self._lock_and_reload()
            if not self.form.is_valid():
                return None
            if self.form.is_unchanged:
                return self.form.nothing_changed()
            if why := why_stale(self.form.question_inputs, self.form.data):
                raise Refusal(why)
            return self.form.carry_out()

    def _lock_and_reload(self) -> None:
        """Lock the rows and read them again: somebody may have saved since the form was validated."""
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
        self.form = form.reloaded()
