"""`/groups`, `/group_users` and the two paths of analysts. A single group is wrapped in `group`."""

from integrations.thinkific.sandbox.rest.context import Context, created, no_content
from integrations.thinkific.sandbox.web.http import Response
from integrations.thinkific.sandbox.web.problems import Problem, not_found


def list_groups(context: Context) -> Response:
    return context.page_of(context.site.groups.listing, context.site.render.wires_encoded)


def create(context: Context) -> Response:
    return created({"group": context.site.write("create_group", name=context.body().get("name"))})


def show(context: Context) -> Response:
    return Response.of(200, {"group": context.site.groups[_group_id(context)]})


def delete(context: Context) -> Response:
    context.site.write("delete_group", group_id=_group_id(context))
    return no_content()


def add_user(context: Context) -> Response:
    body = context.body()
    context.site.write("add_to_groups", user_id=body.get("user_id"), group_names=body.get("group_names"))
    return created()


def list_analysts(context: Context) -> Response:
    return Response.of(200, {"group_analysts": list(context.site.analysts.get(_group_id(context), ()))})


def assign_analysts(context: Context) -> Response:
    context.site.write(
        "assign_analysts", group_ids=[_group_id(context)], user_ids=context.body().get("user_ids")
    )
    return created()


def remove_analyst(context: Context) -> Response:
    context.site.write("remove_analyst", group_id=_group_id(context), user_id=context.id(1))
    return no_content()


def assign_analyst(context: Context) -> Response:
    user_id = context.id()
    if user_id not in context.site.users:
        raise Problem(404, {"error": {"user_id": [f"Could not find user with ID {user_id}."]}})
    context.site.write("assign_analysts", group_ids=context.body().get("group_ids") or [], user_ids=[user_id])
    return created()


def remove_analyst_from(context: Context) -> Response:
    context.site.write("remove_analyst", group_id=context.id(1), user_id=context.id())
    return no_content()


def _group_id(context: Context) -> int:
    group_id = context.id()
    if group_id not in context.site.groups:
        problem = not_found()
        problem.body = {"error": ["Record not found."]}  # a list only for groups
        raise problem
    return group_id
