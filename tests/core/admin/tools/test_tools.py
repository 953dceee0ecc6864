import factory
import pytest
from django.test import Client
from django.utils import timezone
from django_q.models import OrmQ

from core.models import SiteSettings, User
from integrations.models import PULLED, SyncRun
from tests.factories import (
    GroupAssignmentFactory,
    GroupMembershipFactory,
    OutboxEntryFactory,
    RoleFactory,
    SyncRunFactory,
    ThinkificGroupFactory,
    UserFactory,
)

pytestmark = pytest.mark.usefixtures("credentials")

START = "/admin/tools/{}/".format
SIMPLE = {
    "sync-groups": "groups",
    "sync-products": "products",
    "sync-content": "content",
    "sync-certificates": "certificates",
    "sync-quiz-results": "quiz_results",
}


def start(browser, card, **fields) -> str:
    return browser.post(START(card), fields, follow=True).content.decode()


# --- doors ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("person", ["mara", "ana", "owen"])
def test_people_of_a_team_get_neither_the_page_nor_its_cards(person, request, signed_in):
    browser = signed_in(request.getfixturevalue(person))

    assert browser.get("/admin/tools/").status_code == 403
    for card in (*SIMPLE, "import-users", "recalculate-seats"):
        assert browser.post(START(card)).status_code == 403
    assert not SyncRun.objects.exists()
    assert not OrmQ.objects.exists()


def test_a_team_role_with_the_permission_does_not_open_it(signed_in, mara):
    mara.memberships.update(role=RoleFactory(permissions=["tools.import"]))

    assert signed_in(mara).get("/admin/tools/").status_code == 403


def test_a_global_role_needs_the_permission(signed_in, db):
    helper = UserFactory(global_role=RoleFactory(is_global=True, permissions=["users.view"]))

    assert signed_in(helper).get("/admin/tools/").status_code == 403


def test_cards_start_by_post_with_a_token_only(root):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(root)

    assert browser.get(START("sync-products")).status_code == 405
    assert browser.post(START("sync-products")).status_code == 403
    assert not SyncRun.objects.exists()


def test_an_unknown_card_is_not_there(signed_in, root):
    assert signed_in(root).post(START("sync-everything")).status_code == 404


# --- what a card starts ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("card", "kind"), SIMPLE.items())
def test_a_card_starts_a_run_for_its_starter(card, kind, signed_in, alma):
    page = start(signed_in(alma), card)

    run = SyncRun.objects.get()
    assert (run.kind, run.full, run.started_by, run.trigger) == (kind, True, alma, "person")
    assert "You will be told when it is done" in page


@pytest.mark.parametrize(
    ("toggles", "emails", "said"),
    [
        ({"allow_emails": "on"}, "allow", ""),
        ({"prohibit_emails": "on"}, "prohibit", "No e-mails are sent."),
        ({}, "prohibit", "No e-mails are sent."),
        ({"allow_emails": "on", "prohibit_emails": "on"}, "prohibit", "Both are on: no e-mails are sent."),
    ],
)
def test_emails_are_sent_only_when_allowed_and_not_prohibited(toggles, emails, said, signed_in, root, acme):
    page = start(signed_in(root), "import-users", team=acme.pk, **toggles)

    assert SyncRun.objects.get().options == {"team_id": acme.pk, "emails": emails}
    assert said in page


def test_both_toggles_are_on_the_page_and_it_says_which_wins(signed_in, root):
    page = signed_in(root).get("/admin/tools/").content.decode()

    assert "Allow Emails" in page
    assert "Prohibit Emails" in page
    assert "Both are on: no e-mails are sent. Prohibit Emails wins." in page


@pytest.mark.parametrize("direction", ["thinkific_to_dashboard", "dashboard_to_thinkific", "both"])
def test_enrollments_are_synced_in_the_chosen_direction(direction, signed_in, root):
    start(signed_in(root), "sync-enrollments", direction=direction)

    assert SyncRun.objects.get().options == {"direction": direction}


def test_an_unknown_direction_is_refused_beside_the_field(signed_in, root):
    page = start(signed_in(root), "sync-enrollments", direction="sideways")

    assert "sideways is not one of the available choices" in page
    assert "data-open" in page
    assert not SyncRun.objects.exists()


