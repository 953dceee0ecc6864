from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from core.models import OutboxEntry, User
from core.services.accounts import account_mail
from integrations.models import InboundEvent, SyncRun, WebhookSubscription
from tests.factories import (
    CertificateFactory,
    ConnectionStateFactory,
    EnrollmentFactory,
    OutboxEntryFactory,
    ProductFactory,
    SeatFactory,
    StripeEventFactory,
    SyncConflictFactory,
    SyncRunFactory,
    UserFactory,
)


@pytest.fixture
def site(settings):
    settings.THINKIFIC_SUBDOMAIN = "acme"
    settings.THINKIFIC_API_KEY = "0" * 32


def team_page(team) -> str:
    return f"/admin/core/team/{team.pk}/change/"


def first_page(signed_in, user) -> str:
    response = signed_in(user).get("/admin/")
    assert response.status_code == 200
    return response.content.decode()


# --- connecting a site ---------------------------------------------------------------------------------


def test_without_credentials_the_page_says_how_to_connect(signed_in, root):
    page = first_page(signed_in, root)

    assert "Connect your Thinkific site" in page
    steps = page[page.index("d-steps") :]
    assert steps[: steps.index("</ol>")].count("<li>") == 3
    for name in ("THINKIFIC_SUBDOMAIN", "THINKIFIC_API_KEY", "THINKIFIC_ACCESS_TOKEN"):
        assert name in page
    assert "no certificates" in page  # what leaving the token out costs
    assert "Test connection" in page


def test_a_connected_site_is_not_told_how_to_connect(signed_in, root, site):
    assert "Connect your Thinkific site" not in first_page(signed_in, root)


def test_without_an_access_token_the_page_says_what_that_costs(signed_in, root, site):
    assert "There is no API access token (THINKIFIC_ACCESS_TOKEN)" in first_page(signed_in, root)


def test_a_refused_key_stands_at_the_top(signed_in, root, site):
    ConnectionStateFactory(
        surface="REST", ok=False, detail="Thinkific refused THINKIFIC_API_KEY for REST: 401."
    )

    page = first_page(signed_in, root)

    assert "Thinkific refuses the API key" in page
    assert page.index("Thinkific refuses the API key") < page.index("Sync health")


def test_a_site_that_did_not_answer_is_not_called_a_refused_key(signed_in, root, site):
    ConnectionStateFactory(surface="REST", ok=False, answered=False, detail="No connection.")

    page = first_page(signed_in, root)

    assert "Thinkific does not answer" in page
    assert "Thinkific refuses the API key" not in page


def test_a_refused_key_says_what_waits_for_it(signed_in, root, site):
    ConnectionStateFactory(surface="REST", ok=False, detail="Refused.")
    assert "Nothing is lost" not in first_page(signed_in, root)

    OutboxEntryFactory(status=OutboxEntry.Status.PENDING)
    OutboxEntryFactory(status=OutboxEntry.Status.DONE)
    assert "1 change waits</a>. Nothing is lost" in first_page(signed_in, root)

    OutboxEntryFactory(status=OutboxEntry.Status.PENDING)
    assert "2 changes wait</a>." in first_page(signed_in, root)


def test_a_key_that_works_is_not_called_refused(signed_in, root, site):
    ConnectionStateFactory(surface="REST", ok=True)

    assert "Thinkific refuses the API key" not in first_page(signed_in, root)


# --- health and attention ------------------------------------------------------------------------------


def test_each_kind_has_its_state(signed_in, root, site):
    SyncRunFactory(kind="products")
    SyncRunFactory(kind="groups", status="failed", errors=[{"object": "", "message": "It broke here."}])
    SyncRunFactory(kind="users", status="running", heartbeat_at=timezone.now(), pages_done=3, pages_total=4)

    page = first_page(signed_in, root)

    assert "Up to date" in page
    assert "It broke here." in page
    assert "3 of 4 pages" in page
    assert "Never synced" in page


