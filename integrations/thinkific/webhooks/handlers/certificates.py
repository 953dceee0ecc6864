"""Storing the certificates in events of the topic enrollment.completed."""

from collections.abc import Iterable

from core.models import Certificate, Enrollment
from core.services.mirror.results import apply_certificates
from integrations.models import InboundEvent
from integrations.thinkific.cleaning import Notes
from integrations.thinkific.client import schemas
from integrations.thinkific.client.credentials import Credentials
from integrations.thinkific.mapping import certificate_row
from integrations.thinkific.webhooks import payloads
from integrations.thinkific.webhooks.batch import SOURCE


def store_certificates(completed: Iterable[tuple[payloads.Enrollment, InboundEvent]]) -> None:
    """Store the certificates that are new. Stored ones stay: the pull of certificates knows more of them."""
    told = {str(one.credential_id): (one, event) for one, event in completed}
    if not told:
        return
    known = set(
        Certificate.objects.filter(credential_id__in=list(told)).values_list("credential_id", flat=True)
    )
    enrollments = Enrollment.objects.filter(thinkific_id__in=[one.id for one, _ in told.values()]).order_by()
    owners = {row[0]: row[1:] for row in enrollments.values_list("thinkific_id", "user_id", "product_id")}
    rows, site_url = [], Credentials.from_settings().site_url
    for credential, (one, event) in told.items():
        if credential in known or one.id not in owners:
            continue
        user_id, product_id = owners[one.id]
        url = one.certificate_url or ""
        certificate = schemas.Certificate(
            id="",
            issued_id=one.credential_id,
            issued_at=one.completed_at or event.occurred_at or event.received_at,
            expiry_date=one.certificate_expiry_date,
            pdf_download_path=url if url.startswith(("https://", "http://", "/")) else None,
        )
        rows.append(
            certificate_row(certificate, Notes(), user_id=user_id, product_id=product_id, site_url=site_url)
        )
    apply_certificates(rows, source=SOURCE)
