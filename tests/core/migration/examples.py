"""Rows of another dashboard's export, and an administrator without some permissions."""

from core.models import Role, User
from tests.factories import RoleFactory, UserFactory

OWEN = {"id": "o", "email": "owen@new.example", "first_name": "Owen"}
ANA = {"id": "a", "email": "ana@new.example", "first_name": "Ana"}
TEAM = {"id": "t", "name": "North", "owner": "o"}
JOINED = {"team": "t", "person": "a", "role": "student"}


def seat(product, **values):
    return {
        "id": "s",
        "name": "Places",
        "product_type": product.productable_type,
        "product_id": product.productable_id,
        "places": 5,
        **values,
    }


def limited(*without: str) -> User:
    """Returns somebody who sees everything, and has all permissions but these."""
    codes = [code for code in Role.objects.get(code="administrator").permissions if code not in without]
    role = RoleFactory(name="Nearly", is_global=True, permissions=codes)
    return UserFactory(global_role=role, is_staff=True)
