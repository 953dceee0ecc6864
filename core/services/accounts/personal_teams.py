"""The personal teams that go along when their owner is deleted, and their students.

The setting `delete_students_of_users` says whether. For the REST API (`with_team`) the teams always go, and
the setting says whether their students go too. Nothing is deleted here: `deletions` does that, with what a
person has confirmed.
"""

from collections.abc import Collection
from dataclasses import dataclass
from hashlib import sha256

from django.db.models import Q

from core.models import (
    Certificate,
    Enrollment,
    GroupAssignment,
    GroupMembership,
    ImpersonationSession,
    Membership,
    Note,
    OutboxEntry,
    QuizResult,
    Role,
    Seat,
    SeatAssignment,
    SiteSettings,
    Team,
    User,
)
from core.permissions.students import with_rights
from core.services.directions import PULLING
from core.services.teams import leaving
from core.services.teams.personal import personal_of
from core.wording import first_of, listed, one_or_many, plural

MOST_MEMBERS = 500  # at once: the viewer waits for it, and others wait for the locked rows
KEPT = "the settings keep the students of a user who is deleted"
NAMED = 5  # the most people who are named for one reason
# A request to make the account was sent, and its answer has not come.
ON_ITS_WAY = Q(status=OutboxEntry.Status.IN_FLIGHT) | Q(uncertain=True)


@dataclass(frozen=True)
class Along:
    """What goes along with a user who is deleted, and who of the teams stays."""

    teams: tuple[tuple[int, str], ...]  # primary keys and names
    assignments: int  # of seats
    students: tuple[tuple[int, str, int | None], ...]  # who go: key, name, Thinkific account that goes too
    stay_there: int  # of these students, those whose Thinkific account stays
    back: str  # how these come back
    staying: tuple[tuple[int, str, str], ...]  # key, name, reason
    records: tuple[tuple[int, str], ...]  # of the students: counts with their noun

    def fingerprint(self) -> str:
        return sha256(repr(self).encode()).hexdigest()[:16]

    def sentences(self) -> list[str]:
        teams = listed([name for _, name in self.teams])
        parts = [(self.assignments, "seat assignment"), (len(self.students), "student")]
        counted = listed([plural(count, noun) for count, noun in parts if count])
        noun, verb = ("team", "is") if len(self.teams) == 1 else ("teams", "are")
        who = first_of([name for _, name, _ in self.students], NAMED)
        counted += f": {who}" if who else ""
        said = [f"The {noun} {teams} {verb} deleted too{f', with {counted}' if counted else ''}."]
        if records := listed([plural(count, noun) for count, noun in self.records if count]):
            said[0] += f" The students lose {records}."
        if there := sum(thinkific_id is not None for *_, thinkific_id in self.students):
            said.append(
                f"{plural(there, 'Thinkific account')} of these students {one_or_many(there, 'is', 'are')} "
                "deleted too, permanently."
            )
        if self.stay_there:
            said.append(
                f"{plural(self.stay_there, 'Thinkific account')} of these students "
                f"{one_or_many(self.stay_there, 'stays', 'stay')}, and the next pull of the users brings "
                f"{one_or_many(self.stay_there, 'that person', 'these people')} back {self.back}"
            )
        reasons: dict[str, list[str]] = {}
        for _, name, reason in self.staying:
            reasons.setdefault(reason, []).append(name)
        said += [
            f"{first_of(people, NAMED)} {one_or_many(len(people), 'stays', 'stay')}: {reason}."
            for reason, people in reasons.items()
        ]
        return said


def way_back(users: Collection[int]) -> str:
    """Returns where people (primary keys) are who are deleted here only and come back with the next pull: the
    end of a sentence."""
    where = "without teams." if SiteSettings.load().default_team_id is None else "into the default team."
    inside = GroupMembership.objects.filter(user__in=users, removed_at__isnull=True)
    bringing = GroupAssignment.objects.filter(direction__in=PULLING, team__archived_at__isnull=True)
    if inside.filter(group__in=bringing.values("group")).exists():
        where += " Groups in Thinkific whose members join a team bring them into it again."
    return (
        f"{where} The enrollments, quiz results and certificates that Thinkific has follow, most often "
        "within minutes; until then seats do not count them."
    )


def going_along(user: User, *, with_team: bool = False) -> list[Team]:
    """Returns the personal teams that are deleted with the user; none when the settings say so."""
    return list(personal_of(user)) if with_team or _students_go() else []


def _students_go() -> bool:
    return SiteSettings.load().delete_students_of_users


