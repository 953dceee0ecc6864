"""A local stand-in for Thinkific: REST v1, webhooks v2 and the GraphQL parts we use, on one address.

For demonstration, development, end-to-end tests and benchmarks. It knows nothing of Django.
"""

from .faults import Fault, Faults
from .generator import Scale
from .options import Options
from .sandbox import Sandbox, SpawnedSandbox, control_at, spawn_sandbox
from .site import Site

__all__ = [
    "Fault",
    "Faults",
    "Options",
    "Sandbox",
    "Scale",
    "Site",
    "SpawnedSandbox",
    "control_at",
    "spawn_sandbox",
]
