"""Who is signed in to Thinkific from here, with which token, and who is refused because they could become
somebody else there."""

import logging
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from django.conf import settings as django_settings
from django.utils import timezone

from core import acting
from core.errors import NotInTheirName, Refusal
from core.models import OutboxEntry, Product, SiteSettings, ThinkificOpening, User
from core.services import outbox, people
from core.services.accounts import email_changes
from core.services.opening import obstacles, opening
from core.services.opening.opening import NotNow, NotTheirAccount
from core.services.site import thinkific_site
from integrations.models import SyncConflict
from integrations.queue import retention
from tests.factories import (
    EnrollmentFactory,
    ProductFactory,
    SyncConflictFactory,
    ThinkificOpeningFactory,
    UserFactory,
)

SITE = "https://acme.thinkific.com"


def asked(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def token_of(url: str) -> dict:
    return jwt.decode(asked(url)["jwt"], "0" * 32, algorithms=["HS256"])


@pytest.fixture
def course() -> Product:
    return ProductFactory(name="Accounting 101", slug="accounting-101")


# --- the token ---------------------------------------------------------------------------------------


def test_the_token_says_who_it_is_and_is_short_lived(ana):
    url = opening.open_for(ana)

    assert url.startswith(f"{SITE}/api/sso/v2/sso/jwt?")
    fields = token_of(url)
    assert fields.pop("jti")
    now = timezone.now().timestamp()
    assert now - 5 <= fields["iat"] <= now and fields.pop("exp") - fields.pop("iat") == 120
    assert fields == {
        "email": "ana@acme.example",
        "first_name": "Ana",
        "last_name": "Ames",
        "external_id": f"dashboard-{ana.pk}",
    }
    assert jwt.get_unverified_header(asked(url)["jwt"])["alg"] == "HS256"
    assert asked(url)["return_to"] == f"{SITE}/enrollments"
    assert asked(url)["error_url"] == f"{django_settings.SITE_URL}/admin/thinkific/not-opened/"


def test_empty_names_are_filled_in_as_a_push_does(ana):
    User.objects.filter(pk=ana.pk).update(first_name="", last_name="")

    fields = token_of(opening.open_for(ana))

    assert (fields["first_name"], fields["last_name"]) == ("ana", "-")


def test_each_opening_is_recorded_without_the_token(ana, course):
    EnrollmentFactory(user=ana, product=course)

    url = opening.open_for(ana, product=course, ip_address="192.0.2.7")

    row = ThinkificOpening.objects.get()
    assert (row.user, row.email, row.thinkific_id) == (ana, ana.email, 90_001)
    assert (row.ip_address, row.product) == ("192.0.2.7", course)
    assert row.page == f"{SITE}/courses/take/accounting-101"
    stored = [str(getattr(row, field.attname)) for field in row._meta.concrete_fields]
    assert asked(url)["jwt"] not in " ".join(stored)


def test_the_token_is_in_no_log(ana, caplog, django_capture_on_commit_callbacks):
    with caplog.at_level(logging.DEBUG), django_capture_on_commit_callbacks(execute=True):
        url = opening.open_for(ana)

    assert asked(url)["jwt"] not in caplog.text


def test_the_record_outlives_the_account_by_its_name(ana):
    opening.open_for(ana)
    User.objects.get(pk=ana.pk).delete()

    row = ThinkificOpening.objects.get()
    assert row.user is None and "Ana Ames" in row.user_name


# --- where it leads ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "page"),
    [
        ({}, "/courses/accounting-101"),
        ({"bundle": True}, "/bundles/accounting-101"),
        ({"slug": ""}, "/enrollments"),
        ({"slug": "../../@evil.example/?a=b#c"}, "/courses/..%2F..%2F%40evil.example%2F%3Fa%3Db%23c"),
        ({"slug": "\\\\evil.example"}, "/courses/%5C%5Cevil.example"),
    ],
)
def test_it_leads_to_the_products_page_and_never_out_of_the_site(ana, values, page):
    product = ProductFactory(**{"slug": "accounting-101"} | values)

    assert asked(opening.open_for(ana, product=product))["return_to"] == f"{SITE}{page}"


