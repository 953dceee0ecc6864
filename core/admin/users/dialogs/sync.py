"""Dialogs about syncing a user: read the user again from Thinkific, send refused changes again."""

from typing import Any

from django.db.models import QuerySet

from core.admin.kit.dialogs.dialog import Done
from core.admin.kit.sync.retry import RetryRefused, RetryRow
from core.admin.kit.sync.sync_buttons import SyncDialog, run_started
from core.admin.users.tabs import groups_of
from core.models import Enrollment, User


class SyncUser(SyncDialog):
    slug, label = "sync-now", "Sync Now"
    question = "Reads this person again from Thinkific. Changes that wait to be sent are kept."

    @classmethod
    def applies(cls, obj: User) -> bool:
        return obj.thinkific_id is not None and obj.removed_at is None

    def carry_out(self) -> Done:
        options = {"user_id": self.obj.pk}
        return Done(run_started("users", what=str(self.obj), by=self.viewer, options=options))


class RetryAllRefused(RetryRefused):
    tab = "enrollments"


class RetryEnrollment(RetryRow):
    tab, entity = "enrollments", "enrollment"

    @classmethod
    def listed(cls, obj: User, viewer: User) -> QuerySet[Enrollment]:
        return Enrollment.objects.filter(user=obj)


class RetryGroup(RetryRow):
    slug, tab, entity, key = "retry-group", "groups", "groupmembership", "member"

    @classmethod
    def listed(cls, obj: User, viewer: User) -> Any:
        return groups_of(obj, viewer)


SYNC_DIALOGS = (RetryAllRefused, RetryEnrollment, RetryGroup)
