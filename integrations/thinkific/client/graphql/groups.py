"""Members of groups by GraphQL: adding users by id, and removing them, which REST cannot do."""

from collections.abc import Callable

from integrations.thinkific.client.errors import NotFound, Rejected
from integrations.thinkific.client.graphql.graphql import GraphQL
from integrations.thinkific.client.graphql.ids import parse_graphql_id
from integrations.thinkific.client.graphql.queries import GROUP_CHANGE, USER_IDS

Change = Callable[[GraphQL, list[str], list[int]], None]


def remove_users_from_groups(graphql: GraphQL, user_ids: list[str], group_ids: list[int]) -> None:
    """Removes users from groups. It may be done later or not at all: read the group afterwards."""
    _change_groups(graphql, "bulkRemoveUsersFromGroups", user_ids, group_ids)


def add_users_to_groups(graphql: GraphQL, user_ids: list[str], group_ids: list[int]) -> None:
    """Adds users to groups by id, for groups that share a name. Read the group afterwards."""
    _change_groups(graphql, "bulkAddUsersToGroups", user_ids, group_ids)


def for_one(graphql: GraphQL, change: Change, *, user_id: int, email: str, group_id: int) -> None:
    """Makes a change for one user: by REST's id or, where the site refuses that, by the global id. It is not
    documented which of the two the mutations take."""
    try:
        change(graphql, [str(user_id)], [group_id])
    except Rejected as error:
        words = str(error).lower()
        about_the_group = "group" in words and "user" not in words
        _, gid = (None, "") if about_the_group else ids_of(graphql, email)
        if not gid:
            raise
        change(graphql, [gid], [group_id])


def ids_of(graphql: GraphQL, email: str) -> tuple[int | None, str]:
    """Returns REST's id and the global id of the user with this e-mail address; None and "" without one."""
    try:
        data = graphql.run("UserIds", USER_IDS, {"email": email}, cost=3).data
    except NotFound:
        return None, ""
    found = data.get("userByEmail") or {}
    return parse_graphql_id(found.get("id")), str(found.get("gid") or "")


def _change_groups(graphql: GraphQL, field: str, user_ids: list[str], group_ids: list[int]) -> None:
    name = field[0].upper() + field[1:]
    text = GROUP_CHANGE % {"name": name, "type": name, "field": field}
    ids = {"userIds": user_ids, "groupIds": [str(one) for one in group_ids]}
    graphql.run(name, text.strip(), {"input": ids}, cost=15)