def lock(user: User, *, with_team: bool = False) -> None:
    """Lock what goes along in the order that all writers use: teams, seats, people."""
    teams = [team.pk for team in going_along(user, with_team=with_team)]
    if not teams:
        return
    list(Team.objects.select_for_update(of=("self",)).filter(pk__in=teams).order_by("pk").values_list("pk"))
    given = SeatAssignment.objects.filter(team__in=teams).order_by().values("seat")
    list(Seat.objects.select_for_update(of=("self",)).filter(pk__in=given).order_by("pk").values_list("pk"))
    members = Membership.objects.filter(team__in=teams).order_by().values("user")
    people = User.objects.filter(Q(pk__in=members) | Q(pk=user.pk))
    list(people.select_for_update(of=("self",)).order_by("pk").values_list("pk"))


def obstacle(teams: Collection[Team]) -> str:
    """Returns why these teams cannot be deleted with their owner; empty when they can."""
    default = SiteSettings.load().default_team_id
    for team in teams:
        if team.pk == default:
            return f"{team} is the default team in Settings. Choose another default team first."
        for role in Role.objects.filter(limited_to=team):
            if role.limited_to.count() == 1:  # without its only team it could be given in all teams
                return (
                    f"The role {role} can be given only in {team}. Delete the role or add a team to it first."
                )
    count = Membership.objects.filter(team__in=teams).count()
    if count > MOST_MEMBERS and _students_go():
        return (
            f"{listed([str(team) for team in teams])} has {count:,} members, and at most {MOST_MEMBERS:,} "
            "can go along at once. Remove members first, or make somebody else the owner."
        )
    return ""


def who_cannot_leave(teams: Collection[Team], owner: User, *, by: User | None) -> str:
    """Returns why members who do not go along cannot leave these teams; empty when they can."""
    rows = _other_members(teams, owner)
    reasons = _reasons(rows, teams, by)
    staying = {row.user_id: row.user for row in rows if row.user_id in reasons}
    return leaving.why_they_stay(teams, staying.values(), by)


def _other_members(teams: Collection[Team], owner: User) -> list[Membership]:
    rows = Membership.objects.filter(team__in=teams).exclude(user=owner).select_related("user", "role")
    return list(rows.order_by("user__name", "user_id"))


def describe(user: User, *, by: User | None, with_team: bool = False) -> Along | None:
    """Returns what goes along when `by` deletes the user; None for nothing."""
    teams = going_along(user, with_team=with_team)
    if not teams:
        return None
    rows = _other_members(teams, user)
    members = {row.user_id: row.user for row in rows}
    reasons = _reasons(rows, teams, by) if _students_go() else dict.fromkeys(members, KEPT)
    going = [person for pk, person in members.items() if pk not in reasons]
    keys = [person.pk for person in going]
    there = {one.pk: one.thinkific_id for one in going if one.removed_at is None and one.thinkific_id}
    too = SiteSettings.load().delete_students
    counts = (
        (Enrollment.objects.filter(user__in=keys).count(), "enrollment"),
        (QuizResult.objects.filter(user__in=keys).count(), "quiz result"),
        (Certificate.objects.filter(user__in=keys).count(), "certificate"),
        (Membership.objects.filter(user__in=keys).count(), "team membership"),
        (Note.objects.filter(user__in=keys).count(), "note"),
    )
    return Along(
        teams=tuple((team.pk, str(team)) for team in teams),
        assignments=SeatAssignment.objects.filter(team__in=teams).count(),
        students=tuple((one.pk, str(one), there.get(one.pk) if too else None) for one in going),
        stay_there=0 if too else len(there),
        back="" if too or not there else way_back(there),
        staying=tuple((pk, str(one), reasons[pk]) for pk, one in members.items() if pk in reasons),
        records=counts,
    )


def _reasons(rows: list[Membership], teams: Collection[Team], by: User | None) -> dict[int, str]:
    """Returns why members stay, by primary key. Whoever is missing goes along."""
    people = {row.user_id: row.user for row in rows}
    keys = list(people)
    elsewhere = Membership.objects.filter(user__in=keys).exclude(team__in=teams)
    recorded = ImpersonationSession.objects.filter(Q(impersonator__in=keys) | Q(impersonated__in=keys))
    making = OutboxEntry.objects.unsent().filter(ON_ITS_WAY, entity="user", object_id__in=keys)
    in_record = {key for pair in recorded.values_list("impersonator", "impersonated") for key in pair}
    found: dict[int, str] = {}
    for reason, pks in (
        ("you cannot delete yourself", {by.pk if by else None}),
        ("owner of a team", set(Team.objects.filter(owner__in=keys).values_list("owner", flat=True))),
        ("more than a student here", with_rights(people.values())),
        ("in another team too", set(elsewhere.order_by().values_list("user", flat=True))),
        ("in the record of impersonations, which is kept", in_record),
        ("a Thinkific account is being made", set(making.values_list("object_id", flat=True))),
    ):
        found |= {pk: reason for pk in people if pk in pks and pk not in found}
    return found