def test_a_success_older_than_three_intervals_is_late(signed_in, root, site):
    SyncRunFactory(kind="products", finished_at=timezone.now() - timedelta(hours=4))

    assert "Late" in first_page(signed_in, root)


def test_what_needs_attention_is_named_with_its_number(signed_in, root, site, acme_seat, otto):
    OutboxEntryFactory(status=OutboxEntry.Status.FAILED, error="Email taken")
    StripeEventFactory(status="failed")
    SyncConflictFactory()
    SyncRunFactory(status="partial", guarded=512)
    acme_seat.used_count = 2
    acme_seat.save(update_fields=["used_count"])
    UserFactory()  # in no team
    EnrollmentFactory(user=otto, product=acme_seat.product, expiry_date=timezone.now() + timedelta(days=3))

    page = first_page(signed_in, root)

    assert "1 change was refused by Thinkific" in page
    assert "1 payment was not carried out" in page
    assert "1 conflict between" in page
    assert "512 removals held back" in page
    assert "Acme: Accounting 101 is over its maximum: 2 of 1 places used" in page
    assert "1 person is in no team" in page
    assert "1 enrollment ends within 30 days" in page


@pytest.mark.parametrize(("used", "state"), [(1, "is full"), (2, "is over its maximum")])
@pytest.mark.parametrize(
    ("soft", "takes"),
    [(False, "Nobody new can be enrolled"), (True, "Its limit is soft, so people can still be enrolled")],
)
def test_a_seat_without_places_says_whether_it_takes_more(
    signed_in, root, acme_seat, used, state, soft, takes
):
    acme_seat.used_count, acme_seat.soft_limit = used, soft
    acme_seat.save(update_fields=["used_count", "soft_limit"])

    page = first_page(signed_in, root)
    detail = signed_in(root).get(f"/admin/core/seat/{acme_seat.pk}/change/").content.decode()

    assert f"Acme: Accounting 101 {state}: {used} of 1 places used. {takes} through it." in page
    assert ("nobody new can be enrolled" in detail) is not soft


def counted(answer) -> int:
    return answer.context["cl"].result_count


def test_numbers_lead_to_lists_of_as_many(signed_in, root, mara, ana, bo, accounting, acme, acme_seat):
    """Also courses that came with a bundle, and those that are completed."""
    soon = timezone.now() + timedelta(days=3)
    bundle = EnrollmentFactory(user=ana, product=ProductFactory(productable_type="Bundle"), expiry_date=soon)
    EnrollmentFactory(user=ana, product=accounting, expiry_date=soon, via_bundle=bundle)
    EnrollmentFactory(user=bo, product=accounting, expiry_date=soon, completed_at=timezone.now())
    over = timezone.now() - timedelta(days=1)
    EnrollmentFactory(user=mara, product=accounting, expiry_date=over)
    acme_seat.used_count = acme_seat.max_seats
    acme_seat.save(update_fields=["used_count"])
    SeatFactory(name="Plenty", max_seats=50)

    for who, ending in ((root, 3), (mara, 2)):
        page = first_page(signed_in, who)
        client = signed_in(who)

        assert f"{ending} enrollments end within 30 days" in page
        assert counted(client.get("/admin/core/enrollment/?expires=30")) == ending
        assert "1 seat is full or nearly full" in page
        assert counted(client.get("/admin/core/seat/?places=nearly")) == 1
        figures = signed_in(who).get("/admin/").context["figures"]
        for figure in figures:
            if figure.url and figure.label != "Places used":  # its note says on how many seats
                assert figure.value == str(counted(client.get(figure.url))), (who, figure)


@pytest.fixture
def doubles(db):
    """Two accounts as an older version let them in and the upgrade has left them; and somebody else."""
    older = UserFactory(email="ian@acme.example", is_staff=True)
    newer, other = UserFactory(email="else@acme.example", is_staff=True), UserFactory(is_staff=True)
    QuerySet.update(User.objects.filter(pk=newer.pk), email="\u0131an@acme.example", email_key=None)
    QuerySet.update(User.objects.filter(pk=other.pk), email_key=None)  # to be filled by the worker
    return older, newer


