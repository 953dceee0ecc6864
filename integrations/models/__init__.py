"""Runs (requests to Thinkific), webhook events (what it reports), and state that all processes share."""

from integrations.models.budget import RequestBudget
from integrations.models.conflicts import SyncConflict
from integrations.models.connection import ConnectionState
from integrations.models.drift import Drift, DriftKind, DriftReport
from integrations.models.inbound_events import InboundEvent, WebhookSubscription
from integrations.models.kinds import ORDER, PULLED, Kind
from integrations.models.runs import COUNTS, KEPT_ERRORS, STALE_AFTER, SyncRun, SyncRunQuerySet
from integrations.models.schedules import LONGEST_INTERVAL, SyncSchedule
from integrations.models.web_turns import WebTurn
from integrations.models.workers import WorkerHeartbeat

__all__ = [
    "COUNTS",
    "KEPT_ERRORS",
    "LONGEST_INTERVAL",
    "ORDER",
    "PULLED",
    "STALE_AFTER",
    "ConnectionState",
    "Drift",
    "DriftKind",
    "DriftReport",
    "InboundEvent",
    "Kind",
    "RequestBudget",
    "SyncConflict",
    "SyncRun",
    "SyncRunQuerySet",
    "SyncSchedule",
    "WebTurn",
    "WebhookSubscription",
    "WorkerHeartbeat",
]
