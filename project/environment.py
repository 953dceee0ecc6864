"""Reads the environment. A number that cannot be read raises an error that names the variable."""

from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured


class Env(environ.Env):
    def get_value(self, var: str, *args: Any, **options: Any) -> Any:
        try:
            return super().get_value(var, *args, **options)
        except ValueError as error:
            # Only numbers raise ValueError, so this shows no secret.
            raise ImproperlyConfigured(
                f'{var} is "{self.ENVIRON.get(var)}", which is not a number.'
            ) from error
