"""The two mutations on group members; the only known way to take somebody out of a group."""

from typing import Any

from . import ids
from .types import FieldType, Run, Types, many, one, scalar

Wire = dict[str, Any]
INPUTS = {
    "BulkAddUsersToGroupsInput": {"userIds": "[ID!]!", "groupIds": "[ID!]!"},
    "BulkRemoveUsersFromGroupsInput": {"userIds": "[ID!]!", "groupIds": "[ID!]!"},
}


def _bulk(write: str, input_type: str, message: str) -> FieldType:
    def resolve(run: Run, _: Any, arguments: Wire) -> Wire:
        users = [ids.read(value) for value in arguments["input"]["userIds"]]
        groups = [ids.read(value) for value in arguments["input"]["groupIds"]]
        errors = []
        if any(user_id not in run.site.users for user_id in users):
            errors.append({"code": "NOT_FOUND", "message": "User not found", "path": ["userIds"]})
        if any(group_id not in run.site.groups for group_id in groups):
            errors.append({"code": "NOT_FOUND", "message": "Group not found", "path": ["groupIds"]})
        if errors:
            return {"message": None, "userErrors": errors}
        run.site.write(write, user_ids=users, group_ids=groups)
        return {"message": message, "userErrors": []}

    return one("BulkGroupPayload", resolve, input=f"{input_type}!")


MUTATION_TYPES: Types = {
    "Mutation": {
        "bulkAddUsersToGroups": _bulk(
            "add_members", "BulkAddUsersToGroupsInput", "Users are being added to the groups."
        ),
        "bulkRemoveUsersFromGroups": _bulk(
            "remove_from_groups", "BulkRemoveUsersFromGroupsInput", "Users are being removed from the groups."
        ),
    },
    "BulkGroupPayload": {
        "message": scalar(lambda payload: payload["message"]),
        "userErrors": many("UserError", lambda run, payload, a: payload["userErrors"]),
    },
    "UserError": {
        "code": scalar(lambda error: error["code"]),
        "message": scalar(lambda error: error["message"]),
        "path": scalar(lambda error: error["path"]),
    },
}
