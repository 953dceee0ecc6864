"""Scopes: what a token may be used for. They narrow the rights of its issuer and never add to them."""

SCOPES = {
    "users:read": "Read users",
    "users:write": "Change users, their seats and groups",
    "students:read": "Read students",
    "students:write": "Change and enroll students",
    "products:read": "Read products",
    "teams:read": "Read teams",
    "seats:read": "Read seats",
    "groups:read": "Read groups",
    "enrollments:read": "Read enrollments",
    "reports:read": "Read quiz results and certificates",
    "provision:write": "Provision a sale in one call",
}


def allows(scopes: list[str], scope: str) -> bool:
    """Whether a token with these scopes may be used for this one. Without scopes it may for all of them, and
    writing includes reading."""
    return not scopes or scope in scopes or scope.replace(":read", ":write") in scopes