def test_groups_are_imported_into_a_team_with_a_role(signed_in, root, acme, mara):
    north, south = ThinkificGroupFactory(), ThinkificGroupFactory()
    role = mara.memberships.get().role

    start(signed_in(root), "import-groups-users", groups=[north.pk, south.pk], team=acme.pk, role=role.pk)

    run = SyncRun.objects.get()
    assert run.kind == "groups"
    assert run.options == {
        "mappings": [
            {"group_id": group.pk, "team_id": acme.pk, "role_id": role.pk} for group in (north, south)
        ]
    }


def test_importing_from_no_group_is_refused_beside_the_field(signed_in, root):
    page = start(signed_in(root), "import-groups-users")

    assert "Choose at least one group." in page
    assert "Choose the team" in page
    assert not SyncRun.objects.exists()


def test_a_global_role_is_no_role_in_a_team(signed_in, root, acme):
    group, role = ThinkificGroupFactory(), RoleFactory(is_global=True)

    start(signed_in(root), "import-groups-users", groups=[group.pk], team=acme.pk, role=role.pk)

    assert not SyncRun.objects.exists()


def test_seats_are_counted_again_in_the_background(signed_in, root):
    page = start(signed_in(root), "recalculate-seats")

    assert OrmQ.objects.get().func() == "core.tasks.recalculate_seats"
    assert "Recalculate Seats has started" in page


def test_a_second_request_attaches_to_the_run_under_way(signed_in, root, alma):
    start(signed_in(alma), "import-users")

    page = start(signed_in(root), "import-users")

    assert list(SyncRun.objects.get().watchers.all()) == [root]
    assert "under way already" in page


def test_a_run_under_way_does_not_take_other_choices(signed_in, root, alma, acme):
    start(signed_in(alma), "import-users")

    page = start(signed_in(root), "import-users", team=acme.pk)

    assert SyncRun.objects.get().options["team_id"] is None
    assert "does not do what you chose" in page


def test_without_a_site_a_card_says_how_to_connect(signed_in, root, settings):
    settings.THINKIFIC_API_KEY = settings.THINKIFIC_ACCESS_TOKEN = ""

    page = start(signed_in(root), "sync-products")

    assert "No Thinkific site is connected" in page
    assert not SyncRun.objects.exists()


# --- Sync now, on the first page ---------------------------------------------------------------------------


def test_sync_now_starts_a_run_of_every_kind(signed_in, alma, root):
    SyncRunFactory(kind="groups", status="running", heartbeat_at=timezone.now(), started_by=root)

    page = signed_in(alma).post("/admin/tools/sync-now/", follow=True).content.decode()

    runs = {run.kind: run for run in SyncRun.objects.all()}
    assert set(runs) == set(PULLED)
    assert {kind for kind, run in runs.items() if not run.full} == {"enrollments", "quiz_results"}
    assert {run.started_by for kind, run in runs.items() if kind != "groups"} == {alma}
    assert list(runs["groups"].watchers.all()) == [alma]
    assert "6 syncs have started. 1 was under way already. You will be told when each is done." in page


def test_a_run_about_one_object_keeps_only_its_own_kind_from_being_synced(signed_in, alma):
    SyncRunFactory(kind="users", status="running", heartbeat_at=timezone.now(), options={"user_id": alma.pk})

    page = signed_in(alma).post("/admin/tools/sync-now/", follow=True).content.decode()

    assert "6 syncs have started." in page
    assert "does not do what you chose" in page


def test_the_first_page_asks_before_it_syncs(signed_in, alma, settings):
    page = signed_in(alma).get("/admin/").content.decode()
    assert 'data-dialog="sync-now"' in page
    assert 'action="/admin/tools/sync-now/"' in page
    assert signed_in(alma).get("/admin/tools/sync-now/").status_code == 405

    settings.THINKIFIC_API_KEY = settings.THINKIFIC_ACCESS_TOKEN = ""
    assert 'data-dialog="sync-now"' not in signed_in(alma).get("/admin/").content.decode()
    page = signed_in(alma).post("/admin/tools/sync-now/", follow=True).content.decode()
    assert "No Thinkific site is connected" in page
    assert not SyncRun.objects.exists()


@pytest.mark.parametrize("person", ["mara", "ana", "owen"])
def test_people_of_a_team_sync_nothing(person, request, signed_in):
    assert signed_in(request.getfixturevalue(person)).post("/admin/tools/sync-now/").status_code == 403
    assert not SyncRun.objects.exists()


# --- numbers, before it starts ------------------------------------------------------------------------------


def numbers(browser, card, **fields) -> str:
    return browser.get(f"/admin/tools/{card}/numbers/", fields).content.decode()


