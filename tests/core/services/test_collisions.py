"""Two people save the same at the same moment: a constraint accepts one, and the other gets the same message
at the same field as a person who saves a minute later."""

import threading
from collections.abc import Callable

import pytest
from django.db import IntegrityError, connection, transaction
from django.urls import reverse

from core.errors import Refusal
from core.models import GroupAssignment, Membership, Team, ThinkificGroup
from core.services import groups, memberships
from core.services.storage.collisions import checked_again
from core.services.teams import teams
from tests.factories import ThinkificGroupFactory, builtin_role

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def during(transactional_db):
    """`during(first, second)`: `second` begins while what `first` saved is not committed yet."""

    def run(first: Callable[[], object], second: Callable[[], object]) -> None:
        written, commit = threading.Event(), threading.Event()

        def other_person() -> None:
            try:
                with transaction.atomic():
                    first()
                    written.set()
                    commit.wait(10)
            finally:
                written.set()
                connection.close()

        other = threading.Thread(target=other_person)
        other.start()
        assert written.wait(10)
        # On PostgreSQL the second waits at the constraint, on SQLite before its transaction.
        threading.Timer(0.5, commit.set).start()
        try:
            second()
        finally:
            commit.set()
            other.join()

    return run


def do(model: str, slug: str, *keys: int) -> str:
    name = ("do_new", "do", "do_row")[len(keys)]
    return reverse(f"admin:core_{model}_{name}", args=[*keys[:1], slug, *keys[1:]])


def errors_of(response) -> dict[str, list[str]]:
    assert response.status_code == 200
    return {name: list(said) for name, said in response.context["form"].errors.items()}


def test_one_of_two_teams_of_a_name_is_made(alma, ana, owen, during, signed_in):
    client, answers = signed_in(alma), []
    form = {"name": "NIGHT SHIFT", "owner": ana.pk}

    during(
        lambda: teams.create(name="Night shift", owner=owen),
        lambda: answers.append(client.post(do("team", "add"), form)),
    )

    late = client.post(do("team", "add"), form)
    assert [team.owner for team in Team.objects.filter(name__iexact="night shift")] == [owen]
    assert errors_of(answers[0]) == errors_of(late)
    assert "There is a team “NIGHT SHIFT” already" in errors_of(late)["name"][0]


def test_one_of_two_renamed_and_restored_teams_has_the_name(acme, globex, alma, during):
    def rename() -> None:
        with pytest.raises(Refusal, match="There is a team “Night” already"):
            teams.update(globex, name="Night", by=alma)

    during(lambda: teams.update(acme, name="night", by=alma), rename)
    teams.archive(acme)
    globex.refresh_from_db()
    assert globex.name == "Globex"

    def restore() -> None:
        with pytest.raises(Refusal, match="There is a team “night” already"):
            teams.restore(acme)

    during(lambda: teams.update(globex, name="NIGHT", by=alma), restore)


def test_one_of_two_groups_of_a_name_is_made(alma, during):
    def second() -> None:
        with pytest.raises(Refusal, match="There is a group “Interns” already"):
            groups.create(name="Interns", by=alma)

    during(lambda: groups.create(name="interns"), second)

    assert ThinkificGroup.objects.count() == 1


def test_one_of_two_attached_groups_is_attached(alma, acme, during, signed_in):
    group, client, answers = ThinkificGroupFactory(), signed_in(alma), []
    form = {"group": group.pk, "direction": "disabled"}

    during(
        lambda: groups.assign(group=group, team=acme, direction="disabled"),
        lambda: answers.append(client.post(do("team", "attach-group", acme.pk), form)),
    )

    assert GroupAssignment.objects.count() == 1
    assert errors_of(answers[0]) == errors_of(client.post(do("team", "attach-group", acme.pk), form))
    assert "is assigned to Acme already" in errors_of(answers[0])["group"][0]


def test_a_person_joins_a_team_once(acme, otto, during):
    student = builtin_role("student")

    def join() -> object:
        return memberships.add_member(team=acme, user=otto, role=student)

    during(join, join)

    assert Membership.objects.filter(team=acme, user=otto).count() == 1


def test_what_the_checks_do_not_know_is_tried_twice_and_raised():
    tries: list[None] = []

    @checked_again
    def refused() -> None:
        tries.append(None)
        raise IntegrityError

    with pytest.raises(IntegrityError):
        refused()

    assert len(tries) == 2
