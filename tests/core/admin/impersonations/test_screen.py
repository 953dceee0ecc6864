"""The screen of all impersonations: what it tells, and that nobody changes it."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.apps import apps
from django.db import DatabaseError, connection, transaction
from django.db.models import ProtectedError
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from core import acting
from core.admin.kit import cells
from core.admin.kit.recorded import RECORDED
from core.admin.kit.recorded_at import LISTED
from core.models import ImpersonationSession, OutboxEntry, SeatTag, SiteSettings, StoredSecret, User
from core.services import people, tags
from core.services.accounts import impersonation
from core.services.history import signed
from core.services.site import secrets
from tests import factories
from tests.factories import ImpersonationSessionFactory, TagFactory, UserFactory

pytestmark = pytest.mark.django_db
LIST = "/admin/core/impersonationsession/"


def stored_key() -> StoredSecret:
    secrets.store(StoredSecret.Name.API_KEY, "x")
    return StoredSecret.objects.get()


def tag_of_a_seat() -> SeatTag:
    return SeatTag.objects.create(seat=factories.SeatFactory(), tag=TagFactory())


MADE = {"sitesettings": SiteSettings.load, "storedsecret": stored_key, "seattag": tag_of_a_seat}


@pytest.fixture
def going_on(alma, mara):
    return impersonation.begin(
        impersonator=alma, impersonated=mara, reason="Cannot find her seats", address="192.0.2.7"
    )


@pytest.fixture
def left(alma, owen):
    began = timezone.now() - timedelta(days=3)
    return ImpersonationSession.objects.create(
        impersonator=UserFactory(first_name="Ben", last_name="Boss", administrator=True),
        impersonated=owen,
        started_at=began,
        ended_at=began + timedelta(minutes=12),
        ended_by="left",
    )


def in_session(session):
    return acting.begun(acting.Acting(session.pk, session.impersonator_id, "Alma Admin", "Mara Marsh"))


def words(response) -> str:
    return response.content.decode()


def detail(session) -> str:
    return reverse("admin:core_impersonationsession_change", args=[session.pk])


def test_the_list_says_all_of_each(alma, going_on, left, signed_in):
    page = words(signed_in(alma).get(LIST))

    for said in ("Alma Admin", "Mara Marsh", "192.0.2.7", "Cannot find her seats", "Going on"):
        assert said in page
    for said in ("Ben Boss", "Owen Owner", "12 minutes", "Leave Impersonation"):
        assert said in page


def test_what_just_stopped_is_shown_as_timed_out(alma, mara, signed_in):
    ImpersonationSession.objects.create(
        impersonator=alma, impersonated=mara, started_at=timezone.now() - timedelta(hours=5)
    )

    page = words(signed_in(alma).get(LIST))

    assert "Timed out" in page
    assert "60 minutes" in page
    assert "Going on</span>" not in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("state=on", "Mara"),
        ("state=over", "Owen"),
        ("since=1", "Mara"),
        ("q=mara", "Mara"),
        ("q=boss", "Owen"),
        ("q=owen@acme.example", "Owen"),
    ],
)
def test_filters_and_search(alma, going_on, left, signed_in, query, found):
    rows = words(signed_in(alma).get(f"{LIST}?{query}")).split("result_list")[-1]

    other = {"Mara": "Owen Owner", "Owen": "Mara Marsh"}[found]
    assert found in rows
    assert other not in rows


def test_filters_by_the_people(alma, owen, mara, going_on, left, signed_in):
    for query, found in [(f"impersonator={alma.pk}", {going_on.pk}), (f"impersonated={owen.pk}", {left.pk})]:
        page = signed_in(alma).get(f"{LIST}?{query}")
        assert set(page.context["cl"].keys) == found


def test_the_export_has_the_columns_of_the_list(alma, going_on, left, signed_in):
    file = b"".join(signed_in(alma).get(f"{LIST}export/file/").streaming_content).decode()

    assert "Alma Admin" in file
    assert "Leave Impersonation" in file
    assert "192.0.2.7" in file
    assert len(file.strip().splitlines()) == 3


def test_every_change_is_listed_with_a_link(alma, mara, ana, bo, going_on, signed_in):
    User.objects.update(thinkific_id=None)
    User.objects.filter(pk=ana.pk).update(thinkific_id=4711)
    ana.refresh_from_db()
    tag = TagFactory(name="VIP")
    with in_session(going_on):
        people.update_user(ana, by=mara, first_name="Anna", last_name="Ames", is_active=True)
        tags.add_tags([ana, bo], [tag], by=mara)
    people.update_user(bo, by=mara, first_name="Bob", last_name="Berg", is_active=True)

    page = words(signed_in(alma).get(detail(going_on)))

    changes = page[page.index("changes-made") :]
    assert reverse("admin:core_user_history", args=[ana.pk]) in changes
    assert "Alma Admin as Mara Marsh" in changes
    assert changes.count("VIP on") == 2
    assert "→ <bdi>Bob" not in changes
    entry = OutboxEntry.objects.get(object_id=ana.pk, entity="user")
    assert reverse("admin:core_outboxentry_change", args=[entry.pk]) in changes
    assert "Alma Admin as Mara Marsh" in words(
        signed_in(alma).get(reverse("admin:core_outboxentry_change", args=[entry.pk]))
    )


@pytest.mark.parametrize("slug", RECORDED)
def test_every_kind_of_change_leads_to_where_it_stands(slug, alma, mara, acme, ana, going_on, signed_in):
    """All tracked models: the object's history, or the tab of the page that lists it."""
    made = MADE[slug]() if slug in MADE else getattr(factories, f"{RECORDED[slug].model.__name__}Factory")()
    with in_session(going_on):
        signed(made, by=mara, reason="changed here").save()
    browser = signed_in(alma)

    page = words(browser.get(detail(going_on)))
    row = page[page.index("changes-made") :].split("changed here")[0].rsplit("<tr>", 1)[-1]
    address = unescape(re.search(r'<a class="d-strong" href="([^"]+)"', row)[1])

    assert browser.get(address).status_code == 200
    wanted = LISTED.get(slug)
    if wanted:
        stands = getattr(made, wanted[0])
        assert address == cells.detail_url(stands, wanted[1])