def test_who_has_access_is_led_to_where_they_learn_and_others_to_the_public_page(ana, course):
    enrollment = EnrollmentFactory(user=ana, product=course)
    assert asked(opening.open_for(ana, product=course))["return_to"].endswith("/courses/take/accounting-101")

    enrollment.expiry_date = timezone.now() - timedelta(days=1)
    enrollment.save(update_fields=["expiry_date"])
    assert asked(opening.open_for(ana, product=course))["return_to"].endswith("/courses/accounting-101")


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/courses/a",
        "//evil.example/a",
        "http://acme.thinkific.com/a",
        "https://acme.thinkific.com.evil.example/a",
        "https://acme.thinkific.com@evil.example/a",
        "https://acme.thinkific.com:444/a",
        "https://acme.thinkific.com\\@evil.example/a",
        "https://acme.thinkific.com/\t/evil.example",
        "https://acme.thinkific.com",
        "javascript:alert(1)",
        "",
    ],
)
def test_addresses_outside_of_the_site_are_recognised(credentials, db, url):
    assert not thinkific_site.is_inside(url)
    assert thinkific_site.is_inside(f"{SITE}/courses/a")


# --- where it is off ---------------------------------------------------------------------------------


def test_without_sso_the_ordinary_pages_are_opened(ana, course):
    User.objects.filter(pk=ana.pk).update(sso_enabled=False)

    assert opening.open_for(ana) == f"{SITE}/users/sign_in"
    assert opening.open_for(ana, product=course) == f"{SITE}/courses/accounting-101"
    assert not ThinkificOpening.objects.exists()
    assert not opening.is_offered(User.objects.get(pk=ana.pk))


def test_the_setting_switches_it_off_for_everybody(ana):
    SiteSettings.objects.update(open_in_thinkific=False)

    assert opening.open_for(ana) == f"{SITE}/users/sign_in"
    assert not opening.is_offered(ana)


def test_without_a_site_nothing_is_opened(ana, settings):
    settings.THINKIFIC_API_KEY = ""

    assert not opening.is_offered(ana)
    with pytest.raises(Refusal, match="connected to no Thinkific site"):
        opening.open_for(ana)


def test_a_switched_off_account_opens_nothing(ana):
    User.objects.filter(pk=ana.pk).update(is_active=False)

    with pytest.raises(Refusal, match="switched off"):
        opening.open_for(ana)


def test_nobody_opens_it_while_acting_as_somebody(ana):
    with acting.begun(acting.Acting(1, 1, "Alma Admin", "Ana Ames")):
        assert not opening.is_offered(ana)
        with pytest.raises(NotInTheirName, match="in somebody else's name"):
            opening.open_for(ana)
    assert not ThinkificOpening.objects.exists()


def test_after_sixty_openings_a_person_waits(ana, monkeypatch):
    monkeypatch.setattr(opening, "AN_HOUR", 2)
    opening.open_for(ana)
    opening.open_for(ana)

    with pytest.raises(opening.TooOften):
        opening.open_for(ana)
    assert ThinkificOpening.objects.count() == 2


# --- who could become somebody else ------------------------------------------------------------------


def refused(user: User, match: str, kind: type[Refusal] = NotTheirAccount) -> None:
    user = User.objects.get(pk=user.pk)
    with pytest.raises(kind, match=match):
        opening.open_for(user)
    assert opening.is_offered(user) is (kind is NotNow)
    assert not ThinkificOpening.objects.exists()


@pytest.mark.parametrize("role", ["site_admin", "course_admin", "group_analyst", "affiliate"])
def test_an_account_with_rights_in_thinkific_is_not_opened(ana, role):
    User.objects.filter(pk=ana.pk).update(thinkific_roles=[role])

    refused(ana, "rights of its own")


def test_a_new_address_that_has_not_arrived_opens_nothing(ana):
    """Thinkific could have the new address on somebody else's account."""
    people.write(ana, {"email": "boss@acme.example"}, by=None, reason="changed")
    refused(ana, "on its way", NotNow)

    OutboxEntry.objects.update(status="failed")
    refused(ana, "refused your new e-mail address")

    OutboxEntry.objects.update(status="done")
    assert token_of(opening.open_for(ana))["email"] == "boss@acme.example"


