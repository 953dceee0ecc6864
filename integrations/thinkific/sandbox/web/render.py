"""Rendering rows as they are sent. The encoded form is kept until the row changes."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from integrations.thinkific.sandbox.site.clock import iso, to_iso
from integrations.thinkific.sandbox.site.rows import Enrollment, User

if TYPE_CHECKING:
    from integrations.thinkific.sandbox.site.site import Site

encode = msgspec.json.Encoder().encode
GID_PREFIX = "5f0f0c1e-9f0b-4c15-9b53-"


def gid(user_id: int) -> str:
    """Returns the global id of a user, which only GraphQL has: a UUID. Here it ends with the user's id."""
    return f"{GID_PREFIX}{user_id:012d}"


class Renderer:
    def __init__(self, site: "Site") -> None:
        self.site = site

    def user(self, user: User) -> dict[str, Any]:
        definitions = self.site.profile_fields
        wire = {
            "id": user.id,
            "created_at": to_iso(user.created_at),
            "first_name": user.first_name,
            "last_name": user.last_name,
            "full_name": user.full_name,
            "company": user.company,
            "email": user.email,
            "roles": user.roles,
            "avatar_url": user.avatar_url,
            "bio": user.bio,
            "headline": user.headline,
            "affiliate_code": user.affiliate_code,
            "external_source": user.external_source,
            "affiliate_commission": user.affiliate_commission,
            "affiliate_commission_type": user.affiliate_commission_type,
            "affiliate_payout_email": user.affiliate_payout_email,
            "administered_course_ids": user.administered_course_ids,
            "custom_profile_fields": [
                {
                    "id": user.id * 10 + place,
                    "value": value,
                    "label": definitions[definition_id]["label"],
                    "custom_profile_field_definition_id": definition_id,
                }
                for place, (definition_id, value) in enumerate(user.profile)
            ],
        }
        return wire | user.raw if user.raw else wire

    def enrollment(self, row: Enrollment, now: int) -> dict[str, Any]:
        user = self.site.users.get(row.user_id)
        course = self.site.courses.get(row.course_id)
        wire = {
            "id": row.id,
            "created_at": to_iso(row.created_at),
            "user_email": user.email if user else None,
            "user_name": user.full_name if user else None,
            "user_id": row.user_id,
            "course_name": course["name"] if course else None,
            "course_id": row.course_id,
            "percentage_completed": row.percentage_completed,
            "expired": row.is_expired(now),
            "is_free_trial": row.activated_at is None,
            "completed": row.completed_at is not None,
            "started_at": iso(row.started_at),
            "activated_at": iso(row.activated_at),
            "completed_at": iso(row.completed_at),
            "updated_at": to_iso(row.updated_at),
            "expiry_date": iso(row.expiry_date),
        }
        return wire | row.raw if row.raw else wire

    def users_encoded(self, users: Iterable[User]) -> bytes:
        encoded = []
        for user in users:
            if user.cache is None:
                user.cache = encode(self.user(user))
            encoded.append(user.cache)
        return b",".join(encoded)

    def enrollments_encoded(self, rows: Iterable[Enrollment]) -> bytes:
        now = self.site.clock.now()
        encoded = []
        for row in rows:
            cached = row.cache
            # `expired` changes without a write, so kept bytes are valid only before or only after that time
            expired = row.expiry_date is not None and row.expiry_date <= now
            if cached is None or expired is not row.cached_as_expired:
                cached = row.cache = encode(self.enrollment(row, now))
                row.cached_as_expired = expired
            encoded.append(cached)
        return b",".join(encoded)

    def wires_encoded(self, rows: Iterable[Any]) -> bytes:
        return b",".join([encode(row) for row in rows])
