"""The sizes of the sites that a run measures with, and their stand-ins."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from integrations.thinkific.sandbox import Scale, SpawnedSandbox, spawn_sandbox


@dataclass(frozen=True)
class Context:
    people: int
    enrollments_per_user: float
    rows: int  # in the long lists
    folder: Path
    repeats: int
    seconds: float  # the duration of webhooks and of pushes
    window: float  # the length of Thinkific's minute in seconds, for pulls under the request limit
    windows: int  # how many windows are measured one after the other

    @property
    def large(self) -> Scale:
        return Scale.bulk(self.people, enrollments_per_user=self.enrollments_per_user)

    @property
    def small(self) -> Scale:
        """A small site, for figures that do not depend on the size, or to check that they do not."""
        people = max(1000, min(self.people // 5, 10_000))
        return Scale.bulk(people, enrollments_per_user=self.enrollments_per_user)

    def sandbox(self, scale: Scale, **options: object) -> AbstractContextManager[SpawnedSandbox]:
        """Returns a stand-in in a process of its own, without limits unless options set some."""
        no_limits = {"rate_limit": 0, "graphql_points": 0, "concurrency": 0}
        return spawn_sandbox(scale, **(no_limits | options))
