"""Translating Thinkific's rows into the column values of our models: pure functions, without the database.

Values that had to be corrected are recorded in `notes` (cleaning.py): for example a name that was cut to the
length of its column, or an amount that is no number.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from core.folding import split_name
from core.models import Product
from core.models.catalog import TITLE_LENGTH
from core.models.groups import GROUP_NAME_LENGTH
from core.models.people import NAME_LENGTH
from core.moments import happened
from integrations.thinkific.cleaning import (
    Notes,
    Unusable,
    clean_json,
    email_of,
    moment,
    progress,
)
from integrations.thinkific.client import schemas
from integrations.thinkific.client.schemas import parse_graphql_id

Values = dict[str, Any]


def user_row(user: schemas.User, notes: Notes, *, digest: int | None, now: datetime) -> Values:
    """Returns the values for core.services.mirror.people.USERS. Raises Unusable without an e-mail address."""
    what, created = f"User {user.id}", moment(user.created_at)
    first, last = user.first_name, user.last_name
    if not first and not last:
        first, last = split_name(user.full_name)
    return {
        "thinkific_id": user.id,
        "email": email_of(user.email),
        "first_name": notes.text(first, NAME_LENGTH, what, "first name").strip(),
        "last_name": notes.text(last, NAME_LENGTH, what, "last name").strip(),
        "company": notes.text(user.company, NAME_LENGTH, what, "company"),
        "external_source": notes.text(user.external_source, NAME_LENGTH, what, "external source"),
        "thinkific_roles": [clean_json(role) for role in user.roles or []],
        "custom_profile_fields": [
            {
                "label": clean_json(f.label),
                "value": clean_json(f.value),
                "id": f.custom_profile_field_definition_id,
            }
            for f in user.custom_profile_fields or []
        ],
        "thinkific_created_at": created,
        "removed_at": None,
        "remote_digest": digest,
        "synced_at": now,
        "updated_at": now,
        "created_at": min(created or now, now),
        "password": "!",
        "is_active": True,
    }


def person_of_enrollment(row: schemas.Enrollment) -> schemas.User:
    """Returns what an enrollment says about its student, for a student who is not stored here."""
    assert row.user_id is not None
    return schemas.User(id=row.user_id, email=row.user_email, full_name=row.user_name)


def person_of_node(user: schemas.GraphUser) -> schemas.User | None:
    """Returns the person of a GraphQL row; None if its id cannot be read."""
    number = parse_graphql_id(user.id)
    if number is None:
        return None
    return schemas.User(id=number, email=user.email, first_name=user.first_name, last_name=user.last_name)


def enrollment_row(
    row: schemas.Enrollment,
    *,
    user_id: int,
    product_id: int,
    digest: int | None,
    now: datetime,
    notes: Notes | None = None,
) -> Values:
    """Returns the values for core.services.mirror.enrollments.ENROLLMENTS.

    `user_id` and `product_id` are our primary keys.
    """
    share = None if row.percentage_completed is None else progress(row.percentage_completed)
    if share is None:
        digest = None  # so that every pull reads the row and reports the issue
        share = (notes or Notes()).progress(row.percentage_completed, f"Enrollment {row.id}")
    return {
        "thinkific_id": row.id,
        "user_id": user_id,
        "product_id": product_id,
        "percentage_completed": share,
        "is_free_trial": bool(row.is_free_trial),
        "activated_at": moment(row.activated_at),
        "started_at": moment(row.started_at),
        "completed_at": moment(row.completed_at),
        "expiry_date": moment(row.expiry_date),
        "remote_updated_at": happened(updated_at, now) if (updated_at := moment(row.updated_at)) else None,
        "thinkific_created_at": moment(row.created_at),
        "removed_at": None,
        "remote_digest": digest,
        "origin": "thinkific",
        "created_at": now,
    }


PRODUCT_TYPES: Mapping[str, str] = {"course": Product.Type.COURSE, "bundle": Product.Type.BUNDLE}


def product_row(product: schemas.Product, notes: Notes, *, site_url: str, now: datetime) -> Values:
    """Returns the values for core.services.mirror.catalog.PRODUCTS.

    Raises Unusable if the product is neither a course nor a bundle.
    """
    what = f"Product {product.id}"
    kind = PRODUCT_TYPES.get((product.productable_type or "").lower())
    if kind is None or product.productable_id is None:
        raise Unusable(f"It sells neither a course nor a bundle but “{product.productable_type}”.")
    return {
        "thinkific_id": product.id,
        "productable_type": kind,
        "productable_id": product.productable_id,
        "name": notes.text(product.name, TITLE_LENGTH, what, "name"),
        "slug": notes.text(product.slug, TITLE_LENGTH, what, "slug"),
        "description": notes.text(product.description, 1_000_000, what, "description"),
        "price": _price(notes.decimal(product.price, what, "price")),
        **({} if product.product_prices is None else {"currency": _currency(product.product_prices)}),
        "status": notes.text(product.status, 50, what, "status").lower(),
        "hidden": bool(product.hidden),
        "private": bool(product.private),
        "subscription": bool(product.subscription),
        "has_certificate": bool(product.has_certificate),
        "days_until_expiry": product.days_until_expiry,
        "card_image_url": on_site(notes.text(product.card_image_url, 1900, what, "image address"), site_url),
        "source": Product.Source.REST,
        "thinkific_created_at": moment(product.created_at),
        "removed_at": None,
        "synced_at": now,
    }


def product_node_row(node: schemas.ProductNode, notes: Notes, *, site_url: str, now: datetime) -> Values:
    """Returns the same values from GraphQL, without those that it does not have (price, certificate).

    Raises Unusable if the product is neither a course nor a bundle.
    """
    number, item = parse_graphql_id(node.id), parse_graphql_id(node.item_id)
    what = f"Product {node.id}"
    kind = PRODUCT_TYPES.get((node.item_type or "").lower())
    if kind is None or item is None or number is None:
        raise Unusable(f"It sells neither a course nor a bundle but “{node.item_type}”.")
    return {
        "thinkific_id": number,
        "productable_type": kind,
        "productable_id": item,
        "name": notes.text(node.name, TITLE_LENGTH, what, "name"),
        "slug": notes.text(node.slug, TITLE_LENGTH, what, "slug"),
        "description": notes.text(node.description, 1_000_000, what, "description"),
        "status": notes.text(node.status, 50, what, "status").lower(),
        "hidden": bool(node.hidden),
        "private": bool(node.private),
        "card_image_url": on_site(notes.text(node.card_image_url, 1900, what, "image address"), site_url),
        "source": Product.Source.GRAPHQL,
        "thinkific_created_at": moment(node.created_at),
        "removed_at": None,
        "synced_at": now,
    }


def _currency(prices: list[schemas.ProductPrice]) -> str:
    """Returns the currency of the primary price, else of the first one; empty if it is no currency code."""
    named = sorted(prices, key=lambda price: not price.is_primary)
    code = (named[0].currency or "").strip().upper() if named else ""
    return code if len(code) == 3 and code.isascii() and code.isalpha() else ""


def _price(value: Decimal | None) -> Decimal | None:
    return None if value is None else round(value, 2)


def on_site(url: str, site_url: str) -> str:
    """Returns a full address. Thinkific sometimes leaves out its own host."""
    return f"{site_url}{url}" if url.startswith("/") else url


def group_row(group: schemas.Group, notes: Notes) -> Values:
    what = f"Group {group.id}"
    return {
        "thinkific_id": group.id,
        "name": notes.text(group.name, GROUP_NAME_LENGTH, what, "name") or f"Group {group.id}",
        "token": notes.text(group.token, 100, what, "token"),
        "thinkific_created_at": moment(group.created_at),
        "removed_at": None,
    }


def quiz_row(quiz: schemas.Quiz, notes: Notes) -> Values:
    """Returns the name and the passing score of a quiz."""
    what = f"Quiz {quiz.id}"
    score = notes.decimal(quiz.passing_score, what, "passing score")
    return {
        "name": notes.text(quiz.name, TITLE_LENGTH, what, "name"),
        "passing_score": None if score is None or abs(score) >= 10_000 else round(score, 2),
    }


def submission_row(
    row: schemas.QuizSubmission, *, number: int, user_id: int, quiz_id: int, notes: Notes | None = None
) -> Values:
    """Returns the values for core.services.mirror.results.QUIZ_RESULTS; ids except `number` are ours."""
    notes, what = notes or Notes(), f"Quiz result {row.id}"
    return {
        "thinkific_id": number,
        "quiz_id": quiz_id,
        "user_id": user_id,
        "attempts": notes.count(row.attempts, what, "attempts"),
        "correct_count": notes.count(row.correct_count, what, "correct answers"),
        "incorrect_count": notes.count(row.incorrect_count, what, "wrong answers"),
        "passed": row.passed,
        "completed_at": moment(row.completed_at),
        "thinkific_created_at": moment(row.created_at),
        "removed_at": None,
    }


def certificate_row(
    row: schemas.Certificate, notes: Notes, *, user_id: int, product_id: int, site_url: str
) -> Values:
    """Returns the values for core.services.mirror.results.CERTIFICATES.

    `user_id` and `product_id` are our primary keys. Raises Unusable without a credential id.
    """
    credential = notes.text(
        None if row.issued_id is None else str(row.issued_id), 255, f"Certificate {row.id}", "number"
    )
    if not credential:
        raise Unusable("It has no credential id yet.")
    path = notes.text(row.pdf_download_path, 1900, f"Certificate {row.id}", "address")
    return {
        "thinkific_id": parse_graphql_id(row.id),
        "credential_id": credential,
        "user_id": user_id,
        "product_id": product_id,
        "issued_at": moment(row.issued_at),
        "expiry_date": moment(row.expiry_date),
        "url": on_site(path if "://" in path or path.startswith("/") else f"/{path}", site_url)
        if path
        else f"{site_url}/certificates/{credential}",
        "removed_at": None,
    }
