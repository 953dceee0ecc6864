"""How large the sites are that a run measures with, and the stand-ins that serve them."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from integrations.thinkific.sandbox import Scale, SpawnedSandbox, spawn_sandbox


@dataclass(frozen=True)
class Context:
    people: int
    enrollments_per_user: float
    rows: int  # of the long lists
    folder: Path
    repeats: int
    seconds: float  # of webhooks and of pushes
    window: float  # seconds that Thinkific's minute takes, for pulls under the request limit
    windows: int  # of them, measured one after the other

    @property
    def large(self) -> Scale:
        return Scale.bulk(self.people, enrollments_per_user=self.enrollments_per_user)

    @property
    def small(self) -> Scale:
        """For figures that do not depend on the size, and as the second point of those that must not."""
        people = max(1000, min(self.people // 5, 10_000))
        return Scale.bulk(people, enrollments_per_user=self.enrollments_per_user)

    def sandbox(self, scale: Scale, **options: object) -> AbstractContextManager[SpawnedSandbox]:
        """A stand-in in a process of its own; without other options it has no limits."""
        no_limits = {"rate_limit": 0, "graphql_points": 0, "concurrency": 0}
        return spawn_sandbox(scale, **(no_limits | options))
