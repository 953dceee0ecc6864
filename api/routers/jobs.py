"""Jobs: what a call left to do."""

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from ninja import Router, Schema

from api import answers
from api.authentication import ApiRequest, Bearer
from api.documentation import example, responses
from api.resources import jobs
from api.resources.jobs import EXAMPLE, JobOut
from core.models import Job

router = Router(tags=["Jobs"], auth=Bearer())


class OneJob(Schema):
    data: JobOut


@router.get(
    "/jobs/{uuid:id}",
    response=responses(404, _200=OneJob),
    summary="View a job",
    openapi_extra=example(_200={"data": EXAMPLE}),
)
def view_job(request: ApiRequest, id: UUID) -> HttpResponse:
    """Returns how far the work is that a call with the answer 202 started. A failed job says why, in
    Thinkific's words. Only the issuer of the token that started it sees it, with any token."""
    job = get_object_or_404(Job, pk=id, user=request.issuer)
    return answers.answer(200, {"data": jobs.represent(job)})