def test_two_accounts_of_one_address_are_shown_and_both_reached(signed_in, root, doubles, mailoutbox):
    page = first_page(signed_in, root)
    assert "2 accounts have the address of another, written differently" in page
    assert "/admin/core/user/?address=shared" in page

    listed = signed_in(root).get("/admin/core/user/?address=shared")

    assert {user.pk for user in listed.context["cl"].result_list} == {one.pk for one in doubles}
    for one in doubles:
        one.refresh_from_db()
        one.set_password("its own secret")
        one.save(update_fields=["password"])
        answer = Client().post(
            "/admin/login/", {"username": one.email, "password": "its own secret", "next": "/admin/"}
        )
        assert answer.status_code == 302
        assert account_mail.send_to_address(one.email) == ""
    assert [mail.to for mail in mailoutbox] == [[one.email] for one in doubles]


def test_accounts_with_addresses_of_their_own_need_no_attention(signed_in, root, doubles):
    User.objects.filter(pk=doubles[1].pk).update(email="ian.two@acme.example")

    assert "written differently" not in first_page(signed_in, root)
    listed = signed_in(root).get("/admin/core/user/?address=shared")
    assert not listed.context["cl"].result_list


def test_managers_are_not_shown_who_has_the_same_address(signed_in, mara, ana, doubles):
    assert "written differently" not in first_page(signed_in, mara)
    assert (
        "written differently" not in signed_in(mara).get("/admin/core/user/?address=shared").content.decode()
    )


def ended(kind, status, message="GET /groups answered 500.", **values):
    errors = [{"object": kind, "message": message}] if status == "failed" else []
    return SyncRunFactory(kind=kind, status=status, finished_at=timezone.now(), errors=errors, **values)


@pytest.mark.parametrize("count", [1, 2])
def test_what_waits_is_one_or_many_in_every_word(signed_in, root, site, count):
    OutboxEntryFactory.create_batch(count, status="failed")
    EnrollmentFactory.create_batch(count, expiry_date=timezone.now() + timedelta(days=3))

    page = signed_in(root).get("/admin/").content.decode()

    one = ["1 change was refused", "answer, correct the cause", "Look at it<", "Extend it in time if"]
    many = ["2 changes were refused", "answers, correct the cause", "Look at them<", "Extend them in time"]
    assert [words for words in one + many if words in page] == (one if count == 1 else many)


def test_a_run_that_failed_stands_there_until_one_went_through(signed_in, root, site):
    failed = ended("groups", "failed")
    ended("groups", "cancelled")
    ended("groups", "succeeded", options={"group_id": 5})

    page = first_page(signed_in, root)
    assert "Groups: the last run failed" in page and "GET /groups answered 500." in page
    assert f"/admin/integrations/syncrun/{failed.pk}/change/" in page

    ended("groups", "succeeded")
    assert "the last run failed" not in first_page(signed_in, root)


def test_many_runs_that_failed_are_one_line(signed_in, root, site):
    for kind in ("users", "groups", "products"):
        ended(kind, "failed")

    page = first_page(signed_in, root)

    assert "The last runs of products, groups and users failed" in page
    assert "/admin/integrations/syncrun/?status=failed" in page


