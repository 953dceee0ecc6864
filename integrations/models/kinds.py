"""The kinds of runs."""

from django.db import models


class Kind(models.TextChoices):
    USERS = "users", "Users"
    PRODUCTS = "products", "Products"
    CONTENT = "content", "Course content"
    ENROLLMENTS = "enrollments", "Enrollments"
    GROUPS = "groups", "Groups"
    QUIZ_RESULTS = "quiz_results", "Quiz results"
    CERTIFICATES = "certificates", "Certificates"
    # These two pull nothing: one compares both sides, the other repairs the differences that a person chose.
    RECONCILIATION = "reconciliation", "Reconciliation"
    REPAIR = "repair", "Repair of drift"


# The one order in which kinds are pulled and compared: a row must exist before what refers to it.
ORDER = (
    Kind.PRODUCTS,
    Kind.USERS,
    Kind.GROUPS,
    Kind.ENROLLMENTS,
    Kind.CONTENT,
    Kind.QUIZ_RESULTS,
    Kind.CERTIFICATES,
)
PULLED = tuple(kind for kind in Kind if kind in ORDER)
