"""Setting a password in somebody's name. People set their own by a link or with the old one."""

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.views.decorators.debug import sensitive_variables

from core import acting
from core.errors import Refusal
from core.models import User
from core.services.history import signed


class WeakPassword(Refusal):
    field = "password"


@sensitive_variables("password")
@transaction.atomic
def choose(user: User, password: str, *, by: User) -> None:
    """Give the user this password; all sessions of the user and links to set another end. The one that the
    user has changes nothing. Raises WeakPassword for one that the rules of the settings do not allow."""
    acting.refuse()
    user = User.objects.select_for_update(of=("self",)).get(pk=user.pk)
    if user.check_password(password):
        return
    try:
        validate_password(password, user)
    except ValidationError as problem:
        raise WeakPassword(" ".join(problem.messages)) from None
    user.set_password(password)
    signed(user, by=by, reason="password set").save(update_fields=["password", "updated_at"])
