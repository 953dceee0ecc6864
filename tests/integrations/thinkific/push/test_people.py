"""People: made, linked, changed, deleted; and what Thinkific says when it does not want to."""

import io

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core.imports import batches, running
from core.imports.people import custom_fields
from core.models import OutboxEntry, SiteSettings, User
from core.services import people
from core.services.accounts import deletions
from core.services.accounts.email_changes import change_at_once
from core.services.outbox import claims
from integrations.models import SyncConflict
from integrations.thinkific import conflicts
from integrations.thinkific.budget.request_budget import SharedBudget
from integrations.thinkific.client.client import ThinkificClient
from integrations.thinkific.client.credentials import Credentials
from integrations.thinkific.push import outcomes
from tests.factories import builtin_role

from .conftest import counts, states


def error() -> str:
    return OutboxEntry.objects.get(status="failed").error


def there(site, email):
    return site.user_by_email(email)


def test_a_new_person_gets_an_account(site, push, pull, writes):
    ada = people.create_user(email="Ada@New.example", first_name="Ada", last_name="Roe")

    assert push() == {"done": 1}

    remote = there(site, "ada@new.example")
    ada.refresh_from_db()
    assert (ada.thinkific_id, remote.first_name, remote.last_name) == (remote.id, "Ada", "Roe")
    assert writes() == ["POST /users"]
    pull("users")
    assert counts(pull("users")) == {}


def test_what_an_import_says_of_a_new_person_is_in_thinkific_too(site, push, pull, writes, root, acme):
    pull("users")
    [(field, label)] = list(custom_fields.known().items())[:1]
    text = f"Email,Team,Company,{label}\nada@new.example,Acme,Roe Ltd,Blue\n"
    batch = batches.upload(io.BytesIO(text.encode()), name="people.csv", by=root)
    mapping = batches.mapping_of(batch)
    assert mapping == {0: "email", 1: "team", 2: "company", 3: field}
    batches.validate(batch, mapping=mapping, options=batches.options_of(batch))
    batches.start(batch, by=root)
    running.run_due()
    push()

    assert "POST /users" in writes()
    remote = there(site, "ada@new.example")
    assert (remote.company, [str(value) for _, value in remote.profile]) == ("Roe Ltd", ["Blue"])
    pull("users")
    ada = User.objects.get(email="ada@new.example")
    assert (ada.company, ada.custom_profile_fields[0]["value"]) == ("Roe Ltd", "Blue")


def test_the_pull_after_a_push_finds_nothing_new(site, push, pull):
    pull("users")
    ada = people.create_user(email="ada@new.example", first_name="Ada")
    old = User.objects.filter(thinkific_id__isnull=False).first()
    people.update_user(old, first_name="Renamed")
    push()

    assert counts(pull("users")) == {}
    ada.refresh_from_db()
    assert (ada.last_name, there(site, ada.email).last_name) == ("", "-")


def test_a_renamed_person_costs_few_queries(site, pull):
    pull("users")
    named = User.objects.filter(thinkific_id__isnull=False).exclude(last_name="").first()
    people.update_user(named, first_name="Renamed")
    [[entry]] = claims.claim(1)

    with SharedBudget.from_settings().slots(want=2, interactive=True) as slots:
        client = ThinkificClient(Credentials.from_settings(), budget=slots, interactive=True)
        with CaptureQueriesContext(connection) as captured:
            assert outcomes.push(entry, client).name == "done"

    tables = [query["sql"] for query in captured if '"core_' in query["sql"]]
    # The person, what is about to be sent, what is stored of them, that it is done, and that an earlier
    # refusal is settled.
    assert len(tables) == 5, tables


def test_the_placeholder_stays_in_thinkific(site, push, pull):
    nameless = people.create_user(email="nameless@new.example")
    push()
    pull("users")
    people.update_user(nameless, first_name="Nora")
    push()
    pull("users")

    nameless.refresh_from_db()
    assert (nameless.first_name, nameless.last_name) == ("Nora", "")
    remote = there(site, nameless.email)
    assert (remote.first_name, remote.last_name) == ("Nora", "-")


def test_a_placeholder_that_the_settings_had_before_is_nobodys_name(site, push, pull, root):
    nameless = people.create_user(email="nameless@new.example", first_name="Nora")
    push()
    for placeholder in ("?", "n/a"):
        settings = SiteSettings.load()
        settings.placeholder_last_name = placeholder
        settings.save()
        pull("users")

    nameless.refresh_from_db()
    assert (nameless.last_name, there(site, nameless.email).last_name) == ("", "-")


def test_an_account_that_is_there_is_linked(site, push, writes):
    remote = site.write(
        "create_user", fields={"email": "ada@new.example", "first_name": "Ada", "last_name": "Long"}
    )
    ada = people.create_user(email="ada@new.example", first_name="Ada")

    assert push() == {"done": 1}

    ada.refresh_from_db()
    assert (ada.thinkific_id, ada.last_name) == (remote.id, "Long")
    assert writes() == ["POST /users"]


