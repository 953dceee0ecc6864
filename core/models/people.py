"""Users: administrators, team managers and students have the same kind of account."""

from collections import Counter
from typing import TYPE_CHECKING, Any

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Concat, Trim
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.functional import cached_property

from core.email_display import as_people_write
from core.folding import email_key, fold_person, normalize_email
from core.models.fields.folded import Folded, FoldedField, FoldedQuerySet
from core.models.fields.history import tracked
from core.models.teams import Membership, Role, Team, TeamQuerySet
from core.permissions.overrides import holding

if TYPE_CHECKING:
    from collections.abc import Iterable


NAME_LENGTH = 255
EMAIL_LENGTH = 254
MAX_WITHOUT_KEY = 500  # most accounts without an `email_key` that are compared; the worker fills those it can


def full_name(first_name: str, last_name: str, email: str) -> str:
    return f"{first_name} {last_name}".strip() or as_people_write(email)


class UserQuerySet(FoldedQuerySet["User"]):
    def of_address(self, email: str) -> "UserQuerySet":
        """The account with this e-mail address, ignoring case and the form of the domain."""
        return self.filter(email_key=email_key(email))

    def with_duplicate_address(self) -> "UserQuerySet":
        """Accounts that share one address by the rule of `email_key`. An older version took their addresses
        for different ones; the newer account of each pair has no key."""
        keyless = self.filter(email_key__isnull=True).order_by("pk").values_list("pk", "email")
        keys = {pk: email_key(email) for pk, email in keyless[:MAX_WITHOUT_KEY]}
        owners = dict(self.filter(email_key__in=set(keys.values())).order_by().values_list("email_key", "pk"))
        several = {key for key, count in Counter(keys.values()).items() if count > 1} | owners.keys()
        return self.filter(pk__in=[*owners.values(), *(pk for pk, key in keys.items() if key in several)])

    def update(self, **values: Any) -> int:
        if values.get("is_active") is False:
            values.setdefault("switched_off_at", timezone.now())
        return super().update(**values)

    def visible_to(self, viewer: "User") -> "UserQuerySet":
        """Administrators see all users, team managers the members of their teams, everybody themselves."""
        if viewer.sees_everything:
            return self
        mates = Membership.objects.filter(team__in=viewer.managed_teams())
        # A union of primary keys: for an OR the database would read every user.
        themselves = User.objects.order_by().filter(pk=viewer.pk)
        return self.filter(pk__in=themselves.values("pk").union(mates.order_by().values("user")))

    def own_people_of(self, viewer: "User") -> "UserQuerySet":
        """Users whose activity and tags the viewer may see too, not only the membership. For a team manager:
        members whose home team the viewer manages, and members without a home team who are not guests."""
        if viewer.sees_everything:
            return self
        mates = Membership.objects.filter(team__in=viewer.managed_teams())
        at_home = Q(home_team__in=viewer.managed_teams(), pk__in=mates.values("user"))
        homeless = Q(home_team__isnull=True, pk__in=mates.filter(as_guest=False).values("user"))
        return self.filter(Q(pk=viewer.pk) | at_home | homeless)

    def unassigned(self) -> "UserQuerySet":
        """Users in no team who should be in one: they came from Thinkific, and no default team was set.
        Without administrators, switched-off accounts and users that Thinkific no longer has."""
        people = self.filter(memberships__isnull=True, is_active=True, removed_at__isnull=True)
        return people.filter(is_staff=False, is_superuser=False, global_role__isnull=True)


