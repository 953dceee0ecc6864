"""`python -m project.run.prepare`: prepares the database for the start of the dashboard.

It is a process of its own, so that `project.run` does not need Django. Standard output is the text to show
last, when everything runs; progress goes to standard error.
"""

import io
import os
import sys

import django
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import Error

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
try:
    django.setup()
except (ImproperlyConfigured, ValueError) as unusable:
    sys.exit(f"A setting cannot be used: {unusable}")

# Imported here: models can be imported only after Django has its settings.
from django.conf import settings

from core.errors import Refusal
from core.models import User
from core.services.site import sync_requests
from integrations.models import ORDER, SyncRun
from project.development import demo

NO_ADMINISTRATOR = """\
Nobody can sign in yet. Create the first administrator in another terminal:
  {variables}.venv/bin/python manage.py createsuperuser
or start again with DJANGO_SUPERUSER_EMAIL and DJANGO_SUPERUSER_PASSWORD set."""
NO_DATABASE = "The database does not work: {reason}\nCheck DATABASE_URL: it says which database is used."
HOLDS_THE_DEMO = (
    "This database holds the demo, and a real Thinkific site is configured: the two must not mix. "
    "Set DATABASE_URL to an empty database."
)


def main(mode: str) -> None:
    tell("Preparing the database ...")
    call_command("migrate", verbosity=0)
    if not settings.DEBUG:
        tell("Collecting static files ...")
        call_command("collectstatic", interactive=False, verbosity=0)
    if mode == "demo":
        load_demo()
    else:
        find_administrator()
    if not SyncRun.objects.exists():
        request_everything()
    # After the requests, so that schedules of kinds that are pulled now are not due at once.
    call_command("sync_schedules", stdout=io.StringIO())


def load_demo() -> None:
    tell("Loading the demo ...")
    call_command("load_demo", stdout=io.StringIO())
    print("Sign in with one of these, each with the password", demo.PASSWORD)
    for part, email in demo.ACCOUNTS.items():
        print(f"  {part:<14} {email}")


def find_administrator() -> None:
    if User.objects.filter(email=demo.ACCOUNTS["administrator"]).exists():
        raise CommandError(HOLDS_THE_DEMO)
    if User.objects.filter(is_superuser=True).exists():
        return
    email = os.environ.get("DJANGO_SUPERUSER_EMAIL")
    if email and os.environ.get("DJANGO_SUPERUSER_PASSWORD"):
        call_command("createsuperuser", interactive=False, verbosity=0)
        print(f"Sign in as {email} with the password in DJANGO_SUPERUSER_PASSWORD.")
    else:
        print(NO_ADMINISTRATOR.format(variables="DEBUG=1 " if settings.DEBUG else ""))


def request_everything() -> None:
    """Start a pull of every kind at the first start; after that the schedules do."""
    starter = User.objects.filter(is_superuser=True).order_by("pk").first()
    try:
        for kind in ORDER:
            sync_requests.request(kind, started_by=starter, full=True)
    except Refusal as refusal:
        print(refusal)
    else:
        print("The first pull is under way: the first page shows how far it is.")


def tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except CommandError as error:
        sys.exit(str(error))
    except Error as error:
        sys.exit(NO_DATABASE.format(reason=str(error).strip()))
