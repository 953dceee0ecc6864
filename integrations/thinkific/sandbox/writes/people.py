"""Creating, changing, deleting and signing in people."""

from typing import TYPE_CHECKING, Any

from integrations.thinkific.sandbox.site.people_builder import add_user
from integrations.thinkific.sandbox.site.rows import User
from integrations.thinkific.sandbox.web.problems import Problem, invalid_fields

if TYPE_CHECKING:
    from integrations.thinkific.sandbox.site.site import Site

REQUIRED = ("email", "first_name", "last_name")
ROLES = {"affiliate", "course_admin", "group_analyst", "site_admin"}
TEXTS = (
    "first_name",
    "last_name",
    "email",
    "company",
    "headline",
    "bio",
    "external_source",
    "affiliate_code",
    "affiliate_commission_type",
    "affiliate_payout_email",
)


def create_user(site: "Site", *, fields: dict[str, Any]) -> User:
    problems = {name: ["can't be blank"] for name in REQUIRED if not fields.get(name)}
    problems |= _problems(site, fields, user=None)
    if problems:
        raise invalid_fields(**problems)
    user = User(
        id=site.users.new_id(),
        created_at=site.clock.now(),
        first_name=None,
        last_name=None,
        email=None,
    )
    _assign(site, user, fields)
    add_user(site, user)
    if fields.get("external_id"):
        site.external_ids[fields.get("provider") or "SSO", str(fields["external_id"])] = user.id
    if site.options.signup_event_for_api:
        site.announce("user.signup", event_user(site, user))
    return user


def update_user(site: "Site", *, user_id: int, fields: dict[str, Any]) -> None:
    user = site.users[user_id]
    problems = {name: ["can't be blank"] for name in REQUIRED if name in fields and not fields[name]}
    problems |= _problems(site, fields, user=user)
    if problems:
        raise invalid_fields(**problems)
    before = (user.email, user.first_name, user.last_name, user.roles)
    _assign(site, user, fields)
    if user.email:
        site.user_id_by_email[user.email.lower()] = user.id
    for row in site.enrollments_of.get(user_id, ()):
        row.cache = None  # it contains the name and the e-mail address
    if before != (user.email, user.first_name, user.last_name, user.roles):
        site.announce("user.updated", event_user(site, user))


def delete_user(site: "Site", *, user_id: int) -> None:
    delete_users(site, user_ids=[user_id])


def delete_users(site: "Site", *, user_ids: list[int]) -> None:
    gone = {user_id for user_id in user_ids if user_id in site.users}
    payloads = [event_user(site, site.users[user_id]) for user_id in sorted(gone)]
    for user_id in gone:
        email = site.users[user_id].email
        if email and site.user_id_by_email.get(email.lower()) == user_id:
            del site.user_id_by_email[email.lower()]
    site.users.remove_many(gone)
    site.external_ids = {key: user_id for key, user_id in site.external_ids.items() if user_id not in gone}
    for people in (*site.members.values(), *site.analysts.values(), *site.holders.values()):
        for user_id in gone & people.keys():
            del people[user_id]
    site.submissions.remove_many({s.id for s in site.submissions if s.user_id in gone})
    site.certificates.remove_many({c.id for c in site.certificates if c.user_id in gone})
    _take_enrollments(site, gone)
    for order in site.orders:  # orders stay, without name and address
        if order["user_id"] in gone:
            order |= {"user_email": None, "user_name": "(deleted) (deleted)"}
    for payload in payloads:
        site.announce("user.deleted", payload)


def sign_in(site: "Site", *, user_id: int) -> None:
    site.announce("user.signin", event_user(site, site.users[user_id]))


def sign_in_by_token(site: "Site", *, fields: dict[str, Any]) -> User:
    """Sign in the person with the token's address; one who is unknown gets an account, with the token's
    names."""
    user = site.user_by_email(str(fields["email"]))
    if user is None:
        known = {name: fields.get(name) for name in ("email", "first_name", "last_name", "bio", "company")}
        user = create_user(site, fields=known)
    if fields.get("external_id"):
        site.external_ids["SSO", str(fields["external_id"])] = user.id
    sign_in(site, user_id=user.id)
    return user


def event_user(site: "Site", user: User) -> dict[str, Any]:
    wire = site.render.user(user)
    wire.pop("full_name", None)  # webhooks do not have it
    return wire


def person_in_event(site: "Site", user_id: int) -> dict[str, Any]:
    user = site.users.get(user_id)
    return {
        "email": user.email if user else None,
        "first_name": user.first_name if user else None,
        "id": user_id,
        "last_name": user.last_name if user else None,
    }


def _take_enrollments(site: "Site", user_ids: set[int]) -> None:
    if site.options.deleted_users == "leave_enrollments":
        for user_id in user_ids:
            for row in site.enrollments_of.get(user_id, ()):
                row.cache = None
        return
    gone = {row.id for user_id in user_ids for row in site.enrollments_of.pop(user_id, ())}
    courses = {site.enrollments[row_id].course_id for row_id in gone}
    site.enrollments.remove_many(gone)
    for course_id in courses:
        site.enrollments_in[course_id] = [r for r in site.enrollments_in[course_id] if r.id not in gone]


def _problems(site: "Site", fields: dict[str, Any], *, user: User | None) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    email = fields.get("email")
    if email:
        owner = site.user_id_by_email.get(str(email).lower())
        if "@" not in str(email)[1:-1] or " " in str(email):
            found["email"] = ["is invalid"]
        elif owner is not None and (user is None or owner != user.id):
            found["email"] = ["has already been taken"]
    if fields.get("password") is not None and len(str(fields["password"])) < 6:
        found["password"] = ["is too short (minimum is 6 characters)"]
    if fields.get("roles") and not set(fields["roles"]) <= ROLES:
        found["roles"] = ["is not included in the list"]
    for entry in fields.get("custom_profile_fields") or ():
        if not isinstance(entry, dict) or not entry.get("value"):
            found["custom_profile_fields"] = ["can't be blank"]
        elif entry.get("custom_profile_field_definition_id") not in site.profile_fields:
            found["custom_profile_fields"] = ["is invalid"]
    return found


def _assign(site: "Site", user: User, fields: dict[str, Any]) -> None:
    if user.raw:  # a written field replaces the value that a test has put there
        user.raw = {name: value for name, value in user.raw.items() if name not in fields}
    if "email" in fields and user.email and site.user_id_by_email.get(user.email.lower()) == user.id:
        del site.user_id_by_email[user.email.lower()]
    for name in TEXTS:
        if name in fields:
            value = fields[name]
            if value is not None and not isinstance(value, str):
                raise Problem(422, {"errors": {name: ["is invalid"]}})
            setattr(user, name, value)
    if fields.get("affiliate_commission") is not None:
        user.affiliate_commission = f"{float(fields['affiliate_commission']):.2f}"
    if "avatar_url" in fields:
        user.avatar_url = fields["avatar_url"]
    if fields.get("roles") is not None:
        user.roles = tuple(fields["roles"])
    if fields.get("custom_profile_fields") is not None:
        values = dict(user.profile)
        for entry in fields["custom_profile_fields"]:
            values[entry["custom_profile_field_definition_id"]] = str(entry["value"])
        user.profile = tuple(values.items())
    user.cache = None
