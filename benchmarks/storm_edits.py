"""What people do during a kill storm: random edits by the services that the screens call. Needs Django."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from io import StringIO

from django.core.management import call_command
from django.utils import timezone

from core.errors import Refusal
from core.models import (
    Enrollment,
    GroupAssignment,
    Membership,
    Product,
    Role,
    SiteSettings,
    Team,
    ThinkificGroup,
    User,
)
from core.services import enrollments, groups, people, teams


def prepare() -> None:
    """Mirror the site; two teams, one of them with a group that sends people to Thinkific and takes out."""
    call_command("sync", "products", "users", "groups", "enrollments", "--json", stdout=StringIO())
    settings = SiteSettings.load()
    settings.mirror_group_removals = True
    owner = User.objects.create_user("owner@storm.example", first_name="Olga", last_name="Owner")
    for name in ("Home", "Storm"):
        team = Team.objects.create(name=name, owner=owner)
        Membership.objects.create(team=team, user=owner, role=Role.objects.get(code="owner"))
    settings.default_team = Team.objects.get(name="Home")
    settings.save()
    group = groups.create(name="Storm people")
    groups.assign(group=group, team=Team.objects.get(name="Storm"))


class Editor:
    """Does one thing after the other, as the dice say."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.count = 0
        self.student = Role.objects.get(code="student")
        self.storm = Team.objects.get(name="Storm")
        self.products = list(Product.objects.filter(removed_at__isnull=True).order_by("pk"))
        self.actions: list[Callable[[], object]] = [
            self.new_person,
            self.new_person,
            self.rename,
            self.rename,
            self.change_address,
            self.enroll,
            self.enroll,
            self.enroll,
            self.move_end,
            self.end,
            self.join,
            self.leave,
            self.new_group,
        ]

    def edit(self) -> None:
        try:
            self.dice.choice(self.actions)()
        except Refusal:
            return
        self.count += 1

    def new_person(self) -> None:
        number = self.dice.randrange(10**9)
        user = people.create_user(email=f"p{number}@storm.example", first_name="Pat", last_name=f"N{number}")
        if self.dice.random() < 0.5:
            teams.add_member(team=self.storm, user=user, role=self.student)
        if self.dice.random() < 0.5:
            enrollments.enroll_unchecked(student=user, products=[self.dice.choice(self.products)])

    def rename(self) -> None:
        people.update_user(self._somebody(), last_name=f"R{self.dice.randrange(10**9)}")

    def change_address(self) -> None:
        people.update_user(self._somebody(), email=f"m{self.dice.randrange(10**9)}@storm.example")

    def enroll(self) -> None:
        chosen = self.dice.sample(self.products, self.dice.randint(1, 2))
        enrollments.enroll_unchecked(student=self._somebody(), products=chosen, expiry_date=self._some_day())

    def move_end(self) -> None:
        if one := self._some_enrollment():
            enrollments.change_expiry([one], expiry_date=self._some_day())

    def end(self) -> None:
        if one := self._some_enrollment():
            enrollments.expire([one])

    def join(self) -> None:
        teams.add_member(team=self.storm, user=self._somebody(), role=self.student)

    def leave(self) -> None:
        members = list(Membership.objects.filter(team=self.storm, role=self.student).order_by("pk"))
        if members:
            teams.remove_member(self.dice.choice(members))

    def new_group(self) -> None:
        if ThinkificGroup.objects.count() < 12:
            group = groups.create(name=f"Group {self.dice.randrange(10**9)}")
            if GroupAssignment.objects.count() < 3:
                groups.assign(group=group, team=self.storm)

    def _somebody(self) -> User:
        return User.objects.get(
            pk=self.dice.choice(list(User.objects.order_by("pk").values_list("pk", flat=True)))
        )

    def _some_enrollment(self) -> Enrollment | None:
        rows = list(Enrollment.objects.order_by("pk").values_list("pk", flat=True))
        return Enrollment.objects.get(pk=self.dice.choice(rows)) if rows else None

    def _some_day(self) -> datetime | None:
        return self.dice.choice([None, timezone.now() + timedelta(days=self.dice.randint(1, 400))])
