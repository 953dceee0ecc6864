"""The product's settings, with a cluster that looks at its schedules at once, not after half a minute."""

from project.settings import *  # noqa: F403

Q_CLUSTER = {**Q_CLUSTER, "guard_cycle": 30}  # noqa: F405
