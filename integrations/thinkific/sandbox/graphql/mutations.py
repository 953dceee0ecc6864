"""The mutations: of group members (the only known way to remove somebody), and of assignments."""

from typing import Any

from integrations.thinkific.sandbox.graphql import ids, results
from integrations.thinkific.sandbox.graphql.types import Resolver, Run, Types
from integrations.thinkific.sandbox.web.render import GID_PREFIX

Wire = dict[str, Any]


def _bulk(write: str, message: str) -> Resolver:
    def resolve(run: Run, _: Any, arguments: Wire) -> Wire:
        by_gid = run.site.options.mutation_users == "gid"
        known = [
            value
            for value in arguments["input"]["userIds"]
            if str(value).startswith(GID_PREFIX) or not by_gid
        ]
        users = [ids.read(value) if value in known else None for value in arguments["input"]["userIds"]]
        groups = [ids.read(value) for value in arguments["input"]["groupIds"]]
        errors = []
        if any(user_id not in run.site.users for user_id in users):
            errors.append({"code": "NOT_FOUND", "message": "User not found", "path": ["userIds"]})
        if any(group_id not in run.site.groups for group_id in groups):
            errors.append({"code": "NOT_FOUND", "message": "Group not found", "path": ["groupIds"]})
        if errors:
            return {"message": None, "userErrors": errors}
        if run.site.options.mutations == "work":
            run.site.write(write, user_ids=users, group_ids=groups)
        return {"message": message, "userErrors": []}

    return resolve


def _review(run: Run, _: Any, arguments: Wire) -> Wire:
    given = arguments["input"]
    submission = results.assignment_submission(run, given["submissionId"])
    if submission is None:
        error = {"code": "NOT_FOUND", "message": "Submission not found", "path": ["submissionId"]}
        return {"submission": None, "userErrors": [error]}
    run.site.write("review_assignment", submission_id=submission["id"], status=given["status"])
    return {"submission": submission, "userErrors": []}


MUTATION_TYPES: Types = {
    "Mutation": {
        "bulkAddUsersToGroups": _bulk("add_members", "Users are being added to the groups."),
        "bulkRemoveUsersFromGroups": _bulk("remove_from_groups", "Users are being removed from the groups."),
        "updateAssignmentSubmissionStatus": _review,
    },
}
