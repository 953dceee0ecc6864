"""`/users`"""

from collections.abc import Sequence
from typing import Any

from integrations.thinkific.sandbox.rest.context import Context, created, no_content
from integrations.thinkific.sandbox.site.rows import User
from integrations.thinkific.sandbox.web.http import Response
from integrations.thinkific.sandbox.web.problems import not_found

PROVIDERS = ("SSO", "OPENID_CONNECT")


def list_users(context: Context) -> Response:
    names = (
        "email",
        "role",
        "external_source",
        "group_id",
        "custom_profile_field_label",
        "custom_profile_field_value",
    )
    wanted = {name: value for name in names if (value := context.filter(name))}
    rows: Sequence[User] = context.site.users.listing
    if wanted:
        key = ("users", *sorted(wanted.items()))
        rows = context.site.answer(key, lambda: _matching(context, wanted))
    return context.page_of(rows, context.site.render.users_encoded)


def _matching(context: Context, wanted: dict[str, str]) -> list[User]:
    site = context.site
    if "email" in wanted:
        user = site.user_by_email(wanted["email"])
        exact = site.options.emails == "any_case" or (user is not None and user.email == wanted["email"])
        rows = [user] if user and exact else []
    else:
        rows = site.users.listing
    if "group_id" in wanted:
        members = site.members.get(int(wanted["group_id"]), {}) if wanted["group_id"].isdigit() else {}
        if "email" in wanted:
            rows = [u for u in rows if u.id in members]
        else:
            rows = [site.users[user_id] for user_id in members if user_id in site.users]
    if "role" in wanted:
        rows = [u for u in rows if wanted["role"] in u.roles]
    if "external_source" in wanted:
        rows = [u for u in rows if u.external_source == wanted["external_source"]]
    label, value = wanted.get("custom_profile_field_label"), wanted.get("custom_profile_field_value")
    if label and value:
        definitions = {d["id"] for d in site.profile_fields if d["label"] == label}
        rows = [u for u in rows if any(d in definitions and v == value for d, v in u.profile)]
    return rows


def create(context: Context) -> Response:
    user = context.site.write("create_user", fields=_without_password(context.body()))
    return created(context.site.render.user(user))


def show(context: Context) -> Response:
    return Response(200, context.site.render.users_encoded([_addressed(context)]))


def update(context: Context) -> Response:
    user = _addressed(context)
    context.site.write("update_user", user_id=user.id, fields=_without_password(context.body()))
    return no_content()


def delete(context: Context) -> Response:
    context.site.write("delete_user", user_id=_addressed(context).id)
    return no_content()


def authentication(context: Context) -> Response:
    provider = context.arguments[1]
    for (known_provider, external_id), user_id in context.site.external_ids.items():
        if known_provider == provider and str(user_id) == context.arguments[0]:
            return Response.of(200, {"provider": provider, "external_id": external_id})
    raise not_found()


def _addressed(context: Context) -> User:
    """Returns the user of the path: by id, or with `?provider=` by external id."""
    provider = context.request.query.get("provider")
    if provider in PROVIDERS:
        user = context.site.users.get(context.site.external_ids.get((provider, context.arguments[0])))
    else:
        user = context.site.users.get(context.id())
    if user is None:
        raise not_found()
    return user


def _without_password(fields: dict[str, Any]) -> dict[str, Any]:
    """Replace the password by asterisks, so that it is not in the journal. Only its length is checked."""
    if fields.get("password") is None:
        return fields
    return fields | {"password": "*" * len(str(fields["password"]))}
