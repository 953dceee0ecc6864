"""Groups, their members and their analysts."""

from typing import TYPE_CHECKING, Any

from integrations.thinkific.sandbox.site.clock import to_iso
from integrations.thinkific.sandbox.web.problems import invalid_fields, invalid_list, invalid_texts, not_found

if TYPE_CHECKING:
    from integrations.thinkific.sandbox.site.site import Site

LONGEST_NAME = 255  # an assumption: Thinkific documents no limit


def create_group(site: "Site", *, name: Any) -> dict[str, Any]:
    if not isinstance(name, str) or not name.strip():
        raise invalid_fields(name="can't be blank")
    if len(name) > LONGEST_NAME:
        raise invalid_fields(name=f"is too long (maximum is {LONGEST_NAME} characters)")
    if site.options.group_repost == "reject" and site.group_named(name):
        raise invalid_fields(name="has already been taken")
    group_id = site.groups.new_id()
    token = f"{group_id * 2654435761 % 0xFFFFFFFF:08x}"
    group = {"id": group_id, "name": name, "token": token, "created_at": to_iso(site.clock.now())}
    return site.groups.add(group_id, group)


def delete_group(site: "Site", *, group_id: int) -> None:
    site.groups.remove(group_id)
    site.members.pop(group_id, None)
    site.analysts.pop(group_id, None)


def add_to_groups(site: "Site", *, user_id: Any, group_names: Any) -> None:
    """Add a person to groups by name, as REST does. One unknown name refuses the whole request."""
    if not isinstance(user_id, int) or user_id not in site.users:
        raise invalid_list("Invalid user_id")
    names = group_names if isinstance(group_names, list) else []
    groups = [group for name in names if (group := site.group_named(name))]
    if not names or len(groups) < len(names):
        raise invalid_list("Invalid group_names")
    for group in groups:
        site.members[group["id"]][user_id] = None


def add_members(site: "Site", *, user_ids: list[int], group_ids: list[int]) -> None:
    for group_id in group_ids:
        site.members[group_id] |= dict.fromkeys(user_ids)


def remove_from_groups(site: "Site", *, user_ids: list[int], group_ids: list[int]) -> None:
    for group_id in group_ids:
        for user_id in user_ids:
            site.members[group_id].pop(user_id, None)


def assign_analysts(site: "Site", *, group_ids: list[int], user_ids: Any) -> None:
    if any(group_id not in site.groups for group_id in group_ids):
        raise not_found()
    wrong = [
        str(user_id)
        for user_id in user_ids or ()
        if user_id not in site.users or "group_analyst" not in site.users[user_id].roles
    ]
    if wrong or not user_ids:
        raise invalid_texts(user_id=f"Invalid user IDs: {', '.join(wrong)}")
    for group_id in group_ids:
        site.analysts[group_id] |= dict.fromkeys(user_ids)


def remove_analyst(site: "Site", *, group_id: int, user_id: int) -> None:
    if user_id not in site.analysts.get(group_id, ()):
        raise not_found()
    del site.analysts[group_id][user_id]
