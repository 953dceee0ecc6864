#!/usr/bin/env python
import os
import runpy
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line


def main() -> None:
    if sys.argv[1:2] == ["thinkific_sandbox"]:
        # It needs none of our settings, so that a fresh clone without any can start it.
        del sys.argv[0]
        runpy.run_module("integrations.thinkific.sandbox", run_name="__main__")
        return
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"A setting cannot be used: {error}")


if __name__ == "__main__":
    main()
