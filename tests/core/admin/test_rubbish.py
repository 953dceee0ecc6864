"""Every dialog of users, teams, groups and enrollments is sent rubbish, and other teams' ids: no page breaks,
and nothing of others changes."""

import pytest
from django.contrib import admin
from django.urls import reverse

from core.admin.kit.dialogs.dialog import RowDialog
from core.models import (
    Enrollment,
    GroupAssignment,
    GroupMembership,
    Membership,
    OutboxEntry,
    Team,
    ThinkificGroup,
    User,
)
from core.models.groups import Direction
from tests.factories import EnrollmentFactory, GroupAssignmentFactory, builtin_role

pytestmark = pytest.mark.slow  # every address for every person

SCREENS = [User, Team, ThinkificGroup, Enrollment]
KEYS = (
    "user",
    "team",
    "teams",
    "owner",
    "group",
    "products",
    "organization",
    "role",
    "global_role",
    "entity",
)
TEXTS = ("first_name", "last_name", "name", "email", "description", "last_day", "max_members", "direction")
RUBBISH = {
    "nothing": {},
    "empty": dict.fromkeys([*KEYS, *TEXTS], ""),
    "long": dict.fromkeys([*KEYS, *TEXTS], "x" * 10_000),
    "digits": dict.fromkeys([*KEYS, *TEXTS], "9" * 400),
    "negative": dict.fromkeys([*KEYS, *TEXTS], "-1"),
    "too large a key": dict.fromkeys([*KEYS, *TEXTS], str(2**63)),
    "null characters": dict.fromkeys([*KEYS, *TEXTS], "a\x00b"),
    "a program": dict.fromkeys([*KEYS, *TEXTS], "<script>alert(1)</script>'); drop table"),
    "right to left": dict.fromkeys([*KEYS, *TEXTS], "\u202e\u05e9\u05dc\u05d5\u05dd"),
    "dates": dict.fromkeys([*KEYS, *TEXTS], "0001-01-01"),
    "the last day of all": dict.fromkeys([*KEYS, *TEXTS], "9999-12-31"),
}

# What a database may mind in its own way; the rest does not depend on it.
FOR_DATABASES = {"long", "digits", "too large a key", "null characters", "dates"}
# Forms differ by who asks in what they offer, not in how they read it.
FOR_MANAGERS = ("nothing", "null characters", "too large a key")
SENT = [
    *(("alma", kind) for kind in RUBBISH),
    *((who, kind) for who in ("owen", "mara") for kind in FOR_MANAGERS),
]


@pytest.fixture
def objects(ana, acme, acme_seat, accounting):
    """One of each kind at Acme, and the rows of their tabs."""
    group = GroupAssignmentFactory(team=acme, direction=Direction.BIDIRECTIONAL).group
    GroupMembership.objects.create(group=group, user=ana)
    return {
        User: ana,
        Team: acme,
        ThinkificGroup: group,
        Enrollment: EnrollmentFactory(user=ana, product=accounting),
    }


def addresses(objects) -> list[str]:
    found = []
    for model in SCREENS:
        name = f"admin:core_{model._meta.model_name}_do"
        for dialog in admin.site._registry[model].dialogs:
            if dialog.about_new:
                found.append(reverse(f"{name}_new", args=[dialog.slug]))
            elif not issubclass(dialog, RowDialog):
                found.append(reverse(name, args=[objects[model].pk, dialog.slug]))
            else:
                rows = (Membership, GroupMembership, GroupAssignment, Enrollment)
                keys = {row.objects.order_by("pk").values_list("pk", flat=True).last() for row in rows}
                found += [
                    reverse(f"{name}_row", args=[objects[model].pk, dialog.slug, key])
                    for key in keys | {2**59}
                ]
    return found


@pytest.mark.parametrize(
    ("who", "rubbish"),
    [pytest.param(*one, marks=[] if one[1] in FOR_DATABASES else pytest.mark.once) for one in SENT],
)
def test_rubbish_is_answered_with_a_sentence(request, objects, signed_in, mara, who, rubbish):
    client = signed_in(request.getfixturevalue(who))
    everybody = set(User.objects.values_list("pk", flat=True))

    for address in addresses(objects):
        response = client.post(address, RUBBISH[rubbish])
        assert response.status_code in {200, 302, 403, 404}, address

    assert everybody <= set(User.objects.values_list("pk", flat=True))


@pytest.mark.parametrize("who", ["owen", "mara", "ana"])
def test_ids_of_other_teams_change_nothing(
    request, objects, signed_in, mara, otto, globex, globex_seat, accounting, who
):
    theirs = {User: otto, Team: globex, ThinkificGroup: GroupAssignmentFactory(team=globex).group}
    GroupMembership.objects.create(group=theirs[ThinkificGroup], user=otto)
    theirs[Enrollment] = EnrollmentFactory(user=otto, product=accounting)
    client = signed_in(request.getfixturevalue(who))
    form = {
        "user": otto.pk,
        "owner": otto.pk,
        "team": globex.pk,
        "teams": [globex.pk],
        "group": theirs[ThinkificGroup].pk,
        "products": [accounting.pk],
        "role": builtin_role("student").pk,
        "first_name": "Mine",
        "email": "mine@acme.example",
        "name": "Mine",
        "direction": "bidirectional",
        "last_day": "2033-01-01",
    }

    def state() -> list:
        rows = [
            User.objects.filter(pk=otto.pk),
            Team.objects.filter(pk=globex.pk),
            Membership.objects.filter(team=globex),
            *(model.objects.order_by("pk") for model in (Enrollment, GroupAssignment, GroupMembership)),
            OutboxEntry.objects.order_by("pk"),
        ]
        return [list(found.values()) for found in rows]

    before = state()
    for address in addresses(theirs):
        if "/do/add/" not in address:
            assert client.post(address, form).status_code in {403, 404}, address
    # Nor by way of what is theirs to change.
    page = reverse("admin:core_team_do", args=[objects[Team].pk, "add-person"])
    client.post(page, form)
    client.post(reverse("admin:core_user_do", args=[objects[User].pk, "join-team"]), form)
    client.post(reverse("admin:core_user_do_new", args=["add"]), form)
    client.post(reverse("admin:core_user_do", args=[objects[User].pk, "join-group"]), form)
    client.post(reverse("admin:core_team_do", args=[objects[Team].pk, "attach-group"]), form)
    assert state() == before
