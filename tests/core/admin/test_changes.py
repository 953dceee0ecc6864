import re
from datetime import UTC, date, datetime
from html import unescape

import pytest
from django.db import connection
from django.db.models import JSONField
from django.test.utils import CaptureQueriesContext

from core.admin.kit.recorded import RECORDED
from core.admin.kit.recorded_words import in_words, label
from core.models import SiteSettings
from core.services import groups, memberships, notes, seats, tags
from core.services.history import signed
from tests.factories import (
    GroupAssignmentFactory,
    MembershipFactory,
    OrganizationFactory,
    RoleFactory,
    SyncRunFactory,
    TagFactory,
    TeamFactory,
    ThinkificGroupFactory,
    UserFactory,
    builtin_role,
)

HISTORY = "/admin/history/"
OF_A_USER = ("membership", "enrollment", "note", "usertag")


def test_changes_of_every_kind_stand_together(signed_in, root, acme, ana):
    acme.name = "Acme Industries"
    acme.save()

    page = signed_in(root).get(HISTORY).content.decode()

    assert "Acme Industries" in page
    assert "Ana Ames in Acme" in page  # her membership
    assert "Changed" in page


def test_the_first_change_of_what_came_by_a_pull_shows_both_names(signed_in, root, ana):
    ana.history.all().delete()
    ana.last_name = "Mended"
    ana.save()

    for address in (f"/admin/core/user/{ana.pk}/history/", f"{HISTORY}?kind=user"):
        page = unescape(signed_in(root).get(address).content.decode())
        assert "<bdi>Ames</bdi> → <bdi>Mended</bdi>" in page
        kept = page[page.index("As it was</td>") - 200 : page.index("before the first change")]
        assert "The system" not in kept  # it says what was there, and not that anybody made it


def test_the_history_of_a_person_has_what_concerns_them(signed_in, root, alma, acme, ana, bo):
    membership = ana.memberships.get()
    memberships.change_role(membership, role=builtin_role("manager"), by=alma)
    tags.add_tags([ana], [TagFactory(name="VIP")], by=alma)
    tags.add_tags([bo], [TagFactory(name="Other")], by=alma)
    notes.add(user=ana, text="Secret words", team=acme, by=alma)
    browser, address = signed_in(root), f"/admin/core/user/{ana.pk}/history/"

    own = browser.get(address).content.decode()
    shown = {slug: unescape(browser.get(f"{address}?of={slug}").content.decode()) for slug in OF_A_USER}

    assert all(f'href="?of={slug}"' in own for slug in OF_A_USER)
    assert "<bdi>Student</bdi> → <bdi>Manager</bdi>" in shown["membership"]
    assert "VIP on Ana Ames" in shown["usertag"] and "Other" not in shown["usertag"]
    assert (
        "about Ana Ames" in shown["note"]
        and "Note about" not in shown["note"]
        and "Secret words" not in shown["note"]
    )
    ana.delete()
    assert "Ana Ames in Acme" in unescape(browser.get(f"{address}?of=membership").content.decode())


def test_who_may_not_see_notes_does_not_see_their_history(signed_in, ana):
    role = RoleFactory(is_global=True, permissions=["audit.view", "users.view", "teams.view"])
    auditor = UserFactory(is_staff=True, global_role=role)
    address = f"/admin/core/user/{ana.pk}/history/"

    page = signed_in(auditor).get(address).content.decode()

    assert "?of=membership" in page and "?of=note" not in page
    assert signed_in(auditor).get(f"{address}?of=note").context["of_one"]


def test_a_change_of_nothing_that_the_history_has_is_left_out(signed_in, root, ana):
    ana.save()
    ana.first_name = "Anna"
    ana.save()

    for address in (f"/admin/core/user/{ana.pk}/history/", f"{HISTORY}?kind=user"):
        page = signed_in(root).get(address).content.decode()
        assert page.count('<td class="d-small">Changed</td>') == 1


def test_one_kind_is_read_page_by_page(signed_in, root, acme):
    for number in range(60):
        acme.description = str(number)
        acme.save()
    browser = signed_in(root)

    page = browser.get(f"{HISTORY}?kind=team").content.decode()
    assert "61 changes" in page
    assert "Older" in page
    assert "Newer" in browser.get(f"{HISTORY}?kind=team&p=2").content.decode()


