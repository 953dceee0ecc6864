"""The query of every API call: a token with its user and the user's global role.

Django writes the SQL of a query anew each time, which takes longer here than the query itself (measured by
`make bench`, group api). So it is written once for each thread.
"""

import threading
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections

from core.models import ApiToken, Role, User


class _Written(threading.local):
    """The statement of this thread, with what turns a row into values of Python."""

    sql = ""

    def write(self) -> None:
        rows = ApiToken.objects.order_by().select_related("user__global_role").filter(digest="")
        self.compiler: Any = rows.query.get_compiler(using=DEFAULT_DB_ALIAS)
        self.sql, _ = self.compiler.as_sql()
        select = self.compiler.select
        self.converters = self.compiler.get_converters([column for column, *_ in select])
        self.attnames = [column.target.attname for column, *_ in select]
        self.user_at = len(ApiToken._meta.concrete_fields)
        self.role_at = self.user_at + len(User._meta.concrete_fields)


_written = _Written()


def of_digest(digest: str) -> ApiToken | None:
    """Returns the token with this digest; None when there is none."""
    if not _written.sql:
        _written.write()
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute(_written.sql, [digest])
        row = cursor.fetchone()
    if row is None:
        return None
    (values,) = _written.compiler.apply_converters([row], _written.converters)
    names, user_at, role_at = _written.attnames, _written.user_at, _written.role_at
    token: ApiToken = ApiToken.from_db(DEFAULT_DB_ALIAS, names[:user_at], values[:user_at])
    user: User = User.from_db(DEFAULT_DB_ALIAS, names[user_at:role_at], values[user_at:role_at])
    if user.global_role_id is not None:
        user.global_role = Role.from_db(DEFAULT_DB_ALIAS, names[role_at:], values[role_at:])
    token.user = user
    return token
