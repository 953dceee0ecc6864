"""Where something is held about a person: every foreign key to accounts, by model and field. A new one has to
be named here (tests/core/exports/test_person.py): as rows about the person, as something that the person did,
or with the reason why it is neither.

Models of other apps are named, not imported: core stands below them.
"""

from collections.abc import Iterator

from django.apps import apps
from django.db.models import ForeignKey, ManyToManyField, Model

from core.models import User

# Rows about the person, with their columns.
ABOUT = {
    "core.Membership.user",
    "core.UserTag.user",
    "core.Note.user",
    "core.Enrollment.user",
    "core.QuizResult.user",
    "core.Certificate.user",
    "core.GroupMembership.user",
    "core.Invitation.user",
    "core.SignUp.user",
    "core.EmailChange.user",
    "core.SignInLink.user",
    "core.ThinkificOpening.user",
    "core.ImpersonationSession.impersonated",
    "core.Notice.user",
    "core.ShownColumns.user",
    "core.ApiToken.user",
    "core.ImportMapping.user",
    "core.Sale.buyer",
    "core.OutboxEntry.person",
    "core.UnreadRecords.user",
    "core.ExportFile.person",
    "core.HistoricalMembership.user",
    "core.HistoricalUserTag.user",
    "core.HistoricalNote.user",
    "core.HistoricalEnrollment.user",
    "core.HistoricalInvitation.user",
}
# What the person did, or stands for. Such a row is about something or somebody else: what, which and when.
DONE = {
    "admin.LogEntry.user",
    "core.Team.owner",
    "core.HistoricalTeam.owner",
    "core.EmailChange.asked_by",
    "core.Note.author",
    "core.HistoricalNote.author",
    "core.Invitation.invited_by",
    "core.HistoricalInvitation.invited_by",
    "core.ShortLink.made_by",
    "core.HistoricalShortLink.made_by",
    "core.SignUpLink.made_by",
    "core.HistoricalSignUpLink.made_by",
    "core.OutboxEntry.requested_by",
    "core.ImportBatch.created_by",
    "core.ExportFile.created_by",
    "core.Migration.created_by",
    "core.Migration.started_by",
    "core.Job.user",
    "core.SiteSettings.payments_account",
    "core.HistoricalSiteSettings.payments_account",
    "core.WebhookEndpoint.owner",
    "core.HistoricalWebhookEndpoint.owner",
    "core.WebhookDelivery.asked_by",
    "integrations.SyncConflict.settled_by",
    "integrations.Drift.repaired_by",
    "integrations.SyncRun.started_by",
    "integrations.SyncRun.watchers",
}
# Each table of history has them: who changed something, and who did so in the name of somebody else.
BY = ("history_user", "impersonator")
NOT_EXPORTED = {
    "core.Team.members": "the same as the memberships",
    "core.IdempotentCall.user": "answers of the REST API, kept for a day, which are about other people",
    "core.User_groups.user": "nobody is in one of Django's groups; roles give the permissions",
    "core.User_user_permissions.user": "the same",
    "integrations.SyncRun_watchers.user": "the table behind the watchers of runs",
}
# JSON that is copied from files and messages: those rows that have the person's address in it.
COPIES = {
    "core.ImportRow": "values",
    "core.WebhookDelivery": "payload",
    "core.StripeEvent": "payload",
    "integrations.InboundEvent": "payload",
}
# Names of others are stored beside the foreign keys to their accounts.
PEOPLE = {*BY, *(key.rpartition(".")[2] for key in DONE)}
# Secrets, and what is computed from other columns. Never in a file.
LEFT_OUT = {
    "password",
    "digest",
    "secret",
    "content",
    "folded",
    "plain",
    "email_key",
    "remote_digest",
    "sight",
    "claimed_by",
    "claimed_until",
}


def references() -> Iterator[tuple[type[Model], str]]:
    """Yields every foreign key to accounts, of all models."""
    for model in apps.get_models(include_auto_created=True):
        for field in (*model._meta.fields, *model._meta.many_to_many):
            if isinstance(field, ForeignKey | ManyToManyField) and field.related_model is User:
                yield model, field.name


def named(model: type[Model], field: str) -> str:
    return f"{model._meta.label}.{field}"