def test_an_import_from_groups_says_how_many_will_join(signed_in, root, acme, ana):
    north, south, student = ThinkificGroupFactory(), ThinkificGroupFactory(), ana.memberships.get().role
    for group in (north, south):  # Ana is in the team, the other two in one group each, and one in both
        GroupMembershipFactory(group=group, user=ana)
        GroupMembershipFactory(group=group)
    both = GroupMembershipFactory(group=north).user
    GroupMembershipFactory(group=south, user=both)
    GroupMembershipFactory(group=south, removed_at=timezone.now())
    chosen = {"groups": [north.pk, south.pk], "team": acme.pk, "role": student.pk}

    said = numbers(signed_in(root), "import-groups-users", **chosen)

    assert said.startswith("3 people will join Acme; 1 of the 4 in these groups is in it already.")
    assert numbers(signed_in(root), "import-groups-users", team=acme.pk) == ""
    assert not SyncRun.objects.exists()


def test_an_import_from_groups_without_anybody_new_says_so_in_words(signed_in, root, acme, ana):
    empty, all_there, student = ThinkificGroupFactory(), ThinkificGroupFactory(), ana.memberships.get().role
    GroupMembershipFactory(group=all_there, user=ana)
    GroupAssignmentFactory(team=acme, direction="bidirectional")
    chosen = {"team": acme.pk, "role": student.pk}

    nobody = numbers(signed_in(root), "import-groups-users", groups=[empty.pk], **chosen)
    known = numbers(signed_in(root), "import-groups-users", groups=[all_there.pk], **chosen)
    GroupMembershipFactory(group=all_there)
    follows = numbers(signed_in(root), "import-groups-users", groups=[all_there.pk], **chosen)

    assert nobody.startswith("Nobody is in this group.")
    assert known.startswith("Nobody will join Acme: all members of this group are in it already.")
    assert "They will also join the team's group in Thinkific." in follows
    assert "They will also join" not in known


def test_numbers_of_nothing_are_said_in_words(signed_in, root, acme):
    assert numbers(signed_in(root), "import-users", team=acme.pk) == "New people will join Acme."
    assert numbers(signed_in(root), "sync-enrollments", direction="both") == "Nothing waits to be sent."


def test_an_import_of_users_says_how_many_will_join(signed_in, root, acme, ana):
    UserFactory.create_batch(2, thinkific_id=factory.Sequence(lambda n: n + 1))

    assert "2 people without a team will join Acme" in numbers(signed_in(root), "import-users", team=acme.pk)
    assert numbers(signed_in(root), "import-users") == ""
    SiteSettings.objects.update(default_team=acme)
    assert "will join Acme" in numbers(signed_in(root), "import-users")


@pytest.mark.parametrize(
    ("direction", "said"),
    [
        ("thinkific_to_dashboard", ""),
        ("dashboard_to_thinkific", "2 waiting changes will be sent."),
        ("both", "2 waiting changes will be sent."),
    ],
)
def test_sending_says_how_much_waits(signed_in, root, direction, said):
    OutboxEntryFactory.create_batch(2)
    OutboxEntryFactory(status="done")

    assert numbers(signed_in(root), "sync-enrollments", direction=direction) == said


@pytest.mark.parametrize("person", ["mara", "ana"])
def test_people_of_a_team_are_told_no_numbers(person, request, signed_in, acme):
    browser = signed_in(request.getfixturevalue(person))

    assert browser.get(f"/admin/tools/import-users/numbers/?team={acme.pk}").status_code == 403


# --- what a card shows -----------------------------------------------------------------------------------


def test_without_an_access_token_two_cards_say_what_is_missing(signed_in, root, settings):
    settings.THINKIFIC_ACCESS_TOKEN = ""

    page = signed_in(root).get("/admin/tools/").content.decode()

    assert "Certificates come by GraphQL" in page
    assert "The history of quiz results comes by GraphQL" in page


def test_a_card_shows_the_progress_of_its_run(signed_in, root):
    SyncRunFactory(
        kind="products", status="running", heartbeat_at=timezone.now(), pages_done=1, pages_total=2
    )

    page = signed_in(root).get("/admin/tools/").content.decode()

    assert "1 of 2 pages" in page
    assert 'style="width: 50%"' in page


def test_nobody_else_is_the_starter(signed_in, root):
    start(signed_in(root), "sync-groups", started_by=User.objects.get().pk + 1)

    assert SyncRun.objects.get().started_by == root
