"""Reading the environment so that a value of the wrong kind is told in a sentence that names it."""

from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured


class Env(environ.Env):
    def get_value(self, var: str, *args: Any, **options: Any) -> Any:
        try:
            return super().get_value(var, *args, **options)
        except ValueError as error:
            # Only numbers are refused like this: no secret is shown.
            raise ImproperlyConfigured(f'{var} is "{self.ENVIRON.get(var)}", which is no number.') from error