def test_a_team_that_types_an_address_which_thinkific_has_changes_nothing_of_it(
    site, push, pull, mara, acme, writes
):
    """Otherwise anybody who knows an address could rename its account, see it, and then take it over."""
    remote = site.write(
        "create_user", fields={"email": "una@e.example", "first_name": "Una", "last_name": "U"}
    )
    people.add_to_teams(
        email="una@e.example",
        first_name="Typed",
        last_name="Name",
        memberships=[(acme, builtin_role("student"))],
        in_thinkific=True,
        by=mara,
    )

    push()

    una = User.objects.get(email="una@e.example")
    assert (una.thinkific_id, una.get_full_name(), una.home_team) == (remote.id, "Una U", None)
    assert there(site, "una@e.example").first_name == "Una"
    assert writes() == ["POST /users"]
    assert una not in User.objects.visible_to(mara)
    assert una.invitations.get().team == acme
    pull("users")
    assert counts(pull("users")) == {}


def test_a_pull_that_finds_the_account_first_gives_nothing_away_either(site, push, pull, mara, acme):
    site.write("create_user", fields={"email": "una@e.example", "first_name": "Una", "last_name": "U"})
    people.add_to_teams(
        email="una@e.example",
        first_name="Typed",
        last_name="Name",
        memberships=[(acme, builtin_role("student"))],
        in_thinkific=True,
        by=mara,
    )

    pull("users")
    push()
    pull("users")

    una = User.objects.get(email="una@e.example")
    assert (una.get_full_name(), una.home_team) == ("Una U", None)
    assert there(site, "una@e.example").first_name == "Una"
    assert una not in User.objects.visible_to(mara)


def test_an_account_that_a_push_made_stays_its_teams(site, push, pull, mara, acme):
    una = people.create_user(email="una@e.example", memberships=[(acme, builtin_role("student"))], by=mara)
    push()
    pull("users")

    una.refresh_from_db()
    assert una.home_team == acme
    assert una in User.objects.visible_to(mara)


def test_an_account_of_somebody_else_is_not_taken(site, push):
    remote = site.write("create_user", fields={"email": "a@new.example", "first_name": "A", "last_name": "B"})
    User.objects.create_user("other@new.example", thinkific_id=remote.id)
    people.create_user(email="a@new.example", first_name="Ada", last_name="Roe")

    push()

    assert "is that of other@new.example" in error()


def test_only_what_changed_is_sent(site, push, pull, thinkific):
    pull("users")
    user = User.objects.filter(thinkific_id__isnull=False).first()
    site.write("update_user", user_id=user.thinkific_id, fields={"first_name": "Theirs"})
    thinkific.reset_stats()

    people.update_user(user, last_name="Ours")
    push()

    sent = [entry["body"] for entry in thinkific.stats.writes]
    assert sent == ['{"last_name": "Ours"}']
    user.refresh_from_db()
    assert (user.first_name, user.last_name) == ("Theirs", "Ours")
    assert not SyncConflict.objects.exists()


def test_ten_edits_cost_one_request(site, push, pull, writes):
    pull("users")
    user = User.objects.filter(thinkific_id__isnull=False).first()
    for number in range(10):
        people.update_user(user, last_name=f"Roe {number}")

    assert push() == {"done": 1}
    assert writes() == [f"PUT /users/{user.thinkific_id}"]
    assert site.users[user.thinkific_id].last_name == "Roe 9"


def test_what_is_there_already_is_not_sent(site, push, pull, writes):
    pull("users")
    user = User.objects.filter(thinkific_id__isnull=False).first()
    people.update_user(user, last_name="Same")
    site.write("update_user", user_id=user.thinkific_id, fields={"last_name": "Same"})
    writes()

    assert push() == {"done": 1}
    assert writes() == []
    assert not SyncConflict.objects.exists()


@pytest.mark.parametrize("winner", ["dashboard", "thinkific"])
def test_both_sides_changed_a_name(site, push, pull, winner):
    pull("users")
    settings = SiteSettings.load()
    settings.conflict_winner = winner
    settings.save()
    user = User.objects.filter(thinkific_id__isnull=False).first()
    people.update_user(user, last_name="Ours")
    site.write("update_user", user_id=user.thinkific_id, fields={"last_name": "Theirs"})

    push()

    kept = "Ours" if winner == "dashboard" else "Theirs"
    user.refresh_from_db()
    assert (user.last_name, site.users[user.thinkific_id].last_name) == (kept, kept)
    conflict = SyncConflict.objects.get()
    assert (conflict.ours, conflict.theirs) == ("Ours", "Theirs")

    other = "Theirs" if winner == "dashboard" else "Ours"
    take = conflicts.take_theirs if winner == "dashboard" else conflicts.take_ours
    take(conflict, by=user)
    push()
    user.refresh_from_db()
    assert (user.last_name, site.users[user.thinkific_id].last_name) == (other, other)
    assert SyncConflict.objects.get().settled_by == user


