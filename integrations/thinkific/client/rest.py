"""The Admin REST API v1: pages of lists, single objects, searches and writes."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, TypeVar

from core.folding import email_key, normalize_email
from integrations.thinkific.client import schemas
from integrations.thinkific.client.answers import Answer, read_object
from integrations.thinkific.client.decoding import PAGE_SIZE, Page, decode_page
from integrations.thinkific.client.paging import Watch
from integrations.thinkific.client.transport import Transport

T = TypeVar("T")


class Rest:
    """Thinkific's Admin REST API v1, on a transport."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        # When we last knew all enrollments of a user, by user id (`time.monotonic()`).
        self.enrollments_known_at: dict[int, float] = {}

    # --- lists: one page each, or all of it ---------------------------------------------------------------

    def list_page(
        self,
        path: str,
        row_type: type[T],
        page: int = 1,
        limit: int = PAGE_SIZE,
        filters: Mapping[str, Any] | None = None,
    ) -> Page[T]:
        """Returns one page (from 1) of a list. Filters are sent as `query[name]`, unless they are None."""
        params: dict[str, Any] = {"page": page, "limit": limit}
        params |= {f"query[{name}]": value for name, value in (filters or {}).items()}

        def read(answer: Answer) -> Page[T]:
            found = decode_page(answer.body, row_type, page=page, asked=limit, what=answer.request)
            found.rate = answer.rate
            return found

        return self.transport.perform("GET", path, params, read=read)

    def list_all(self, path: str, row_type: type[T], filters: Mapping[str, Any] | None = None) -> Iterator[T]:
        """Yields every row of a list. Raises Endless (a RetryLater) for a list without end."""
        return all_pages(lambda page: self.list_page(path, row_type, page, PAGE_SIZE, filters), path)

    def users_page(
        self, page: int = 1, limit: int = PAGE_SIZE, *, email: str | None = None, group_id: int | None = None
    ) -> Page[schemas.User]:
        return self.list_page("/users", schemas.User, page, limit, {"email": email, "group_id": group_id})

    def courses_page(self, limit: int) -> Page[schemas.Course]:
        return self.list_page("/courses", schemas.Course, limit=limit)

    def course_chapters_page(self, course_id: int, page: int) -> Page[schemas.Chapter]:
        return self.list_page(f"/courses/{course_id}/chapters", schemas.Chapter, page)

    def chapter_contents_page(self, chapter_id: int, page: int) -> Page[schemas.Content]:
        return self.list_page(f"/chapters/{chapter_id}/contents", schemas.Content, page)

    def enrollments_page(self, limit: int, *, user_id: int | None) -> Page[schemas.Enrollment]:
        return self.list_page("/enrollments", schemas.Enrollment, 1, limit, {"user_id": user_id})

    def bundle_enrollments_page(
        self, bundle_id: int, page: int, *, user_id: int | None
    ) -> Page[schemas.Enrollment]:
        """Returns the course enrollments that came with a bundle, one row per course. `bundle_id` is its
        productable_id."""
        path = f"/bundles/{bundle_id}/enrollments"
        return self.list_page(path, schemas.Enrollment, page, filters={"user_id": user_id})

    # --- one object ---------------------------------------------------------------------------------------

    def get_user(self, user_id: int) -> schemas.User:
        return self._get(f"/users/{user_id}", schemas.User)

    def get_enrollment(self, enrollment_id: int) -> schemas.Enrollment:
        return self._get(f"/enrollments/{enrollment_id}", schemas.Enrollment)

    def get_product(self, product_id: int) -> schemas.Product:
        return self._get(f"/products/{product_id}", schemas.Product)

    def get_course(self, course_id: int) -> schemas.Course:
        return self._get(f"/courses/{course_id}", schemas.Course)

    def get_bundle(self, bundle_id: int) -> schemas.Bundle:
        """`bundle_id` is the productable_id of a product of type Bundle."""
        return self._get(f"/bundles/{bundle_id}", schemas.Bundle)

    def get_group(self, group_id: int) -> schemas.Group:
        return self._get(f"/groups/{group_id}", schemas.Group, unwrap="group")

    # --- searches -----------------------------------------------------------------------------------------

    def find_user_by_email(self, email: str) -> schemas.User | None:
        """Returns the user with this e-mail address, in any way of writing it. Thinkific's filter may return
        others, so the addresses are compared here."""
        return self._user_with(email, {"email": normalize_email(email)})

    def search_user_by_email(self, email: str) -> schemas.User | None:
        """Does the same without the filter, which may be case-sensitive: reads all users, 250 per request."""
        return self._user_with(email, {})

    def _user_with(self, email: str, filters: Mapping[str, Any]) -> schemas.User | None:
        key, exactly, similar = email_key(email), normalize_email(email), None
        for user in self.list_all("/users", schemas.User, filters):
            told = user.email or ""
            if normalize_email(told) == exactly:
                return user
            if similar is None and email_key(told) == key:
                similar = user
        return similar

    def find_enrollments(self, user_id: int, course_id: int | None = None) -> list[schemas.Enrollment]:
        """Returns all enrollments of this user (in this course), also expired ones: there may be several."""
        rows = self.list_all("/enrollments", schemas.Enrollment, {"user_id": user_id, "course_id": course_id})
        return [row for row in rows if row.user_id == user_id and course_id in (None, row.course_id)]

    def find_group_by_name(self, name: str) -> schemas.Group | None:
        """Returns the group with this name, else one whose name differs only by case. Spaces around names do
        not count. Reads all groups: there is no filter."""
        wanted, similar = name.strip(), None
        for group in self.list_all("/groups", schemas.Group, {}):
            told = (group.name or "").strip()
            if told == wanted:
                return group
            if similar is None and told.casefold() == wanted.casefold():
                similar = group
        return similar

    # --- writes -------------------------------------------------------------------------------------------

    def create_user(self, fields: Mapping[str, Any]) -> schemas.User:
        """Creates a user. `email`, `first_name` and `last_name` are required."""
        return self._create("/users", fields, schemas.User)

    def update_user(self, user_id: int, fields: Mapping[str, Any]) -> None:
        """Changes the given fields only. Thinkific returns nothing: get the user again to see the result."""
        self.transport.request("PUT", f"/users/{user_id}", json=dict(fields))

    def delete_user(self, user_id: int) -> bool:
        """Deletes the user for good, with progress and results. Returns False when there was no such user."""
        return self.transport.delete(f"/users/{user_id}")

    def create_enrollment(
        self, *, user_id: int, course_id: int, activated_at: datetime, expiry_date: datetime | None = None
    ) -> schemas.Enrollment:
        """Creates an enrollment. `activated_at` is required: without it Thinkific makes a free trial."""
        fields = {"user_id": user_id, "course_id": course_id, "activated_at": activated_at}
        return self._create("/enrollments", fields | _given(expiry_date=expiry_date), schemas.Enrollment)

    def update_enrollment(
        self, enrollment_id: int, *, expiry_date: datetime | None, activated_at: datetime | None = None
    ) -> None:
        """Sets the end, and the start where it is given. No end is sent as null; Thinkific does not document
        what that does."""
        body = {"expiry_date": expiry_date} | _given(activated_at=activated_at)
        self.transport.request("PUT", f"/enrollments/{enrollment_id}", json=body)

    def create_bundle_enrollment(
        self, bundle_id: int, *, user_id: int, activated_at: datetime, expiry_date: datetime | None = None
    ) -> bool:
        """Returns True when the course enrollments exist now (201), False when they are made later (202)."""
        body = {"user_id": user_id, "activated_at": activated_at} | _given(expiry_date=expiry_date)
        return self.transport.request("POST", f"/bundles/{bundle_id}/enrollments", json=body).status != 202

    def update_bundle_enrollment(
        self,
        bundle_id: int,
        *,
        user_id: int,
        expiry_date: datetime | None,
        activated_at: datetime | None = None,
    ) -> None:
        """Sets the dates of all of the bundle's courses of this user, as update_enrollment does."""
        body = {"user_id": user_id, "expiry_date": expiry_date} | _given(activated_at=activated_at)
        self.transport.request("PUT", f"/bundles/{bundle_id}/enrollments", json=body)

    def create_group(self, name: str) -> schemas.Group:
        return self._create("/groups", {"name": name}, schemas.Group, unwrap="group")

    def add_user_to_groups(self, user_id: int, group_names: Iterable[str]) -> None:
        """Adds a user to groups by their names. Raises Rejected when a name is unknown."""
        self.transport.request(
            "POST", "/group_users", json={"user_id": user_id, "group_names": list(group_names)}
        )

    # --- shared ------------------------------------------------------------------------------------------

    def _get(self, path: str, row_type: type[T], *, unwrap: str = "") -> T:
        return self.transport.perform("GET", path, read=lambda answer: read_object(answer, row_type, unwrap))

    def _create(self, path: str, fields: Mapping[str, Any], row_type: type[T], *, unwrap: str = "") -> T:
        return self.transport.perform(
            "POST", path, json=dict(fields), read=lambda answer: read_object(answer, row_type, unwrap)
        )


def all_pages(ask: Callable[[int], Page[T]], what: str) -> Iterator[T]:
    """Yields the rows of all pages; `ask` returns a page by its number, from 1. Raises Endless."""
    watch, number = Watch(), 1
    while True:
        page = ask(number)
        yield from page.items
        if page.is_last:
            return
        watch.check([getattr(row, "id", 0) or 0 for row in page.items], f"The list {what}")
        number += 1


def _given(**fields: datetime | None) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
