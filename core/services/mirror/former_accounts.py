"""Users whose Thinkific account was deleted and who have another now: removes what the former account had."""

from collections.abc import Collection, Mapping
from datetime import datetime

from django.db.models import Exists, OuterRef

from core.models import Enrollment, GroupMembership, OutboxEntry, User
from core.services.mirror.enrollments import remove_enrollments
from core.services.mirror.source import Source
from core.services.storage import bulk


def former_ids(thinkific_ids: Collection[int]) -> set[int]:
    """Returns the ids among these that belonged to a former account: a user here had the id, the account was
    removed from Thinkific, and the user has another Thinkific id now."""
    if not thinkific_ids:
        return set()
    gone = User.history.filter(bulk.among("thinkific_id", thinkific_ids), removed_at__isnull=False)
    another = User.objects.filter(pk=OuterRef("id"), thinkific_id__isnull=False)
    another = another.exclude(thinkific_id=OuterRef("thinkific_id"))
    found = set(gone.filter(Exists(another)).order_by().values_list("thinkific_id", flat=True))
    back = User.objects.filter(bulk.among("thinkific_id", found)) if found else User.objects.none()
    return found - set(back.values_list("thinkific_id", flat=True))


def remove_former_data(links: Mapping[int, int | None], *, source: Source, now: datetime) -> None:
    """Mark enrollments and group memberships of users' former Thinkific accounts as removed, since they give
    the new account no access. Call it before the new ids are written.

    `links` gives each user's (primary key) new Thinkific id; None: the account is still to be made. Users
    whose id does not change are ignored. Results stay, and unsent changes are sent to the new account.
    """
    if not links:
        return
    accounts = User.objects.filter(bulk.among("pk", links), thinkific_id__isnull=False).order_by()
    anew = [pk for pk, number in accounts.values_list("pk", "thinkific_id") if number != links[pk]]
    if not anew:
        return
    theirs = Enrollment.objects.filter(bulk.among("user_id", anew), removed_at__isnull=True).order_by()
    pks = list(
        theirs.filter(thinkific_id__isnull=False)
        .exclude(_is_unsent("enrollment"))
        .values_list("pk", flat=True)
    )
    remove_former_enrollments(pks, source=source, now=now)
    bundles = theirs.filter(course_enrollments__isnull=False).exclude(_is_unsent("enrollment"))
    left = Enrollment.objects.filter(via_bundle=OuterRef("pk"), removed_at__isnull=True)
    ended = bundles.exclude(Exists(left)).distinct()
    remove_enrollments(list(ended.values_list("pk", flat=True)), source=source, now=now)
    members = GroupMembership.objects.filter(bulk.among("user_id", anew), removed_at__isnull=True)
    members.exclude(_is_unsent("groupmembership")).update(removed_at=now)


def remove_former_enrollments(pks: list[int], *, source: Source, now: datetime) -> None:
    """Mark enrollments (primary keys) of former accounts as removed. Clears `remote_updated_at`, so that the
    new account's enrollment in the same course replaces them even if it was updated earlier."""
    remove_enrollments(pks, source=source, now=now)
    bulk.update(Enrollment, ["remote_updated_at"], [(pk, None) for pk in pks])


def _is_unsent(entity: str) -> Exists:
    return Exists(OutboxEntry.objects.unsent().filter(entity=entity, object_id=OuterRef("pk")))