@pytest.mark.parametrize("winner", SiteSettings.Winner.values)
@pytest.mark.parametrize("empty", [None, ""])
def test_a_name_that_was_empty_on_both_sides_is_no_conflict(site, push, pull, winner, empty):
    """The dashboard never sends an empty name, but names from Thinkific may be empty on both sides."""
    SiteSettings.load()
    SiteSettings.objects.update(conflict_winner=winner)
    row = {"id": 777, "email": "ada@empty.example", "first_name": "Ada", "last_name": empty}
    site.write("put", kind="users", row=row)
    pull("users")
    ada = User.objects.get(thinkific_id=777)
    assert ada.last_name == ""

    people.update_user(ada, last_name="Çelik")
    push()

    assert there(site, "ada@empty.example").last_name == "Çelik"
    assert not SyncConflict.objects.exists()


def test_a_conflict_is_written_down_once(site, push, pull, thinkific):
    pull("users")
    user = User.objects.filter(thinkific_id__isnull=False).first()
    people.update_user(user, last_name="Ours")
    site.write("update_user", user_id=user.thinkific_id, fields={"last_name": "Theirs"})
    pull("users")
    pull("users")
    push()

    assert SyncConflict.objects.count() == 1


def test_somebody_deleted_in_thinkific_is_said_to_be(site, push, pull):
    pull("users")
    user = User.objects.filter(thinkific_id__isnull=False).first()
    site.write("delete_user", user_id=user.thinkific_id)
    people.update_user(user, last_name="Late")

    assert push() == {"failed": 1}

    user.refresh_from_db()
    assert user.removed_at is not None
    assert "is no longer in Thinkific" in error()

    people.create_thinkific_account(user)
    push()
    user.refresh_from_db()
    assert there(site, user.email).id == user.thinkific_id
    assert user.removed_at is None
    assert not OutboxEntry.objects.filter(status="failed").exists()


def test_thinkific_s_own_words_stand_on_a_refusal(site, push, pull):
    pull("users")
    one, two = User.objects.filter(thinkific_id__isnull=False)[:2]
    change_at_once(one, "free@new.example", by=None, reason="corrected")
    site.write("update_user", user_id=two.thinkific_id, fields={"email": "free@new.example"})

    assert push() == {"failed": 1}
    assert "already been taken" in error()


def test_a_lost_answer_makes_no_second_account(site, push, thinkific):
    thinkific.faults.add("lost_answer", method="POST", path="/users", next=1)
    people.create_user(email="ada@new.example", first_name="Ada", last_name="Roe")

    assert push() == {"retried": 1, "done": 1}
    assert sum(user.email == "ada@new.example" for user in site.users) == 1
    assert User.objects.get(email="ada@new.example").thinkific_id == there(site, "ada@new.example").id


def test_a_person_is_deleted_in_thinkific_only_where_the_settings_say_so(site, push, pull, alma):
    pull("users")
    kept, gone = User.objects.filter(thinkific_id__isnull=False, is_dashboard_user=False)[:2]
    numbers = (kept.thinkific_id, gone.thinkific_id)
    deletions.delete(kept, confirmed=deletions.describe(kept), by=alma)
    settings = SiteSettings.load()
    settings.delete_students = True
    settings.save()
    deletions.delete(gone, confirmed=deletions.describe(gone), by=alma)

    assert push() == {"done": 1}
    assert numbers[0] in site.users
    assert numbers[1] not in site.users


def test_a_change_during_the_push_is_sent_next(site, push, pull, thinkific):
    people.create_user(email="ada@new.example", first_name="Ada", last_name="Roe")
    ada = User.objects.get(email="ada@new.example")
    OutboxEntry.objects.update(status="in_flight", claimed_by="elsewhere:1#x")
    people.update_user(ada, last_name="Married")
    assert states() == [("user", "in_flight"), ("user", "pending")]
    OutboxEntry.objects.filter(status="in_flight").update(claimed_until="2020-01-01T00:00:00Z")

    push()

    assert there(site, ada.email).last_name == "Married"
    assert states() == [("user", "discarded"), ("user", "done")]


def test_an_account_made_with_a_former_address_is_found(site, push, thinkific):
    thinkific.faults.add("lost_answer", method="POST", path="/users", next=1)
    ada = people.create_user(email="ada@new.example", first_name="Ada", last_name="Roe")
    push(1)
    OutboxEntry.objects.update(not_before="2020-01-01T00:00:00Z")
    change_at_once(ada, "roe@new.example", by=None, reason="corrected")

    assert push() == {"done": 1}
    assert there(site, "ada@new.example") is None
    assert there(site, "roe@new.example").id == User.objects.get(pk=ada.pk).thinkific_id
