"""Views that do what the calls of the API do, and nothing besides."""

from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django_q.tasks import async_task
from ninja import NinjaAPI, Schema

from api.answers import answer
from api.resources import students as resource
from core.models import Membership, OutboxEntry, Role, Team, User
from core.models.fields.folded import holding
from core.permissions import students
from core.services.history import signed

api = NinjaAPI(docs_url=None, openapi_url=None)


class Student(Schema):
    first_name: str
    last_name: str
    email: str


def _viewer() -> User:
    return User.objects.get(email="root@bench.example")


def _everybody(viewer: User) -> Any:
    return students.every_student().visible_to(viewer)


@api.get("/student/{int:key}")
def student(request: HttpRequest, key: int) -> HttpResponse:
    return answer(200, {"data": resource.one(_viewer(), key)})


@api.get("/page")
def page(request: HttpRequest, per_page: int = 15) -> HttpResponse:
    viewer = _viewer()
    count = students.count(User.objects.visible_to(viewer))
    found = list(resource.rows(_everybody(viewer).order_by("pk"))[:per_page])
    return answer(200, {"data": resource.represent(found, viewer), "total": count})


@api.get("/search")
def search(request: HttpRequest, term: str) -> HttpResponse:
    viewer = _viewer()
    people = User.objects.visible_to(viewer).filter(holding("folded", term))
    found = list(resource.rows(_everybody(viewer).filter(holding("folded", term)).order_by("pk"))[:15])
    return answer(200, {"data": resource.represent(found, viewer), "total": students.count(people)})


@api.get("/keyset")
def keyset(request: HttpRequest, after: int = 0) -> HttpResponse:
    rows = _everybody(_viewer()).filter(pk__gt=after).order_by("pk").values(*resource.COLUMNS)
    return answer(200, {"data": list(rows[:100])})


@api.post("/student")
def make(request: HttpRequest, body: Student) -> HttpResponse:
    """Writes the rows of a new student: account, membership, their histories, outbox entry, queued task."""
    viewer = _viewer()
    team = Team.objects.get(pk=viewer.primary_team_id)
    with transaction.atomic():
        user = User(email=body.email, first_name=body.first_name, last_name=body.last_name, home_team=team)
        user.set_unusable_password()
        signed(user, by=viewer, reason="account made").save()
        membership = Membership(team=team, user=user, role=Role.objects.get(code="student"))
        signed(membership, by=viewer, reason="joined the team").save()
        OutboxEntry.objects.create(
            entity="user", object_id=user.pk, person=user, reason="account made", requested_by=viewer
        )
        transaction.on_commit(partial(async_task, settings.OUTBOX_DRAIN_TASK, save=False))
    return answer(201, {"data": resource.of(user, viewer)})


urlpatterns = [path("", api.urls)]
