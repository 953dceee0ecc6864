"""A person inside another object: enough to know who it is, and to ask for the rest."""

from typing import Any

from ninja import Schema

from core.models import User


class PersonOut(Schema):
    id: int
    name: str
    email: str


EXAMPLE = {"id": 7, "name": "Ada Roe", "email": "ada@acme.example"}


def person(user: User) -> dict[str, Any]:
    return {"id": user.pk, "name": user.name, "email": user.email}
