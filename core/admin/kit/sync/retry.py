"""Retry dialogs: changes that Thinkific refused are sent again."""

from typing import Any, ClassVar

from django.db.models import QuerySet

from core.admin.kit.dialogs.dialog import Dialog, Done, RowDialog
from core.admin.kit.sync import thinkific_errors
from core.models import OutboxEntry, User
from core.permissions import scope
from core.services import outbox
from core.services.outbox import refused
from core.wording import plural

CHANGE = "core.change_outboxentry"


def may_retry(viewer: User) -> bool:
    return scope.holds_for_the_site(viewer, CHANGE)


def retried(count: int) -> str:
    if not count:
        return "No refused change is left: it was tried again, or sent, in the meantime."
    return f"{plural(count, 'change is', 'changes are')} tried again."


class RetryDialog(Dialog):
    """For viewers who may change the waiting changes of the whole site."""

    permission = CHANGE

    def entries(self) -> QuerySet[OutboxEntry]:
        """Returns the refused changes that are sent again."""
        raise NotImplementedError

    def carry_out(self) -> Done:
        return Done(retried(outbox.retry(self.entries())))


class RetryRow(RetryDialog, RowDialog):
    """For the rows of a tab. Each row belongs to an object of the kind `entity`."""

    slug, label = "retry", "Retry"
    entity: ClassVar[str]
    key: ClassVar[str] = "pk"  # the row's attribute with the primary key of that object

    @classmethod
    def listed(cls, obj: Any, viewer: User) -> Any:
        """Returns all rows that the tab lists."""
        raise NotImplementedError

    @classmethod
    def rows(cls, obj: Any, viewer: User) -> Any:
        listed, keys = cls.listed(obj, viewer), refused.of_kind(cls.entity).values("object_id")
        return listed.filter(**{f"{cls.key}__in": keys}) if may_retry(viewer) else listed.none()

    def entries(self) -> QuerySet[OutboxEntry]:
        return refused.of_kind(self.entity, [getattr(self.row, self.key)])

    def text(self) -> str:
        return _last_answer(self.entries())


class RetryRefused(RetryDialog):
    """For all refused changes of a user, or of an enrollment in a bundle. The sync line of the page has its
    button too."""

    slug, label, icon = "retry-refused", "Retry All Refused", "refresh"

    @classmethod
    def applies(cls, obj: Any) -> bool:
        return refused.of_object(obj).exists()

    def entries(self) -> QuerySet[OutboxEntry]:
        return refused.of_object(self.obj)

    def text(self) -> str:
        return _last_answer(self.entries())


def _last_answer(entries: QuerySet[OutboxEntry]) -> str:
    """Returns Thinkific's answer to the last of the changes."""
    last = entries.order_by("-pk").first()
    said = "Thinkific gave no reason."
    if last and last.error:
        said = f"Thinkific said: {thinkific_errors.in_one_line(last.error)}"
    count = entries.count()
    return said if count < 2 else f"{count:,} changes were refused. About the last one: {said}"
