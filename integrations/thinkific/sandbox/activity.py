"""Activity on the site for demos: people make progress, take quizzes and sign up."""

import itertools
import logging
import threading
from collections import Counter
from random import Random
from typing import TYPE_CHECKING

from integrations.thinkific.sandbox.site.clock import DAY, to_iso
from integrations.thinkific.sandbox.site.enrollment_builder import quizzes_by_course
from integrations.thinkific.sandbox.site.people import COMPANIES, person
from integrations.thinkific.sandbox.site.rows import Enrollment

if TYPE_CHECKING:
    from integrations.thinkific.sandbox.site.site import Site

log = logging.getLogger(__name__)
NEWCOMERS_FROM = 500  # the demo's own people have lower numbers


class Activity:
    def __init__(self, site: "Site", *, seed: int) -> None:
        self.site = site
        self._random = Random(seed)  # noqa: S311 - invented lives
        self._pace = 0.0  # per minute
        self._changed = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._newcomers: Counter[int] = Counter()  # by company
        self._quizzes: dict[int, list[int]] = {}

    def set_pace(self, per_minute: float) -> None:
        self._pace = per_minute
        self._changed.set()
        if per_minute and self._thread is None:
            self._thread = threading.Thread(target=self._run, name="thinkific-sandbox-activity", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        self._stopping = True
        self._changed.set()
        if self._thread:
            self._thread.join(timeout=5)

    def step(self) -> str:
        """Let one thing happen, and return what."""
        with self.site.lock:
            draw = self._random.random()
            if draw < 0.08 or not len(self.site.enrollments):
                return self._sign_up()
            row = self._random.choice(self.site.enrollments.listing)
            if row.activated_at is None or row.is_expired(self.site.clock.now()):
                return self._sign_in(row)
            if draw < 0.25:
                return self._quiz(row)
            return self._progress(row)

    def _run(self) -> None:
        while not self._stopping:
            self._changed.clear()
            if self._changed.wait(60 / self._pace if self._pace else None):
                continue  # stopped, or at another pace
            try:
                self.step()
            except Exception:  # last resort: strange rows of a test must not end the activity
                log.exception("An activity failed")

    def _sign_up(self) -> str:
        company_index = self._random.randrange(len(COMPANIES))
        someone = next(
            candidate
            for n in itertools.count(NEWCOMERS_FROM + self._newcomers[company_index])
            if not self.site.user_by_email((candidate := person(company_index, n)).email)
        )
        self._newcomers[company_index] += 1
        fields = {
            "email": someone.email,
            "first_name": someone.first_name,
            "last_name": someone.last_name or "-",
            "company": someone.company,
        }
        user = self.site.write("create_user", fields=fields)
        group = self.site.group_named(COMPANIES[company_index].name)
        if group:
            self.site.write("add_to_groups", user_id=user.id, group_names=[group["name"]])
        now = self.site.clock.now()
        dates = {"activated_at": to_iso(now), "expiry_date": to_iso(now + 365 * DAY)}
        course = self._random.choice(self.site.courses.listing)
        self.site.write("enroll", user_id=user.id, course_id=course["id"], dates=dates)
        return "signed up"

    def _sign_in(self, row: Enrollment) -> str:
        if row.user_id in self.site.users:
            self.site.write("sign_in", user_id=row.user_id)
        return "signed in"

    def _quiz(self, row: Enrollment) -> str:
        self._quizzes = self._quizzes or quizzes_by_course(self.site)
        known = [quiz_id for quiz_id in self._quizzes.get(row.course_id, ()) if quiz_id in self.site.quizzes]
        if not known:
            return self._progress(row)
        quiz_id = self._random.choice(known)
        correct = self._random.randint(2, self.site.quizzes[quiz_id]["questions"])
        self.site.write("attempt_quiz", enrollment_id=row.id, quiz_id=quiz_id, correct=correct)
        return "took a quiz"

    def _progress(self, row: Enrollment) -> str:
        percent = round(float(row.percentage_completed) * 100)
        course = self.site.courses.get(row.course_id)
        if percent >= 100 or course is None:
            return self._sign_in(row)
        percent = min(100, percent + self._random.randint(4, 20))
        contents = [
            c for chapter in course["chapter_ids"] for c in self.site.chapters[chapter]["content_ids"]
        ]
        place = min(percent * len(contents) // 100, len(contents) - 1)
        self.site.write("complete_lesson", enrollment_id=row.id, content_id=contents[place], percent=percent)
        return "completed a lesson"
