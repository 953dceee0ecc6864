"""Members of groups by GraphQL: putting people in by id, and taking them out, which REST cannot."""

from collections.abc import Callable

from integrations.thinkific.client.errors import NotFound, Rejected
from integrations.thinkific.client.graphql.graphql import GraphQL
from integrations.thinkific.client.graphql.ids import parse_graphql_id
from integrations.thinkific.client.graphql.queries import GROUP_CHANGE, USER_IDS

Change = Callable[[GraphQL, list[str], list[int]], None]


def remove_users_from_groups(graphql: GraphQL, user_ids: list[str], group_ids: list[int]) -> None:
    """Take users out of groups. It may work in the background, or do nothing: look afterwards."""
    _change_groups(graphql, "bulkRemoveUsersFromGroups", user_ids, group_ids)


def add_users_to_groups(graphql: GraphQL, user_ids: list[str], group_ids: list[int]) -> None:
    """Put users into groups by id, where two groups have the same name. Look afterwards."""
    _change_groups(graphql, "bulkAddUsersToGroups", user_ids, group_ids)


def for_one(graphql: GraphQL, change: Change, *, user_id: int, email: str, group_id: int) -> None:
    """Make a change for one person, by REST's id or, where the site does not know people by that, by their
    global id. Which of the two the mutations take is not documented."""
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
    """REST's id and the global one of the user with this e-mail; None and empty where there is nobody."""
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