class UserManager(BaseUserManager.from_queryset(UserQuerySet)):  # type: ignore[misc]
    def get_by_natural_key(self, username: str | None) -> "User":
        email = username or ""
        # Of two accounts with one address from an older version, the newer has no key: compare `email` too.
        # Always one query, so that the time it takes does not show whether the account exists.
        exactly = normalize_email(email)
        found = list(self.filter(Q(email=exactly) | Q(email_key=email_key(email))).order_by("pk")[:2])
        if not found:
            raise self.model.DoesNotExist("Nobody has this address.")
        return next((user for user in found if user.email == exactly), found[0])

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Create an account. Without a password nobody can sign in until one is set through a link by
        mail."""
        if not email:
            raise ValueError("An account needs an e-mail address.")
        user = self.model(email=normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(
            email, password, is_staff=True, is_superuser=True, is_dashboard_user=True, **fields
        )


class User(Folded, AbstractBaseUser, PermissionsMixin):
    """Any person whom the dashboard knows. The e-mail address is the login, unique by `email_key`."""

    NAMES = ("first_name", "last_name")
    SHARED = (*NAMES, "email")  # what Thinkific has too; of these a change is sent

    email = models.EmailField("e-mail", max_length=EMAIL_LENGTH)
    first_name = models.CharField(max_length=NAME_LENGTH, blank=True)
    last_name = models.CharField(max_length=NAME_LENGTH, blank=True)
    name = models.GeneratedField(
        expression=Trim(Concat("first_name", Value(" "), "last_name")),
        output_field=models.CharField(max_length=2 * NAME_LENGTH + 1),
        db_persist=True,
    )
    folded = FoldedField("first_name", "last_name", "email", how=fold_person)
    email_key = FoldedField("email", how=email_key)
    is_active = models.BooleanField(
        "active", default=True, help_text="Switch off instead of deleting an account."
    )
    # Kept when the account is switched on again, so that sessions and links from before stay invalid.
    switched_off_at = models.DateTimeField(null=True, blank=True, editable=False)
    is_staff = models.BooleanField("administrator", default=False, help_text="Works for the course company.")
    is_dashboard_user = models.BooleanField(
        default=False, help_text="Uses the dashboard: an administrator, an owner or a manager."
    )
    global_role = models.ForeignKey(
        Role,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="holders",
        db_index=False,
        limit_choices_to={"is_global": True},
        help_text="A role that holds everywhere, in every team.",
    )
    primary_team = models.ForeignKey(
        Team,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="primary_for",
        db_index=False,
        help_text="The team that the REST API uses for this user.",
    )
    home_team = models.ForeignKey(
        Team,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="home_of",
        db_index=False,
        help_text="The team that the account was made for. Its managers may change the account.",
    )
    tags: models.ManyToManyField = models.ManyToManyField(
        "core.Tag", blank=True, related_name="users", through="core.UserTag"
    )
    sso_enabled = models.BooleanField("single sign-on", default=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)
    last_activity_at = models.DateTimeField(null=True, blank=True, editable=False)

    # Mirrored from Thinkific.
    thinkific_id = models.BigIntegerField("Thinkific ID", null=True, blank=True, editable=False)
    thinkific_gid = models.CharField(max_length=100, blank=True, editable=False)
    thinkific_created_at = models.DateTimeField(null=True, blank=True, editable=False)
    thinkific_roles = models.JSONField(default=list, blank=True, editable=False)
    custom_profile_fields = models.JSONField(default=list, blank=True, editable=False)
    company = models.CharField(max_length=NAME_LENGTH, blank=True, editable=False)
    external_source = models.CharField(max_length=NAME_LENGTH, blank=True, editable=False)
    # A digest of Thinkific's last payload: the same digest again means that nothing changed. A database
    # trigger (migration 0004) clears it when anything but a pull changes a mirrored column.
    remote_digest = models.BigIntegerField(null=True, blank=True, editable=False)
    synced_at = models.DateTimeField(null=True, blank=True, editable=False)
    removed_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = UserManager()
    history = tracked(
        excluded_fields=[
            "password",
            "name",
            "folded",
            "email_key",
            "switched_off_at",
            "last_login",
            "last_activity_at",
            "updated_at",
            "synced_at",
            "remote_digest",
            "thinkific_gid",
            "thinkific_created_at",
            "thinkific_roles",
            "custom_profile_fields",
            "company",
            "external_source",
        ]
    )

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = []

    class Meta:
        ordering = ["-id"]
        permissions = [("impersonate_user", "Can impersonate users")]
        constraints = [
            models.UniqueConstraint(fields=["email"], name="one_user_per_email"),
            # The condition makes it an index on both databases; for a constraint SQLite would copy the table.
            models.UniqueConstraint(
                fields=["email_key"],
                condition=Q(email_key__isnull=False),
                name="one_user_per_email_ignoring_case",
            ),
            models.UniqueConstraint(fields=["thinkific_id"], name="one_user_per_thinkific_id"),
        ]
        indexes = [
            models.Index(fields=["name", "id"], name="user_name"),
            models.Index(fields=["created_at", "id"], name="user_created_at"),
            models.Index(fields=["removed_at"], name="user_removed", condition=Q(removed_at__isnull=False)),
            models.Index(fields=["is_staff"], name="user_staff", condition=Q(is_staff=True)),
            models.Index(fields=["id"], name="user_of_the_dashboard", condition=Q(is_dashboard_user=True)),
            models.Index(fields=["id"], name="user_unfolded", condition=Q(folded__isnull=True)),
            # Few users have one of these. A full index would make every row of a first pull slower.
            *(
                models.Index(fields=[name], name=f"user_{name}", condition=Q(**{f"{name}__isnull": False}))
                for name in ("global_role", "primary_team", "home_team")
            ),
        ]

    def __str__(self) -> str:
        return self.get_full_name()

    def clean(self) -> None:
        super().clean()
        self.email = normalize_email(self.email)

    def save(self, *args: Any, update_fields: "Iterable[str] | None" = None, **options: Any) -> None:
        if not self.is_active and (update_fields is None or "is_active" in update_fields):
            self.switched_off_at = timezone.now()
            update_fields = None if update_fields is None else [*update_fields, "switched_off_at"]
        super().save(*args, update_fields=update_fields, **options)

    def access_as_of(self) -> str:
        """Returns the values that sessions and signed links depend on. These become invalid for good when a
        value changes: a new password, another address, or switching the account off."""
        off = f"\n{self.switched_off_at.timestamp()}" if self.switched_off_at else ""
        return f"{self.password}\n{self.email}{off}"

    def _get_session_auth_hash(self, secret: str | bytes | None = None) -> str:
        """Django compares the result with the one stored when the session began."""
        salt = "core.models.User.session"
        return salted_hmac(salt, self.access_as_of(), secret=secret, algorithm="sha256").hexdigest()

    def get_full_name(self) -> str:
        """Returns the first and last name; the e-mail address when there is neither."""
        return full_name(self.first_name, self.last_name, self.email)

    def get_short_name(self) -> str:
        return self.first_name or self.shown_email

    @property
    def shown_email(self) -> str:
        """The address with its domain in Unicode: for screens, never for comparing."""
        return as_people_write(self.email)

    @property
    def sees_everything(self) -> bool:
        """Whether the user sees all teams: superusers and holders of a global role."""
        return self.is_active and (self.is_superuser or self.global_role_id is not None)

    def managed_teams(self) -> TeamQuerySet:
        """Returns the teams whose members the user may see: those where the user has "teams.view"."""
        managing = holding("teams.view", self._managing_roles, "memberships__")
        return Team.objects.filter(managing, memberships__user=self)

    @cached_property
    def team_roles(self) -> list[Role]:
        """The roles that are not global. Cached for the request of this user, like has_perm."""
        return list(Role.objects.filter(is_global=False))

    @property
    def _managing_roles(self) -> list[int]:
        # Compared in Python, as roles and codes are few: a JSON containment test would need one query for
        # PostgreSQL and another for SQLite.
        return [role.pk for role in self.team_roles if "teams.view" in role.permissions]