class TestWebhooks:
    WORDS = "No webhooks are subscribed"

    def test_that_none_are_subscribed_is_said_with_the_button(self, signed_in, root, site):
        page = first_page(signed_in, root)

        assert self.WORDS in page
        assert "people within 24 h and enrollments within 5 min" in page
        form = page[page.index("/admin/integrations/inboundevent/subscriptions/register/") :]
        assert 'name="address" value="http://testserver/webhooks/thinkific/"' in form[: form.index("</form>")]

    def test_once_they_are_it_is_not(self, signed_in, root, site):
        WebhookSubscription.objects.create(subscription_id="1", topic="user.signup", target_url="https://x")

        assert self.WORDS not in first_page(signed_in, root)

    def test_nor_where_they_arrive_all_the_same(self, signed_in, root, site):
        InboundEvent.objects.create(event_id="1", topic="user.signup")

        assert self.WORDS not in first_page(signed_in, root)

    def test_a_site_that_is_not_connected_has_other_worries(self, signed_in, root):
        assert self.WORDS not in first_page(signed_in, root)

    def test_managers_do_not_read_of_it(self, signed_in, mara, site):
        assert self.WORDS not in first_page(signed_in, mara)


def test_removals_that_a_later_run_settled_need_no_attention(signed_in, root, site):
    SyncRunFactory(status="partial", guarded=512)
    SyncRunFactory(status="succeeded", full=True)

    assert "held back" not in first_page(signed_in, root)


def test_a_run_that_nobody_carries_out_is_noticed(signed_in, root, site):
    SyncRunFactory(status="queued", created_at=timezone.now() - timedelta(minutes=10))

    assert "No worker is running" in first_page(signed_in, root)


def test_the_number_of_queries_does_not_grow_with_the_data(signed_in, root, site, acme, acme_seat):
    browser = signed_in(root)
    browser.get("/admin/")

    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert browser.get("/admin/").status_code == 200
        return len(captured)

    def grow():
        for number in range(3):
            SyncRunFactory(kind="users", started_by=root)
            OutboxEntryFactory(status=OutboxEntry.Status.FAILED)
            SyncRunFactory(kind="groups", status="partial", guarded=number + 1)
            EnrollmentFactory(product=acme_seat.product, activated_at=timezone.now())

    grow()
    before = queries()
    grow()

    assert queries() == before
    assert before <= 33


# --- who sees what -------------------------------------------------------------------------------------


def test_a_manager_sees_figures_of_their_teams_only(signed_in, mara, ana, otto, acme_seat, globex_seat):
    EnrollmentFactory(user=ana, product=acme_seat.product, expiry_date=timezone.now() + timedelta(days=3))
    EnrollmentFactory(user=otto, product=globex_seat.product, expiry_date=timezone.now() + timedelta(days=3))

    page = first_page(signed_in, mara)

    assert "Acme" in page
    assert "Globex" not in page
    assert "1 enrollment ends within 30 days" in page
    assert "1 of 1" in page  # places
    for hidden in ("Sync health", "Test connection", "Recent runs", acme_seat.name):
        assert hidden not in page


def test_a_manager_sees_how_many_members_a_team_has(signed_in, acme, mara, ana, bo):
    page = first_page(signed_in, mara)

    row = page[page.index("Your teams") :]
    assert f'data-label="Members"><a href="{team_page(acme)}?tab=users">4<' in row  # Owen, Mara, Ana, Bo


def test_a_student_sees_their_own_learning(signed_in, ana, bo, accounting):
    EnrollmentFactory(user=ana, product=accounting, percentage_completed="0.42")
    CertificateFactory(user=ana, product=accounting, url="javascript:alert(1)")
    EnrollmentFactory(user=bo)

    page = first_page(signed_in, ana)

    assert "Accounting 101" in page
    assert "42&nbsp;%" in page
    assert bo.enrollments.get().product.name not in page
    assert "javascript:alert" not in page
    assert "Sync health" not in page


def test_a_student_without_courses_is_told_what_to_do(signed_in, ana):
    assert "You are not enrolled in a course yet" in first_page(signed_in, ana)


def test_long_and_foreign_names_are_escaped(signed_in, root, site):
    SyncRunFactory(
        kind="users", status="partial", errors=[{"object": "<b>x</b>" * 30, "message": "<script>1</script>"}]
    )

    page = first_page(signed_in, root)

    assert "<script>1</script>" not in page
    assert SyncRun.objects.count() == 1
