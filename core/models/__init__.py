from core.models.accounts.allowances import Allowance
from core.models.accounts.email_changes import EmailChange
from core.models.accounts.impersonations import ImpersonationSession
from core.models.accounts.notices import Notice
from core.models.accounts.shown_columns import ShownColumns
from core.models.accounts.sign_in_links import SignInLink
from core.models.accounts.unread_records import UnreadRecords
from core.models.api.calls import IdempotentCall
from core.models.api.jobs import Job, JobChange
from core.models.api.tokens import ApiToken
from core.models.catalog import BundleItem, Chapter, Lesson, Product, Quiz
from core.models.emails import EmailText
from core.models.enrollments import Enrollment
from core.models.files.exports import ExportFile, ExportPiece
from core.models.files.imports import ImportBatch, ImportFilePart, ImportMapping, ImportRow
from core.models.files.migrations import Migration, MigrationCount, MigrationPart, MigrationRow
from core.models.groups import Direction, GroupAssignment, GroupMembership, ThinkificGroup
from core.models.invitations import Invitation
from core.models.opening.openings import ThinkificOpening
from core.models.opening.short_links import ShortLink
from core.models.outbox import OutboxEntry
from core.models.payments.events import StripeEvent
from core.models.payments.sales import Sale, SalePlaces
from core.models.people import User
from core.models.results import Certificate, QuizResult
from core.models.seats import Seat, SeatAssignment, SeatTag
from core.models.secrets import StoredSecret
from core.models.sign_up import SignUp, SignUpLink
from core.models.site import SiteSettings
from core.models.tags_and_notes import Note, Tag, UserTag
from core.models.teams import Membership, Organization, Role, Team
from core.models.webhooks import WebhookDelivery, WebhookEndpoint

__all__ = [
    "Allowance",
    "ApiToken",
    "BundleItem",
    "Certificate",
    "Chapter",
    "Direction",
    "EmailChange",
    "EmailText",
    "Enrollment",
    "ExportFile",
    "ExportPiece",
    "GroupAssignment",
    "GroupMembership",
    "IdempotentCall",
    "ImpersonationSession",
    "ImportBatch",
    "ImportFilePart",
    "ImportMapping",
    "ImportRow",
    "Invitation",
    "Job",
    "JobChange",
    "Lesson",
    "Membership",
    "Migration",
    "MigrationCount",
    "MigrationPart",
    "MigrationRow",
    "Note",
    "Notice",
    "Organization",
    "OutboxEntry",
    "Product",
    "Quiz",
    "QuizResult",
    "Role",
    "Sale",
    "SalePlaces",
    "Seat",
    "SeatAssignment",
    "SeatTag",
    "ShortLink",
    "ShownColumns",
    "SignInLink",
    "SignUp",
    "SignUpLink",
    "SiteSettings",
    "StoredSecret",
    "StripeEvent",
    "Tag",
    "Team",
    "ThinkificGroup",
    "ThinkificOpening",
    "UnreadRecords",
    "User",
    "UserTag",
    "WebhookDelivery",
    "WebhookEndpoint",
]
