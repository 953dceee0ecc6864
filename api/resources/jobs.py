"""Jobs as the API shows them."""

from typing import Annotated, Any, Literal

from ninja import Schema
from pydantic import Field

from api.answers import moment
from core.models import Job
from core.services.api import jobs


class JobError(Schema):
    object: str
    id: int
    message: str


class JobOut(Schema):
    id: str
    kind: str
    status: Literal["queued", "running", "done", "failed"]
    total: Annotated[
        int, Field(description="How many changes: one for each enrollment, and for an account that is made.")
    ]
    done: int
    failed: int
    errors: list[JobError]
    created_at: str
    finished_at: str | None


EXAMPLE = {
    "id": "6f1f8a52-8a52-4c7e-9a53-3b0f4f8f8a52",
    "kind": "enroll",
    "status": "failed",
    "total": 2,
    "done": 1,
    "failed": 1,
    "errors": [{"object": "enrollment", "id": 90, "message": "Thinkific: Course is not available."}],
    "created_at": "2026-01-05T09:00:00Z",
    "finished_at": "2026-01-05T09:00:03Z",
}


def represent(job: Job) -> dict[str, Any]:
    """Returns a job with its state now. Makes a constant number of queries."""
    state = jobs.state(job)
    return {
        "id": str(job.pk),
        "kind": job.kind,
        "status": state.status,
        "total": state.total,
        "done": state.done,
        "failed": state.failed,
        "errors": state.errors,
        "created_at": moment(job.created_at),
        "finished_at": moment(state.finished_at),
    }
