"""The state of one invented Thinkific site. All changes go through `Site.write`."""

import hashlib
import itertools
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

import msgspec

from integrations.thinkific.sandbox.options import Options
from integrations.thinkific.sandbox.site.clock import Clock
from integrations.thinkific.sandbox.site.generator import Scale, fill
from integrations.thinkific.sandbox.site.rows import Certificate, Enrollment, Submission, User
from integrations.thinkific.sandbox.site.table import Table
from integrations.thinkific.sandbox.web.render import Renderer
from integrations.thinkific.sandbox.writes import WRITES

Wire = dict[str, Any]
Listener = Callable[[str, Wire], None]

KEPT_FOR = 1000  # milliseconds


class Site:
    def __init__(self) -> None:
        self.lock = threading.RLock()  # for requests, tests and the activity thread
        self.clock = Clock()
        self.options = Options()
        self.origin: Wire = {}  # scale, seed and date, for the journal
        self.version = 0  # grows with every write; kept answers of older versions are not used
        self.render = Renderer(self)

        self.users: Table[User] = Table(90001)
        self.enrollments: Table[Enrollment] = Table(700001)
        # The ids of courses, bundles and (on a large site) products overlap, so that a client that confuses
        # them fails.
        self.courses: Table[Wire] = Table(3001)
        self.bundles: Table[Wire] = Table(3002)
        self.products: Table[Wire] = Table(4001)
        self.chapters: Table[Wire] = Table(50001)
        self.contents: Table[Wire] = Table(150001)
        self.quizzes: Table[Wire] = Table(6601)
        self.groups: Table[Wire] = Table(331)
        self.orders: Table[Wire] = Table(610001)
        self.profile_fields: Table[Wire] = Table(71)
        self.collections: Table[Wire] = Table(11)
        self.instructors: Table[Wire] = Table(61)
        self.promotions: Table[Wire] = Table(801)
        self.coupons: Table[Wire] = Table(8101)
        self.reviews: Table[Wire] = Table(9301)
        self.submissions: Table[Submission] = Table(88001)
        self.certificates: Table[Certificate] = Table(99001)

        self.user_id_by_email: dict[str, int] = {}
        self.external_ids: dict[tuple[str, str], int] = {}  # (provider, external id) -> user id
        self.enrollments_of: defaultdict[int, list[Enrollment]] = defaultdict(list)
        self.enrollments_in: defaultdict[int, list[Enrollment]] = defaultdict(list)
        self.members: defaultdict[int, dict[int, None]] = defaultdict(dict)  # group -> users, in order
        self.analysts: defaultdict[int, dict[int, None]] = defaultdict(dict)
        self.holders: defaultdict[int, dict[int, None]] = defaultdict(dict)  # bundle -> users
        self.builder_courses: set[int] = set()  # made with the newer builder: REST does not show them
        self.course_of_chapter: dict[int, int] = {}
        self.quiz_of_content: dict[int, int] = {}
        self.reviewed_assignments: dict[int, tuple[str, int]] = {}  # submission -> (status, when)
        self.product_updates: dict[int, int] = {}  # product -> when; REST does not show it
        self.subscriptions: dict[str, Wire] = {}  # webhooks
        self.subscription_numbers = itertools.count(1)
        self.pending: list[tuple[int, str, Wire]] = []  # accepted writes that take effect later

        self.listeners: list[Listener] = []
        self.recorders: list[Callable[[int, str, Wire], None]] = []
        self._answers: dict[Any, tuple[int, int, list[Any]]] = {}
        self._depth = 0

    @classmethod
    def generate(cls, scale: Scale | None = None, *, seed: int = 1, as_of: datetime | None = None) -> "Site":
        """Returns a site of any size.

        The same scale, seed and `as_of` (default: this hour) give the same rows.
        """
        site = cls()
        fill(site, scale or Scale.demo(), seed=seed, as_of=as_of)
        return site

    # -- questions -----------------------------------------------------------------------------------

    def user_by_email(self, email: str) -> User | None:
        return self.users.get(self.user_id_by_email.get(email.lower()))

    def enrollments_for(self, user_id: int, course_id: int) -> list[Enrollment]:
        return [e for e in self.enrollments_of.get(user_id, ()) if e.course_id == course_id]

    def bundle_enrollments(self, bundle_id: int) -> list[Enrollment]:
        """Returns the course enrollments of the people who are enrolled in the bundle."""
        courses = set(self.bundles[bundle_id]["course_ids"])
        return [
            e
            for user_id in self.holders.get(bundle_id, ())
            for e in self.enrollments_of.get(user_id, ())
            if e.course_id in courses
        ]

    def group_named(self, name: str) -> Wire | None:
        groups = [group for group in self.groups if group["name"] == name]
        if not groups and self.options.group_names == "any_case":
            groups = [group for group in self.groups if group["name"].lower() == name.lower()]
        return groups[0] if groups else None

    def answer(self, key: Any, build: Callable[[], Iterable[Any]]) -> list[Any]:
        """Returns the rows of `build`, and keeps them until the next write: page 2 needs no new search.

        They are kept for at most KEPT_FOR milliseconds, because enrollments expire without a write.
        """
        now = self.clock.now()
        known = self._answers.get(key)
        if known and known[0] == self.version and 0 <= now - known[1] <= KEPT_FOR:
            return known[2]
        if len(self._answers) >= 64:
            self._answers.clear()
        rows = list(build())
        self._answers[key] = (self.version, now, rows)
        return rows

    # -- changes -------------------------------------------------------------------------------------

    def write(self, name: str, /, **arguments: Any) -> Any:
        """Change the site by a function of WRITES, and return its result. Every change goes through here.

        The journal records the write, so that it can be repeated.
        """
        with self.lock:
            self._depth += 1
            try:
                moment = self.clock.now()
                with self.clock.pinned(moment):
                    result = WRITES[name](self, **arguments)
            finally:
                self._depth -= 1
                self.version += 1
            if self._depth == 0:
                for record in self.recorders:
                    record(moment, name, arguments)
            return result

    def replay(self, moment: int, name: str, arguments: Wire) -> None:
        """Repeat a write of the journal at its own time, without events."""
        listeners, recorders = self.listeners, self.recorders
        self.listeners, self.recorders = [], []
        try:
            with self.lock, self.clock.pinned(moment):
                self.write(name, **arguments)
        finally:
            self.listeners, self.recorders = listeners, recorders

    def carry_out_pending(self) -> None:
        """Carry out the accepted writes that are due now."""
        if self.pending and min(due for due, _, _ in self.pending) <= self.clock.now():
            self.write("settle")

    def announce(self, topic: str, payload: Wire) -> None:
        for listener in self.listeners:
            listener(topic, payload)

    # -- comparing -----------------------------------------------------------------------------------

    def counts(self) -> dict[str, int]:
        tables = {name: len(value) for name, value in vars(self).items() if isinstance(value, Table)}
        sets = {"members": self.members, "analysts": self.analysts, "bundle_holders": self.holders}
        return tables | {name: sum(map(len, value.values())) for name, value in sets.items()}

    def digests(self) -> dict[str, str]:
        """Returns one hash for each kind of row. It depends on the rows and not on their order."""
        with self.lock:
            now = self.clock.now()
            return {
                "users": _digest(self.render.user(u) for u in self.users),
                "enrollments": _digest(self.render.enrollment(e, now) for e in self.enrollments),
                "groups": _digest(iter(self.groups)),
                "members": _digest({"id": g, "users": sorted(users)} for g, users in self.members.items()),
                "products": _digest(iter(self.products)),
                "submissions": _digest(msgspec.to_builtins(s) for s in self.submissions),
                "certificates": _digest(msgspec.to_builtins(c) for c in self.certificates),
            }


def _digest(rows: Iterable[Wire]) -> str:
    """Returns the sum of the rows' hashes, which does not depend on their order."""
    total = 0
    for row in rows:
        encoded = msgspec.json.encode(row, order="sorted")
        total += int.from_bytes(hashlib.blake2b(encoded, digest_size=16).digest())
    return f"{total % 2**128:032x}"
