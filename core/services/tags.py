"""Tags on people and on seats: giving and taking them, and making, renaming, merging and deleting tags."""

from collections.abc import Collection, Iterable

from django.db import transaction
from django.db.models import QuerySet

from core.errors import Refusal
from core.folding import fold, tidy_name
from core.models import Seat, SeatTag, SiteSettings, Tag, User, UserTag
from core.models.fields.settings_checks import lines
from core.models.tags_and_notes import TAG_NAME_LENGTH
from core.services.history import record_many, signed
from core.services.storage import bulk
from core.services.storage.collisions import checked_again


class BadName(Refusal):
    """The name that was given to a tag."""


People = QuerySet[User] | Iterable[User]


@transaction.atomic
def add_tags(users: People, tags: Collection[Tag], *, by: User | None) -> int:
    """Add each of the tags to each of the users. Returns how many tags were added; those that are there
    already do not count. The number of statements does not depend on the number of users.

    The caller has checked whether `by` may tag these users. Raises Refusal when a tag was deleted.
    """
    keys = _keys(users)
    return sum(_add_one(tag, keys, by) for tag in _locked(tags))


@transaction.atomic
def remove_tags(users: People, tags: Collection[Tag], *, by: User | None) -> int:
    """Remove each of the tags from each of the users. Returns how many tags were removed."""
    keys = _keys(users)
    return sum(_remove(_on(tag, keys), by, "tag removed") for tag in _locked(tags))


@transaction.atomic
def set_seat_tags(seat: Seat, tags: Iterable[Tag], *, by: User | None) -> None:
    """Give the seat these tags and no others. Raises Refusal when a tag was deleted."""
    wanted = {tag.pk: tag for tag in _locked(list(tags))}
    for row in SeatTag.objects.filter(seat=seat).select_related("tag", "seat"):
        if wanted.pop(row.tag_id, None) is None:
            signed(row, by=by, reason="tag removed").delete()
    for tag in wanted.values():
        signed(SeatTag(seat=seat, tag=tag), by=by, reason="tag added").save()


@checked_again
def create(*, name: str, by: User | None) -> Tag:
    """Make a tag. Raises Refusal when the name is empty, too long or taken."""
    tag = Tag(name=_checked(name))
    signed(tag, by=by, reason="tag made").save()
    return tag


@checked_again
def find_or_create(*, name: str, by: User | None) -> Tag:
    """Returns the tag with this name, ignoring case; a new one when there is none. Raises Refusal when the
    name is empty or too long."""
    return Tag.named(_tidied(name)).first() or create(name=name, by=by)


@checked_again
def rename(tag: Tag, *, name: str, by: User | None) -> Tag:
    """Change the name of a tag, for all who have it. Raises Refusal when another tag has the name: see
    `merge`."""
    tag = _locked([tag])[0]
    name = _checked(name, tag)
    if name != tag.name:
        _rename_in_settings(tag, name)
        tag.name = name
        signed(tag, by=by, reason="renamed").save(update_fields=["name"])
    return tag


@transaction.atomic
def merge(tag: Tag, *, into: Tag, by: User | None) -> int:
    """Give the users and seats of one tag another tag, and delete the first. Returns how many users got the
    other tag."""
    if tag.pk == into.pk:
        raise Refusal(f"{tag} cannot be merged into itself. Choose another tag.")
    rows = {row.pk: row for row in _locked([tag, into])}
    tag, into = rows[tag.pk], rows[into.pk]
    added = _add_one(into, list(UserTag.objects.filter(tag=tag).values_list("user", flat=True)), by)
    said = f"tag merged into {into}"
    for seat in Seat.objects.filter(tags=tag).exclude(tags=into):
        signed(SeatTag(seat=seat, tag=into), by=by, reason="tag added").save()
    _take_from_seats(tag, by, said)
    _remove(UserTag.objects.filter(tag=tag), by, said)
    _rename_in_settings(tag, into.name)
    signed(tag, by=by, reason=f"merged into {into}").delete()
    return added


@transaction.atomic
def delete(tag: Tag, *, by: User | None) -> int:
    """Delete a tag and remove it from all users and seats. Returns how many users had it."""
    tag = _locked([tag])[0]
    removed = _remove(UserTag.objects.filter(tag=tag), by, "tag deleted")
    _take_from_seats(tag, by, "tag deleted")
    signed(tag, by=by, reason="tag deleted").delete()
    return removed


def default_seat_tags() -> QuerySet[Tag]:
    """Returns the tags that the settings name for new seats."""
    return Tag.objects.filter(folded__in=map(fold, lines(SiteSettings.load().default_seat_tags)))


def _rename_in_settings(tag: Tag, name: str) -> None:
    """Let the settings follow the other name of a tag that they name for new seats."""
    settings = SiteSettings.objects.select_for_update().filter(pk=1).first()
    names = lines(settings.default_seat_tags) if settings is not None else []
    if settings is None or fold(tag.name) not in map(fold, names):
        return
    followed = [name if fold(one) == fold(tag.name) else one for one in names]
    settings.default_seat_tags = "\n".join(dict.fromkeys(followed))
    settings.save(update_fields=["default_seat_tags"])


def _take_from_seats(tag: Tag, by: User | None, reason: str) -> None:
    for row in SeatTag.objects.filter(tag=tag).select_related("tag", "seat"):
        signed(row, by=by, reason=reason).delete()


def _keys(users: People) -> list[int]:
    if isinstance(users, QuerySet):
        return list(users.order_by().values_list("pk", flat=True))
    return list(dict.fromkeys(user.pk for user in users))


def _locked(tags: Collection[Tag]) -> list[Tag]:
    """Returns the tags, locked: whoever adds, merges or deletes the same tag at this moment waits."""
    rows = Tag.objects.select_for_update(no_key=True).filter(pk__in=[tag.pk for tag in tags]).order_by("pk")
    found = list(rows)
    if missing := {tag.pk for tag in tags} - {tag.pk for tag in found}:
        name = next(tag.name for tag in tags if tag.pk in missing)
        raise Refusal(f"The tag {name} was deleted in the meantime. Choose another one.")
    return found


def _on(tag: Tag, keys: Collection[int]) -> QuerySet[UserTag]:
    return UserTag.objects.filter(bulk.among("user_id", keys), tag=tag)


def _add_one(tag: Tag, keys: Collection[int], by: User | None) -> int:
    there = set(_on(tag, keys).values_list("user", flat=True)) if keys else set()
    new = [(key, tag.pk) for key in keys if key not in there]
    made = bulk.insert(UserTag, ["user_id", "tag_id"], new)
    record_many(UserTag.objects.filter(bulk.among("pk", made)), "+", by=by, reason="tag added")
    return len(new)


def _remove(rows: QuerySet[UserTag], by: User | None, reason: str) -> int:
    """Delete the rows without a signal for each: their history is written together."""
    record_many(rows, "-", by=by, reason=reason)
    return rows._raw_delete(rows.db)


def _tidied(name: str) -> str:
    name = tidy_name(name)
    if not name:
        raise BadName("A tag needs a name.")
    if len(name) > TAG_NAME_LENGTH:
        raise BadName(f"The name has {len(name)} characters; {TAG_NAME_LENGTH} is the most.")
    return name


def _checked(name: str, tag: Tag | None = None) -> str:
    """Returns the name as it is stored. Raises Refusal when the tag cannot have it."""
    name = _tidied(name)
    others = Tag.named(name).exclude(pk=tag.pk) if tag is not None else Tag.named(name)
    if (other := others.first()) is not None:
        raise BadName(f"There is a tag “{other}” already. Choose another name, or merge the two tags.")
    return name
