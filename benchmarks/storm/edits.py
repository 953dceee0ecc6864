"""The edits during a kill storm: random ones, by the services that the screens call."""

import random
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from io import StringIO

from django.core.management import call_command
from django.db.models import QuerySet
from django.utils import timezone

from core.errors import Refusal
from core.models import (
    Enrollment,
    GroupAssignment,
    GroupMembership,
    Membership,
    Product,
    Role,
    SiteSettings,
    Team,
    ThinkificGroup,
    User,
)
from core.services import groups, memberships, people
from core.services.accounts import deletions
from core.services.accounts.email_changes import change_at_once
from core.services.directions import PUSHING
from core.services.enrollments import enrollments
from core.services.teams import leaving
from integrations.thinkific.sandbox import control_at

GROUPS, ASSIGNED = 12, 3  # at most


def prepare() -> None:
    """Pull the site and create two teams. One has a group whose added and removed members are sent to
    Thinkific. People who are deleted here are deleted in Thinkific."""
    call_command("sync", "products", "users", "groups", "enrollments", "--json", stdout=StringIO())
    settings = SiteSettings.load()
    settings.mirror_group_removals = settings.delete_students = settings.delete_users = True
    owner = User.objects.create_user("owner@storm.example", first_name="Olga", last_name="Owner")
    for name in ("Home", "Storm"):
        team = Team.objects.create(name=name, owner=owner)
        Membership.objects.create(team=team, user=owner, role=Role.objects.get(code="owner"))
    settings.default_team = Team.objects.get(name="Home")
    settings.save()
    group = groups.create(name="Storm people")
    groups.assign(group=group, team=Team.objects.get(name="Storm"))


class Editor:
    """Makes one random edit after the other, and counts them."""

    def __init__(self, dice: random.Random, stand_in: str) -> None:
        self.dice = dice
        self.stand_in = stand_in
        self.done: Counter[str] = Counter()
        self.student = Role.objects.get(code="student")
        self.storm = Team.objects.get(name="Storm")
        self.products = list(Product.objects.filter(removed_at__isnull=True).order_by("pk"))
        often: list[Callable[[], bool]] = [self.new_person, self.rename, self.enroll, self.move_end]
        self.actions = [
            *often,
            *often,
            self.link,
            self.make_account,
            self.change_address,
            self.delete,
            self.end,
            self.enroll_again,
            self.join_team,
            self.leave_team,
            self.join_group,
            self.leave_group,
            self.new_group,
        ]

    def edit(self) -> None:
        action = self.dice.choice(self.actions)
        try:
            self.done[action.__name__] += action()
        except Refusal:
            return

    def new_person(self) -> bool:
        number = self._number()
        user = people.create_user(email=f"p{number}@storm.example", first_name="Pat", last_name=f"N{number}")
        if self.dice.random() < 0.5:
            memberships.add_member(team=self.storm, user=user, role=self.student)
        if self.dice.random() < 0.5:
            enrollments.enroll_unchecked(student=user, products=[self.dice.choice(self.products)])
        return True

    def link(self) -> bool:
        """Create a person who has an account in Thinkific that is unknown here and has another name."""
        number = self._number()
        there = {"email": f"L{number}@Storm.example", "first_name": "Lee", "last_name": "There"}
        control_at(self.stand_in, "POST", "write/create_user", {"fields": there})
        people.create_user(email=f"l{number}@storm.example", first_name="Lee", last_name=f"N{number}")
        return True

    def make_account(self) -> bool:
        """Create the Thinkific account of a person who has none."""
        number = self._number()
        user = people.create_user(email=f"a{number}@storm.example", first_name="Abe", in_thinkific=False)
        people.create_thinkific_account(user)
        return True

    def rename(self) -> bool:
        people.update_user(self._somebody(), last_name=f"R{self._number()}")
        return True

    def change_address(self) -> bool:
        user = self._somebody()
        if self._has_an_account_unknown_to_us(user):
            return False
        change_at_once(user, f"m{self._number()}@storm.example", by=None, reason="corrected")
        return True

    def delete(self) -> bool:
        user = self._somebody()
        if self._has_an_account_unknown_to_us(user):
            return False
        deletions.delete(user, confirmed=deletions.describe(user))
        return True

    @staticmethod
    def _has_an_account_unknown_to_us(user: User) -> bool:
        """Returns whether the person comes from `link` and is not linked yet. Such people keep their address,
        because it is the only way to find their account."""
        return user.thinkific_id is None and user.email.startswith("l")

    def enroll(self) -> bool:
        chosen = self.dice.sample(self.products, self.dice.randint(1, 2))
        enrollments.enroll_unchecked(student=self._somebody(), products=chosen, expiry_date=self._some_day())
        return True

    def enroll_again(self) -> bool:
        one = self._some_enrollment(Enrollment.objects.filter(expiry_date__lte=timezone.now()))
        if one is not None:
            enrollments.enroll_unchecked(student=one.user, products=[one.product])
        return one is not None

    def move_end(self) -> bool:
        one = self._some_enrollment()
        return one is not None and bool(enrollments.change_expiry([one], expiry_date=self._some_day()))

    def end(self) -> bool:
        one = self._some_enrollment()
        return one is not None and bool(enrollments.expire([one]))

    def join_team(self) -> bool:
        memberships.add_member(team=self.storm, user=self._somebody(), role=self.student)
        return True

    def leave_team(self) -> bool:
        members = list(Membership.objects.filter(team=self.storm, role=self.student).order_by("pk"))
        if members:
            leaving.remove_members(team=self.storm, users=[self.dice.choice(members).user])
        return bool(members)

    def join_group(self) -> bool:
        assigned = GroupAssignment.objects.filter(direction__in=PUSHING).order_by("pk")
        groups.add_member(group=self.dice.choice(list(assigned)).group, user=self._somebody())
        return True

    def leave_group(self) -> bool:
        assigned = GroupAssignment.objects.filter(direction__in=PUSHING).values("group")
        members = GroupMembership.objects.filter(group__in=assigned, removed_at__isnull=True).order_by("pk")
        if found := list(members):
            groups.remove_member(self.dice.choice(found))
        return bool(found)

    def new_group(self) -> bool:
        if ThinkificGroup.objects.count() >= GROUPS:
            return False
        group = groups.create(name=f"Group {self._number()}")
        if GroupAssignment.objects.count() < ASSIGNED:
            groups.assign(group=group, team=self.storm)
        return True

    def _number(self) -> int:
        return self.dice.randrange(10**9)

    def _somebody(self) -> User:
        return User.objects.get(
            pk=self.dice.choice(list(User.objects.order_by("pk").values_list("pk", flat=True)))
        )

    def _some_enrollment(self, among: QuerySet[Enrollment] | None = None) -> Enrollment | None:
        rows = Enrollment.objects.all() if among is None else among
        keys = list(rows.order_by("pk").values_list("pk", flat=True))
        return Enrollment.objects.get(pk=self.dice.choice(keys)) if keys else None

    def _some_day(self) -> datetime | None:
        return self.dice.choice([None, timezone.now() + timedelta(days=self.dice.randint(1, 400))])