@pytest.mark.parametrize("query", ["?kind=nothing", "?kind=team&p=x", "?kind=team&p=99999999999999999999"])
def test_a_bad_address_still_shows_a_page(query, signed_in, root, acme):
    assert signed_in(root).get(f"{HISTORY}{query}").status_code == 200


def test_history_outlives_what_it_names(signed_in, root, acme, ana):
    ana.delete()

    page = signed_in(root).get(f"{HISTORY}?kind=membership")

    assert page.status_code == 200
    assert b"Deleted" in page.content


def test_it_takes_the_same_queries_for_more_changes(signed_in, root, acme):
    browser = signed_in(root)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            browser.get(HISTORY)
        return len(captured)

    MembershipFactory(team=acme)
    before = queries()
    for _ in range(5):
        MembershipFactory(team=TeamFactory())

    assert queries() == before


@pytest.mark.parametrize("person", ["mara", "owen", "ana"])
def test_history_is_not_for_people_of_a_team(person, request, signed_in, db):
    assert signed_in(request.getfixturevalue(person)).get(HISTORY).status_code == 403


def test_a_team_role_with_the_permission_does_not_open_it(signed_in, mara):
    mara.memberships.update(role=RoleFactory(permissions=["audit.view"]))

    assert signed_in(mara).get(HISTORY).status_code == 403


# --- what a row shows ----------------------------------------------------------------------------------


def test_a_row_says_what_changed_with_both_values(signed_in, root, acme, ana):
    acme.organization = OrganizationFactory(name="North")
    acme.max_members = 5
    acme.save()
    acme.organization = None
    acme.save()
    browser = signed_in(root)

    for page in (HISTORY, f"/admin/core/team/{acme.pk}/history/"):
        text = flat(browser.get(page))
        assert "Organization: — → North" in text
        assert "Organization: North → —" in text
        assert "Most students: — → 5" in text
        assert "pk=None" not in text


def test_values_read_as_on_screens(signed_in, root, acme, ana):
    ana.is_active = False
    ana.save()
    role = RoleFactory(name="Helper", permissions=["teams.view"])
    ana.memberships.get().delete()
    membership = MembershipFactory(team=acme, user=ana)
    membership.role = role
    membership.save()
    acme.archived_at = datetime(2026, 5, 1, 10, 30, tzinfo=UTC)
    acme.save()

    text = flat(signed_in(root).get(HISTORY))

    assert "Active: Yes → No" in text
    assert "Role: Student → Helper" in text
    assert "Archived: — → 1 May 2026 10:30" in text
    assert "T10:30" not in text


def test_permissions_read_as_on_screens(signed_in, root, acme, ana, acme_seat):
    membership = ana.memberships.get()
    membership.overrides = {"enrollments.create": "deny", "users.view": "allow"}
    membership.save()
    membership.role = role = RoleFactory(name="Helper", permissions=["teams.view", "users.view"])
    membership.save()
    role.permissions = ["teams.view", "seats.view"]
    role.save()
    settings = SiteSettings.load()
    settings.default_overrides = {"manager": {"users.create": "deny"}}
    settings.default_expiry_date = date(2031, 3, 2)
    settings.save()
    seats.add_places(acme_seat, 1)

    text = flat(signed_in(root).get(HISTORY))

    assert "Permissions: — → Create enrollments: denied, View users: allowed" in text
    assert "Permissions: Allowed: View users; not allowed: View seats" in text
    assert "→ Allowed: View seats; not allowed: View users" in text
    assert "Default permissions: — → Manager: Create users: denied" in text
    assert "— → 2 Mar 2031" in text
    assert "1 place added" in text
    for raw in ("enrollments.create", "'deny'", "{", "2031-03", "True", "False"):
        assert raw not in text


@pytest.mark.parametrize("slug", RECORDED)
def test_every_recorded_field_has_a_name_and_values_in_words(slug):
    """A new JSON field needs its words in core/admin/kit/recorded_words.py."""
    values = {"overrides": {"users.view": "allow"}, "default_overrides": {"owner": {"users.view": "deny"}}}
    values |= {"events": ["user.created"]}
    for field in RECORDED[slug].fields():
        assert "_" not in label(slug, field)
        if isinstance(field, JSONField):
            said = in_words(field, values.get(field.name, ["users.view"]))
            assert ("user.created" if field.name == "events" else "View users") in said, field
            assert not set("{}[]'\"") & set(said)


