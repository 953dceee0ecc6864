"""A local stand-in for Thinkific: REST v1, webhooks v2 and the part of GraphQL that we use, on one address.

For demonstrations, development, end-to-end tests and benchmarks. It does not import Django.
"""

from integrations.thinkific.sandbox.options import Options
from integrations.thinkific.sandbox.sandbox import Sandbox, SpawnedSandbox, control_at, spawn_sandbox
from integrations.thinkific.sandbox.site.generator import Scale
from integrations.thinkific.sandbox.site.site import Site
from integrations.thinkific.sandbox.web.faults import Fault, Faults

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
