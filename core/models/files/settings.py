"""The settings about how long things are kept."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from core.models.fields.settings_checks import MOST_DAYS, at_most
from core.models.payments.settings import PaymentSettings


class RetentionSettings(PaymentSettings):
    """Columns of SiteSettings."""

    retention_days = models.PositiveIntegerField(
        default=365,
        validators=[MinValueValidator(1, "Keep them for at least 1 day."), at_most(MOST_DAYS)],
        help_text="How many days these are kept: runs that ended, events from Thinkific, changes that were "
        "sent or discarded, notices, openings of Thinkific, exports whose file is gone, expired and revoked "
        "tokens. The worker deletes older ones every day. Never deleted: people and their records, the "
        "history, the record of impersonations.",
    )
    export_file_days = models.PositiveIntegerField(
        "days of exported files",
        default=7,
        db_default=7,
        validators=[MinValueValidator(1, "Keep them for at least 1 day."), MaxValueValidator(365)],
        help_text="How many days a file that was exported in the background can be downloaded. Then it is "
        "deleted; Exports still says who asked for it.",
    )
    import_file_days = models.PositiveIntegerField(
        "days of imported files",
        default=90,
        db_default=90,
        validators=[MinValueValidator(1, "Keep them for at least 1 day."), at_most(MOST_DAYS)],
        help_text="How many days the files themselves are kept that people have imported. Imports keeps what "
        "became of each row.",
    )

    class Meta:
        abstract = True
