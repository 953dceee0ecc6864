"""Settings that an administrator changes while the site runs. Secrets are in secrets.py."""

from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models

from core import once
from core.formats import AMOUNTS
from core.models.fields.history import tracked
from core.models.fields.settings_checks import (
    DATE_FORMATS,
    DEFAULT_TEAM_NAME_LENGTH,
    MOST_DAYS,
    MOST_DEFAULT_TEAMS,
    MOST_PLACES,
    MOST_SEAT_TAGS,
    SUBDOMAIN,
    LinesOf,
    address_with_name,
    at_most,
    known_time_zone,
)
from core.models.files.settings import RetentionSettings
from core.models.tags_and_notes import TAG_NAME_LENGTH
from core.models.teams import Team


class SiteSettings(RetentionSettings):
    """One row. Read it with `SiteSettings.load()`."""

    class Winner(models.TextChoices):
        DASHBOARD = "dashboard", "The dashboard"
        THINKIFIC = "thinkific", "Thinkific"

    class ExpiryWinner(models.TextChoices):
        LAST = "last", "The seat that was used last, even when that shortens access"
        LONGEST = "longest", "The longest access"

    class ExpiryKind(models.TextChoices):
        DAYS = "days", "After a number of days"
        DATE = "date", "On a date"
        NEVER = "never", "Never"

    class PasswordMix(models.TextChoices):
        ANY = "any", "Any characters"
        LETTERS_AND_DIGITS = "letters_digits", "Letters and digits"
        FOUR_KINDS = "four_kinds", "Small and capital letters, digits and other signs"

    class Clock(models.TextChoices):
        TWENTY_FOUR = "24", "24 hours (17:30)"
        TWELVE = "12", "12 hours (5:30 PM)"

    # Localisation
    time_zone = models.CharField(
        max_length=64,
        blank=True,
        default="",
        db_default="",
        validators=[known_time_zone],
        help_text="Dates and times are shown in it, on all screens and in mails; days end at its midnight. "
        "Empty: the time zone of the environment (TIME_ZONE).",
    )
    date_format = models.CharField(max_length=10, choices=DATE_FORMATS, default="j M Y", db_default="j M Y")
    time_format = models.CharField(
        max_length=2, choices=Clock, default=Clock.TWENTY_FOUR, db_default=Clock.TWENTY_FOUR
    )
    default_currency = models.CharField(
        max_length=3,
        blank=True,
        default="",
        db_default="",
        validators=[
            RegexValidator(r"^[A-Z]{3}\Z", "Enter the three capital letters of a currency, such as USD.")
        ],
        help_text="Shown with prices for which Thinkific names no currency: three letters, such as USD.",
    )
    amount_format = models.CharField(
        "currency format",
        max_length=20,
        choices={example: example for example in AMOUNTS},
        default="1,234.50 USD",
        db_default="1,234.50 USD",
        help_text="How prices are written.",
    )

    email_sender = models.CharField(
        "sender of e-mails",
        max_length=200,
        default="B2B Dashboard <dashboard@localhost>",
        db_default="B2B Dashboard <dashboard@localhost>",
        validators=[address_with_name],
        help_text="The address that mails come from, with a name: Acme Academy <courses@acme.example>.",
    )

    # People
    default_team = models.ForeignKey(
        Team,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="Users from Thinkific without a team join this team. Empty: they are listed as unassigned.",
    )
    placeholder_last_name = models.CharField(
        max_length=50,
        default="-",
        help_text="Thinkific requires a last name; this one is sent for users without one.",
    )
    thinkific_welcome_email = models.BooleanField(
        "Thinkific's welcome e-mail",
        default=False,
        help_text="Sent by Thinkific to accounts created from here.",
    )
    welcome_email = models.BooleanField(
        "welcome e-mail",
        default=True,
        db_default=True,
        help_text="Add User sends a mail with a link to set a password, unless that is switched off there.",
    )
    password_min_length = models.PositiveSmallIntegerField(
        "shortest password",
        default=10,
        db_default=10,
        validators=[MinValueValidator(8), MaxValueValidator(64)],
        help_text="Characters that a new password has at least. Passwords that are set stay valid.",
    )
    password_mix = models.CharField(
        "new passwords contain",
        max_length=20,
        choices=PasswordMix,
        default=PasswordMix.ANY,
        db_default=PasswordMix.ANY.value,
    )
    session_days = models.PositiveSmallIntegerField(
        "days signed in",
        default=14,
        db_default=14,
        validators=[MinValueValidator(1), MaxValueValidator(365)],
        help_text="How many days a sign-in lasts. Who is signed in already keeps the days they had.",
    )
    registration_enabled = models.BooleanField(
        "sign-up links",
        default=False,
        db_default=False,
        help_text="People join teams by themselves, by links that team pages offer. Off: nobody makes one, "
        "and nobody joins by one. Whoever signs up gets one mail, which proves the address and leads to the "
        "choice of a password; so there is no other welcome mail.",
    )
    default_team_names = models.TextField(
        "default teams of organizations",
        blank=True,
        default="",
        db_default="",
        validators=[LinesOf(MOST_DEFAULT_TEAMS, DEFAULT_TEAM_NAME_LENGTH)],
        help_text="Names, one on each line. Add Organization offers to make these teams, each with the "
        "organization's name before it, as no two teams have the same name: Acme: Sales. Empty: none.",
    )
    default_max_members = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[at_most(MOST_PLACES)],
        help_text="How many people a new team may have at most. Empty: no limit.",
    )
    sign_in_by_link = models.BooleanField(
        "sign-in by e-mail link",
        default=True,
        db_default=True,
        help_text="The sign-in page offers a link by e-mail that signs in once, within 15 minutes. Passwords "
        "work as well.",
    )
    # Role code ("owner", "manager") -> the overrides that a new membership with this role begins with.
    default_overrides = models.JSONField("default permissions", null=True, blank=True, editable=False)
    # Seats and enrollments
    default_expiry_kind = models.CharField(
        "access ends",
        max_length=5,
        choices=ExpiryKind,
        default=ExpiryKind.DAYS,
        db_default=ExpiryKind.DAYS.value,
        help_text="Suggested for a new seat, and when somebody is enrolled and no seat decides.",
    )
    default_enrollment_days = models.PositiveIntegerField(
        default=365,
        validators=[at_most(MOST_DAYS)],
        help_text="For “After a number of days”. 0 means no expiry.",
    )
    default_expiry_date = models.DateField(
        "default end of access",
        null=True,
        blank=True,
        help_text="For “On a date”. Access ends at the end of this day.",
    )
    default_max_seats = models.PositiveIntegerField(
        default=10,
        validators=[at_most(MOST_PLACES)],
        help_text="How many places Add Seat suggests.",
    )
    default_seat_tags = models.TextField(
        blank=True,
        default="",
        db_default="",
        validators=[LinesOf(MOST_SEAT_TAGS, TAG_NAME_LENGTH)],
        help_text="Names of tags, one on each line, which Add Seat suggests. By its tags a seat is found in "
        "the list; people who are enrolled do not get them.",
    )
    seat_expiry_winner = models.CharField(
        "end of access through several seats",
        max_length=10,
        choices=ExpiryWinner,
        default=ExpiryWinner.LAST,
        db_default=ExpiryWinner.LAST.value,
        help_text="Which end counts when seats of several teams give one student the same product.",
    )
    bought_enrollments_take_places = models.BooleanField(
        "bought enrollments take places",
        default=True,
        db_default=True,
        help_text="An enrollment that a student bought takes a place on the seats of the student's teams.",
    )
    delete_students = models.BooleanField(
        "delete students in Thinkific",
        default=False,
        help_text="Deleting a student (whoever holds no right here) also deletes the Thinkific account. Off: "
        "it stays, and the next pull brings the person back without teams.",
    )
    delete_users = models.BooleanField(
        "delete users in Thinkific",
        default=False,
        help_text="The same for users: whoever holds a right here, as an administrator or by a team.",
    )
    delete_students_of_users = models.BooleanField(
        "delete the students of a user too",
        default=False,
        db_default=False,
        help_text="Deleting the owner of a personal team also deletes the team, and its students who are in "
        "no other team, with their records. Off: somebody else must own the team first.",
    )
    # Connection. Keys are in StoredSecret.
    thinkific_subdomain = models.CharField(
        "subdomain",
        max_length=100,
        blank=True,
        default="",
        db_default="",
        validators=[RegexValidator(r"^[A-Za-z0-9][A-Za-z0-9-]*\Z", SUBDOMAIN)],
        help_text="The first part of the site's address: acme, of acme.thinkific.com.",
    )
    thinkific_rate_limit = models.PositiveIntegerField(
        "requests a minute",
        default=120,
        db_default=120,
        validators=[MinValueValidator(1), at_most(1_000_000)],
        help_text="How many requests Thinkific allows, for all processes together. Most plans allow 120.",
    )
    # Sync
    conflict_winner = models.CharField(
        max_length=10,
        choices=Winner,
        default=Winner.DASHBOARD,
        help_text="Which side's name and e-mail are kept when both sides changed them since the last sync.",
    )
    mirror_group_removals = models.BooleanField(
        default=False,
        help_text="Automatic removals in both directions: a user who left a group in Thinkific leaves the "
        "team here, after a complete sync; a user who leaves a team here leaves its groups in Thinkific. "
        "Remove from Group works without it.",
    )
    deletion_guard_percent = models.PositiveSmallIntegerField(
        default=10,
        validators=[MinValueValidator(0), MaxValueValidator(100)],
        help_text="A run stops and asks if it would mark more than this percentage of a kind as removed.",
    )
    webhook_url = models.URLField("webhook URL", blank=True, help_text="Receives every event.")

    history = tracked()

    class Meta:
        verbose_name = verbose_name_plural = "settings"
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="one_row_of_settings")]

    def __str__(self) -> str:
        return "Settings"

    def save(self, *args: Any, **kwargs: Any) -> None:
        super().save(*args, **kwargs)
        once.forget("settings")

    @classmethod
    def load(cls) -> "SiteSettings":
        """Returns the settings. A request reads them at most once, and so does a task in ten seconds."""
        return once.read("settings", lambda: cls.objects.get_or_create(pk=1)[0])