def test_what_stood_on_the_page_of_somebody_deleted_says_so(alma, mara, bo, going_on, signed_in):
    with in_session(going_on):
        tags.add_tags([bo], [TagFactory(name="VIP")], by=mara)
    bo.delete()

    page = words(signed_in(alma).get(detail(going_on)))

    changes = page[page.index("changes-made") :]
    assert "VIP on" in changes and ">deleted</span>" in changes
    assert reverse("admin:core_user_change", args=[bo.pk or 0]) not in changes


def test_the_history_can_be_limited_to_one(alma, mara, ana, bo, going_on, signed_in):
    with in_session(going_on):
        people.update_user(ana, by=mara, first_name="Anna", last_name="Ames", is_active=True)
    people.update_user(bo, by=mara, first_name="Bob", last_name="Berg", is_active=True)
    browser, address = signed_in(alma), reverse("admin:history")

    page = words(browser.get(f"{address}?impersonation={going_on.pk}"))
    assert "Anna" in page
    assert "Bob" not in page
    assert "Anna" in words(browser.get(f"{address}?kind=user&impersonation={going_on.pk}"))
    for wrong in ("0", "x", "99999999999999999999"):
        assert "Anna" not in words(browser.get(f"{address}?impersonation={wrong}"))


def test_the_page_costs_the_same_with_many_changes(alma, mara, acme, going_on, signed_in):
    browser = signed_in(alma)
    with in_session(going_on):
        tags.add_tags([mara], [TagFactory()], by=mara)

    def count() -> int:
        with CaptureQueriesContext(connection) as found:
            assert browser.get(detail(going_on)).status_code == 200
        return len(found)

    count()
    few = count()
    with in_session(going_on):
        tags.add_tags(UserFactory.create_batch(30), [TagFactory()], by=mara)
    assert count() == few


# --- nobody changes it ------------------------------------------------------------------------------------


def test_only_who_may_see_the_audit_opens_it(alma, root, mara, owen, ana, going_on, signed_in):
    for user in (mara, owen, ana):
        assert signed_in(user).get(LIST).status_code in {403, 404}
        assert signed_in(user).get(detail(going_on)).status_code in {302, 403, 404}
    assert signed_in(root).get(detail(going_on)).status_code == 200


@pytest.mark.parametrize("who", ["alma", "root"])
def test_no_address_changes_or_deletes_one(request, who, going_on, signed_in):
    browser = signed_in(request.getfixturevalue(who))
    fields = {"reason": "changed", "_save": "Save"}

    assert browser.post(detail(going_on), fields).status_code in {403, 404}
    delete = reverse("admin:core_impersonationsession_delete", args=[going_on.pk])
    assert browser.post(delete, {"post": "yes"}).status_code in {403, 404}
    assert browser.post(reverse("admin:core_impersonationsession_add"), fields).status_code in {403, 404}
    browser.post(LIST, {"action": "delete_selected", "_selected_action": going_on.pk, "post": "yes"})

    going_on.refresh_from_db()
    assert going_on.reason == "Cannot find her seats"


CHANGES = {
    "deletion": lambda rows: rows.delete(),
    "raw deletion": lambda rows: rows._raw_delete(rows.db),
    "another reason": lambda rows: rows.update(reason="changed"),
    "another administrator": lambda rows: rows.update(impersonator=UserFactory()),
    "another time": lambda rows: rows.update(started_at=timezone.now() - timedelta(minutes=1)),
    "another address": lambda rows: rows.update(ip_address="192.0.2.8"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_the_database_refuses_to_change_or_delete_a_record(going_on, change):
    rows = ImpersonationSession.objects.filter(pk=going_on.pk)
    with pytest.raises(DatabaseError, match="is kept"), transaction.atomic():
        change(rows)

    assert rows.get().reason == "Cannot find her seats"


def test_the_end_is_written_once(going_on):
    assert impersonation.end(going_on, "left")
    assert not impersonation.end(going_on, "signed_out")

    rows = ImpersonationSession.objects.filter(pk=going_on.pk)
    for change in ({"ended_by": "revoked"}, {"ended_at": None, "ended_by": ""}):
        with pytest.raises(DatabaseError, match="is kept"), transaction.atomic():
            rows.update(**change)
    assert rows.get().ended_by == "left"


@pytest.mark.parametrize("who", ["impersonator", "impersonated"])
def test_people_in_the_record_are_not_deleted(who):
    session = ImpersonationSessionFactory()
    with pytest.raises(ProtectedError):
        getattr(session, who).delete()


def test_no_history_is_left_out():
    tracked = {model for model in apps.get_models() if hasattr(model, "history")}

    assert {kind.model for kind in RECORDED.values()} == tracked


def test_the_beginning_and_the_address_have_names_of_their_own(alma, mara, signed_in):
    page = signed_in(alma).get("/admin/core/impersonationsession/").content.decode()

    assert ">From<" not in page