def test_people_who_are_gone_keep_their_name_in_what_they_did_and_were_in(signed_in, root, acme, ana):
    ana.delete()

    assert "Ana Ames in Acme" in flat(signed_in(root).get(f"{HISTORY}?kind=membership"))


def test_the_history_of_something_deleted_can_be_read(signed_in, root, acme):
    team = TeamFactory(name="Night Shift", owner=root)
    key = team.pk
    team.delete()
    browser = signed_in(root)

    assert f"/admin/core/team/{key}/history/" in browser.get(HISTORY).content.decode()
    page = flat(browser.get(f"/admin/core/team/{key}/history/"))
    assert "History of Night Shift" in page
    assert "This was deleted" in page


def test_a_run_is_linked_as_long_as_it_is_kept(signed_in, root, acme):
    run = SyncRunFactory()
    for reason in (f"Thinkific, run {run.pk}", "Thinkific, run 999999"):
        acme.description = reason
        signed(acme, by=None, reason=reason).save()

    page = signed_in(root).get(HISTORY).content.decode()

    assert f'href="/admin/integrations/syncrun/{run.pk}/change/">run {run.pk}</a>' in page
    assert "run 999999" in page
    assert "/999999/" not in page


# --- filters -------------------------------------------------------------------------------------------


@pytest.fixture
def changes(acme, mara, owen):
    """Mara changed the team's description on 1 March, Owen on 2 March, and a pull today."""
    for text, by, day in (("mild", mara, 1), ("bitter", owen, 2), ("pulled", None, None)):
        acme.description = text
        signed(acme, by=by, reason="details changed").save()
        if day:
            moment = datetime(2026, 3, day, 12, tzinfo=UTC)
            acme.history.filter(description=text, history_type="~").update(history_date=moment)
    return acme


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("who=MARSH", {"mild"}),
        ("who=owen@acme", {"bitter"}),
        ("since=2026-03-02&until=2026-03-02", {"bitter"}),
        ("until=2026-03-02", {"mild", "bitter"}),
        ("since=2026-03-03", {"pulled"}),
        ("who=nobody", set()),
        ("since=rubbish", {"mild", "bitter", "pulled"}),
    ],
)
@pytest.mark.parametrize("kind", ["", "team"])
def test_history_by_person_kind_and_day(query, shown, kind, signed_in, root, changes):
    text = flat(signed_in(root).get(f"{HISTORY}?kind={kind}&{query}"))

    assert {word for word in ("mild", "bitter", "pulled") if f"→ {word}" in text} == shown
    assert ("Enter a valid date" in text) is ("rubbish" in query)


def test_who_is_gone_is_still_found_by_name(signed_in, root, changes, mara):
    mara.delete()

    assert "→ mild" in flat(signed_in(root).get(f"{HISTORY}?kind=team&who=marsh"))


def test_pages_keep_the_filters(signed_in, root, acme, mara):
    for number in range(60):
        acme.description = str(number)
        signed(acme, by=mara, reason="details changed").save()

    page = signed_in(root).get(f"{HISTORY}?kind=team&who=marsh").content.decode()

    assert "?kind=team&amp;who=marsh&amp;p=2" in page


def test_changes_of_any_kind_take_the_same_queries_for_more_rows(signed_in, root, acme):
    browser = signed_in(root)

    def change(times: int) -> int:
        for number in range(times):
            acme.organization = OrganizationFactory()
            acme.description = f"{number}"
            acme.save()
        with CaptureQueriesContext(connection) as captured:
            browser.get(HISTORY)
            browser.get(f"/admin/core/team/{acme.pk}/history/")
        return len(captured)

    assert change(2) == change(10)


def flat(response) -> str:
    """The text of a page, as a person reads it."""
    text = re.sub(r"<[^>]*>", "", response.content.decode())
    return " ".join(unescape(text).split())


def test_an_assignment_is_named_with_its_parts_and_without_the_time_of_its_row(signed_in, root, acme):
    """It said "Acme for Acme", and "Changed: 30 Nov 15:52 → 30 Nov 15:52"."""
    assignment = GroupAssignmentFactory(group=ThinkificGroupFactory(name="Acme"), team=acme)
    groups.change_direction(assignment, direction="disabled", by=root)

    page = unescape(signed_in(root).get(f"{HISTORY}?kind=groupassignment").content.decode())

    assert "group Acme, team Acme" in page and "Acme for Acme" not in page
    assert "<b>Changed</b>" not in page and "Changed:" not in page
    assert "Direction" in page