def test_a_discarded_address_opens_nothing_before_both_sides_were_compared(ana):
    people.write(ana, {"email": "boss@acme.example"}, by=None, reason="changed")
    outbox.discard(OutboxEntry.objects.all())
    refused(ana, "may be another one in Thinkific")

    User.objects.filter(pk=ana.pk).update(remote_digest=1)  # a pull found both equal
    assert opening.open_for(ana)


def test_an_unsent_name_does_not_matter(ana):
    people.update_user(ana, first_name="Anna")
    OutboxEntry.objects.update(status="failed")

    assert token_of(opening.open_for(ana))["first_name"] == "Anna"


def test_an_unconfirmed_address_is_not_used(ana, alma):
    email_changes.ask(ana, "new@acme.example", by=alma)

    assert token_of(opening.open_for(ana))["email"] == "ana@acme.example"


@pytest.mark.parametrize(
    "values",
    [
        {"kind": SyncConflict.Kind.LINK, "thinkific_id": 7},
        {"kind": SyncConflict.Kind.EMAIL, "thinkific_id": 90_001},
        {"kind": SyncConflict.Kind.VALUE, "field": "email"},
    ],
)
def test_an_open_conflict_about_who_they_are_opens_nothing(ana, values):
    conflict = SyncConflictFactory(object_id=ana.pk, **values)
    refused(ana, "not settled yet")

    SyncConflict.objects.filter(pk=conflict.pk).update(settled_at=timezone.now())
    assert opening.open_for(ana)


def test_an_address_that_thinkific_gives_to_another_account_opens_nothing(ana, bo):
    SyncConflictFactory(object_id=bo.pk, kind=SyncConflict.Kind.EMAIL, theirs="Ana@acme.example")

    refused(ana, "not settled yet")


def test_a_conflict_about_a_name_does_not_matter(ana):
    SyncConflictFactory(object_id=ana.pk)

    assert opening.open_for(ana)


def test_an_address_that_two_accounts_here_share_opens_nothing(ana):
    User.objects.filter(pk=ana.pk).update(email_key=None)

    refused(ana, "same e-mail address")


def test_an_account_that_thinkific_removed_is_not_made_anew(ana):
    User.objects.filter(pk=ana.pk).update(removed_at=timezone.now())

    refused(ana, "removed there")
    assert not OutboxEntry.objects.exists()


def test_without_an_account_it_is_made_as_all_others_are_and_no_token_before(ana):
    User.objects.filter(pk=ana.pk).update(thinkific_id=None)
    refused(ana, "being made", NotNow)
    refused(ana, "being made", NotNow)
    entry = OutboxEntry.objects.get()
    assert (entry.entity, entry.object_id) == ("user", ana.pk)

    OutboxEntry.objects.update(status="failed")
    refused(ana, "could not be made")


def test_every_obstacle_is_said_to_the_person_and_to_administrators():
    found = [one for one in vars(obstacles).values() if isinstance(one, obstacles.Obstacle)]

    assert len(found) == 9
    for one in found:
        assert one.said.endswith(".") and one.told.endswith(".") and "administrator" not in one.told


# --- the link's text, retention ----------------------------------------------------------------------


@pytest.mark.parametrize(("text", "shown"), [("To my courses", "To my courses"), ("  ", "Open in Thinkific")])
def test_the_settings_have_the_text_of_the_link(ana, text, shown):
    SiteSettings.objects.update(sso_link_text=text)

    assert opening.link_text() == shown


def test_old_openings_are_deleted(db):
    SiteSettings.load()
    SiteSettings.objects.update(retention_days=30)
    old = ThinkificOpeningFactory(opened_at=timezone.now() - timedelta(days=31))
    new = ThinkificOpeningFactory(user=UserFactory(), opened_at=timezone.now() - timedelta(days=29))

    retention.prune()

    assert list(ThinkificOpening.objects.all()) == [new] and old.pk
