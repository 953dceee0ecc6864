"""Doing what a dialog asks, all or nothing, over what is stored at that moment."""

from typing import TYPE_CHECKING, Any

import structlog
from django.db import IntegrityError, OperationalError, transaction
from django.http import Http404

from core.admin.kit.dialogs.asking import moved
from core.errors import Refusal

if TYPE_CHECKING:
    from core.admin.kit.dialogs.dialog import Dialog, DialogForm, Done

log = structlog.get_logger(__name__)


def carry_out(dialog: "Dialog", form: "DialogForm") -> "tuple[Done | None, DialogForm]":
    """What came of it; None: the form that is answered with it says what is in the way."""
    tries = _Tries(dialog, form)
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
    def __init__(self, dialog: "Dialog", form: "DialogForm") -> None:
        self.dialog = dialog
        self.form = form

    def twice(self) -> "Done | None":
        """Two people, or two clicks, at the same moment: a constraint refuses the second. The form and the
        service look again then, find what the first one saved, and say so as to anybody who comes later."""
        try:
            return self.once()
        except IntegrityError:
            return self.once()

    @transaction.atomic
    def once(self) -> "Done | None":
        self._look_again()
        if not self.form.is_valid():
            return None
        if self.form.is_unchanged:
            return self.form.nothing_changed()
        target = self.form.part or self.form.obj
        if why := moved(self.dialog, target, self.form):
            raise Refusal(why)
        return self.dialog.work(target, self.form)

    def _look_again(self) -> None:
        """Between the first look and now another may have saved: the rows are locked, and read once more."""
        form = self.form
        locked = form.locks()
        if locked is not None:
            rows: Any = type(locked)._base_manager.select_for_update().filter(pk=locked.pk)
            if not list(rows.order_by().values_list("pk")):
                raise Http404
        target = form.part or form.obj
        if target is not None:
            try:
                target.refresh_from_db()
            except type(target).DoesNotExist:
                raise Http404 from None
        self.form = form.again()
