"""People with every permission, and at least one object of each kind for the teams Acme and Globex."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.utils import timezone

from core.models import (
    Direction,
    GroupMembership,
    ImportBatch,
    Membership,
    OutboxEntry,
    SiteSettings,
    Team,
    User,
)
from core.permissions.codes import OWNER_PERMISSIONS, PERMISSIONS, REQUIRES
from core.services.site import email_texts
from integrations.models import Drift, DriftReport, Kind, SyncRun, SyncSchedule
from tests import factories as make
from tests.core.admin.walk.tables import DOES, OPENS

SECRET = ("otto", "globex", "gwen", "secret")  # each object of Globex contains one of these words
SEES = [*sorted(code for code in PERMISSIONS if code.endswith(".view")), "tags.assign"]


@dataclass
class World:
    people: dict[str, User]
    codes: dict[str, set[str]]  # name of a person -> permissions
    everywhere: set[str]  # names of people who see everything
    own: dict[type[Model], Any]  # objects of Acme
    foreign: dict[type[Model], Any]  # objects of Globex and of the whole site
    parts: dict[str, list[Model]] = field(default_factory=dict)  # rows in tabs: "own" and "foreign"

    def screens(self) -> dict[type[Model], Any]:
        ours = {"core", "integrations"}
        return {model: s for model, s in admin.site._registry.items() if model._meta.app_label in ours}


def side(word: str, *, team: Team, person: User, course: Any, name: str) -> tuple[dict, list[Model]]:
    """Create the objects of a team: a seat, group and so on, for one course and one person."""
    seat = make.SeatFactory(name=f"{name} seat", product=course, teams=[team], extendable=True)
    group = make.ThinkificGroupFactory(name=f"{word} group")
    assignment = make.GroupAssignmentFactory(group=group, team=team, direction=Direction.BIDIRECTIONAL)
    member = GroupMembership.objects.create(group=group, user=person)
    tag = make.TagFactory(name=f"{word}-tag")
    person.tags.add(tag)
    note = make.NoteFactory(user=person, author=None, team=team, text=f"{word} note")
    quiz = make.QuizFactory(product=course, name=f"{word} quiz")
    make.LessonFactory(chapter__product=course, quiz=quiz)
    links = [
        make.ShortLinkFactory(team=team, label=f"{word} link of a team"),
        make.ShortLinkFactory(team=None, product=course, label=f"{word} link of a course"),
    ]
    make.ThinkificOpeningFactory(user=person)
    enrollment = make.EnrollmentFactory(user=person, product=course, last_seat=seat)
    objects = {
        "user": person,
        "team": team,
        "product": course,
        "seat": seat,
        "thinkificgroup": group,
        "tag": tag,
        "quiz": quiz,
        "enrollment": enrollment,
        "quizresult": make.QuizResultFactory(user=person, quiz=quiz),
        "certificate": make.CertificateFactory(user=person, product=course, credential_id=f"{word}-1"),
    }
    joined = Membership.objects.get(team=team, user=person)
    return objects, [assignment, member, enrollment, note, joined, *links]


def build() -> World:
    owen = make.UserFactory(first_name="Owen", email="owen@acme.example", is_dashboard_user=True)
    acme = make.TeamFactory(name="Acme", owner=owen)
    gwen = make.UserFactory(first_name="Gwen", email="gwen@globex.example", is_dashboard_user=True)
    globex = make.TeamFactory(name="Globex", owner=gwen)
    ana = make.MembershipFactory(team=acme, user=make.UserFactory(email="ana@acme.example")).user
    User.objects.filter(pk=ana.pk).update(thinkific_id=77)
    otto = make.UserFactory(first_name="Otto", last_name="Oberg", email="otto@globex.example")
    make.MembershipFactory(team=globex, user=otto)

    # A bundle that Acme has a seat on; Acme sees one of its courses.
    bundle, course, hidden = (
        make.ProductFactory(bundle=True, name="Shown bundle"),
        make.ProductFactory(name="Shown course"),
        make.ProductFactory(name="Secret course"),
    )
    make.SeatFactory(name="Internal seat", product=bundle, teams=[acme])
    make.BundleItemFactory(bundle=bundle, course=course)
    make.BundleItemFactory(bundle=bundle, course=make.ProductFactory(name="Course without a seat"))
    own, own_parts = side("shown", team=acme, person=ana, course=course, name="Internal")
    foreign, foreign_parts = side("secret", team=globex, person=otto, course=hidden, name="Secret")
    # Keys that no row of Acme has, also after rows that get the next key of their table.
    for key, row in zip(range(900_001, 990_000, 1000), foreign_parts, strict=False):
        type(row)._default_manager.filter(pk=row.pk).update(id=key)
        row.pk = key
    through = make.EnrollmentFactory(user=ana, product=bundle)
    Team.objects.filter(pk=acme.pk).update(organization=make.OrganizationFactory(name="Customers"))
    everyones = sitewide(acme, ana, otto)
    by_name = {model._meta.model_name: model for model in admin.site._registry}
    people = everybody(acme, globex)
    # Notes are changed by their authors only.
    noted = make.NoteFactory(user=ana, author=people["all"]["sees and notes.create"], team=acme)
    world = World(
        people=people["all"],
        codes=people["codes"],
        everywhere=people["everywhere"],
        own={by_name[name]: obj for name, obj in own.items()},
        foreign={by_name[name]: obj for name, obj in foreign.items()} | everyones,
        parts={"own": [*own_parts, through, noted], "foreign": foreign_parts},
    )
    world.people |= {"owner": owen, "student": ana}
    world.codes |= {"owner": set(OWNER_PERMISSIONS), "student": set()}
    for model in world.screens():
        if model not in world.foreign:  # a new screen: its factory creates the object
            world.foreign[model] = factory_of(model)()
    User.objects.update(last_activity_at=timezone.now())  # so that no request stores it
    email_texts.complete()  # as the first look at their list does
    return world


def sitewide(team: Team, person: User, other: User) -> dict[type[Model], Any]:
    """Create one object of each kind of the whole site, and a file that `other` uploaded."""
    batch = make.ImportBatchFactory(created_by=other, file_name="secret.csv")
    make.ImportRowFactory(batch=batch)
    compared = make.SyncRunFactory(kind=Kind.RECONCILIATION)
    report = DriftReport.objects.create(run=compared, kind="users", differs=1, compared=1)
    drift = Drift.objects.create(
        report=report, sort="differs", key="u1", object_id=person.pk, label="Secret drift"
    )
    now = timezone.now()
    return {
        ImportBatch: batch,
        Drift: drift,
        SyncRun: make.SyncRunFactory(status="failed", guarded=3, started_at=now - timedelta(hours=1)),
        OutboxEntry: make.OutboxEntryFactory(
            status="failed", person=person, object_id=person.pk, error="Thinkific refused it."
        ),
        SiteSettings: SiteSettings.load(),
        SyncSchedule: SyncSchedule.objects.first()
        or SyncSchedule.objects.create(kind="users", every_minutes=60),
    }


def factory_of(model: type[Model]) -> Any:
    kinds = [kind for kind in vars(make).values() if isinstance(kind, type) and hasattr(kind, "_meta")]
    found = [kind for kind in kinds if getattr(kind._meta, "model", None) is model]
    assert found, f"tests/factories.py has no factory for {model._meta.verbose_name}; these tests need one"
    return found[0]


def everybody(acme: Team, globex: Team) -> dict[str, Any]:
    """Create two kinds of administrators, people of Acme with each single permission, people with none."""
    codes: dict[str, set[str]] = {}
    people: dict[str, User] = {}

    def add(name: str, held: set[str], **user: Any) -> User:
        people[name] = make.UserFactory(**user)
        codes[name] = held
        return people[name]

    def in_team(name: str, held: set[str], **user: Any) -> None:
        role = make.RoleFactory(name=f"Only {name}", permissions=sorted(held))
        make.MembershipFactory(team=acme, user=add(name, held, **user), role=role)

    add("superuser", set(PERMISSIONS), is_superuser=True, is_staff=True, first_name="Root")
    add("administrator", set(PERMISSIONS), administrator=True, first_name="Alma")
    helper = make.RoleFactory(name="Helper", is_global=True, permissions=["users.view", "tools.import"])
    add("helper", {"users.view", "tools.import"}, global_role=helper, is_staff=True)
    everywhere = {"superuser", "administrator", "helper"}
    manager = make.builtin_role("manager")
    make.MembershipFactory(
        team=acme, user=add("manager", set(manager.permissions), first_name="Mara"), role=manager
    )
    make.MembershipFactory(
        team=globex, user=add("other manager", set(manager.permissions), first_name="Gina"), role=manager
    )
    in_team("everything", set(PERMISSIONS), is_staff=True)
    add("nobody", set())
    for code in OPENS:
        in_team(f"only {code}", {code, REQUIRES.get(code, code)})
    for code in DOES:
        in_team(f"sees and {code}", {*SEES, code})
    # All other permissions together open nothing, so each of them opens nothing.

    in_team("only the rest", set(PERMISSIONS) - set(OPENS))
    in_team("sees and the rest", {*SEES, *set(PERMISSIONS) - set(DOES)})
    return {"all": people, "codes": codes, "everywhere": everywhere}
