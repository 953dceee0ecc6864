"""The keys for Thinkific in Settings: entered, in use, never shown."""

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from core.models import SiteSettings, StoredSecret
from core.services.site import connection, secrets
from integrations.health import thinkific as health_of_thinkific
from integrations.health import webhooks as health_of_webhooks
from integrations.queue.tasks import prune
from integrations.thinkific.budget.request_budget import SharedBudget
from integrations.thinkific.client.credentials import Credentials
from integrations.thinkific.client.errors import NotConfigured
from integrations.thinkific.webhooks import view
from tests.core.admin.settings.test_tabs import address
from tests.dialogs import Inputs

pytestmark = pytest.mark.django_db
Name = StoredSecret.Name
KEY, TOKEN = "k1-never-to-be-seen-0123456789ab", "t1-never-to-be-seen-" + "x" * 40


@pytest.fixture(autouse=True)
def _no_environment(settings):
    settings.THINKIFIC_SUBDOMAIN = settings.THINKIFIC_API_KEY = settings.THINKIFIC_ACCESS_TOKEN = ""
    settings.THINKIFIC_WEBHOOK_SECRETS, settings.THINKIFIC_RATE_LIMIT = [], 0
    SiteSettings.load()


def do(slug: str) -> str:
    return reverse("admin:core_sitesettings_do", args=[1, slug])


def test_a_key_is_entered_and_all_that_uses_it_has_it(alma, signed_in):
    client = signed_in(alma)
    page = client.get(address("thinkific")).content.decode()
    assert page.count("Not set") == 3 and do("remove-api-key") not in page

    client.post(do("change-api-key"), {"secret": f"  {KEY}\n"})
    client.post(do("change-api-access-token"), {"secret": TOKEN})
    client.post(do("change-webhook-secrets"), {"secret": "one-secret\n\n two-secret "})
    form = Inputs(client.get(address("thinkific")).content.decode().split('id="sitesettings_form"')[1]).sent
    client.post(address("thinkific"), form | {"thinkific_subdomain": "Acme", "thinkific_rate_limit": "60"})

    credentials = Credentials.from_settings()
    assert (credentials.subdomain, credentials.api_key, credentials.access_token) == ("acme", KEY, TOKEN)
    assert credentials.complete and credentials.missing == []
    assert view.secrets() == ["one-secret", "two-secret", KEY, TOKEN]
    assert SharedBudget.from_settings().limits.requests == 60
    assert connection.has_access_token()
    assert KEY not in repr(credentials)


@pytest.mark.parametrize(
    ("slug", "said"), [("webhook-secrets", "The webhook secrets are"), ("api-key", "The API key is")]
)
def test_one_and_several_secrets_are_told_in_words_that_fit(alma, signed_in, slug, said):
    client = signed_in(alma)

    stored = client.post(do(f"change-{slug}"), {"secret": "one"}, follow=True).content.decode()
    asked = client.get(do(f"remove-{slug}")).content.decode()
    removed = client.post(do(f"remove-{slug}"), follow=True).content.decode()

    assert f"{said} stored." in stored and f"{said} removed." in removed
    assert f"{said.replace('The', 'The stored')} deleted" in asked


def test_no_page_table_or_history_has_the_key(alma, signed_in):
    client = signed_in(alma)
    client.post(do("change-api-key"), {"secret": KEY})
    client.post(do("change-api-key"), {"secret": KEY + "-second"})

    row = StoredSecret.objects.get()
    assert KEY not in row.encrypted and secrets.decrypt(row.encrypted) == KEY + "-second"
    for path in (
        address("thinkific"),
        do("change-api-key"),
        reverse("admin:history"),
        reverse("admin:index"),
    ):
        assert KEY not in client.get(path).content.decode()
    kept = StoredSecret.history.order_by("history_id")
    assert [(one.history_type, one.history_user) for one in kept] == [("+", alma), ("~", alma)]
    assert "API key" in client.get(reverse("admin:history")).content.decode()


@pytest.mark.parametrize("slug", ["change-api-key", "change-webhook-secrets"])
def test_a_key_that_is_refused_is_not_shown_again(alma, signed_in, slug):
    page = signed_in(alma).post(do(slug), {"secret": f"{KEY}\u2028é"}).content.decode()

    assert "characters that cannot be sent" in page
    assert KEY not in page
    assert not StoredSecret.objects.exists()


def test_a_key_is_removed(alma, signed_in):
    client = signed_in(alma)
    secrets.store(Name.API_KEY, KEY)
    assert do("remove-api-key") in client.get(address("thinkific")).content.decode()
    shown = Inputs(client.get(do("remove-api-key")).content.decode().split('id="dialog"')[1]).sent

    client.post(do("remove-api-key"), shown)

    assert not StoredSecret.objects.exists()
    assert not Credentials.from_settings().complete
    assert StoredSecret.history.order_by("-history_id").first().history_type == "-"


def test_two_people_at_once_the_second_is_asked_again(alma, signed_in):
    client = signed_in(alma)
    secrets.store(Name.API_KEY, KEY)
    shown = Inputs(client.get(do("change-api-key")).content.decode().split('id="dialog"')[1]).sent
    secrets.store(Name.API_KEY, "the-key-of-somebody-else-0123456")

    client.post(do("change-api-key"), shown | {"secret": "mine-0123456789-0123456789-01234"})

    assert connection.secret(Name.API_KEY).value == "the-key-of-somebody-else-0123456"


def test_the_environment_wins_and_the_screen_says_so(alma, signed_in, settings):
    secrets.store(Name.API_KEY, KEY)
    SiteSettings.objects.update(thinkific_subdomain="stored", thinkific_rate_limit=7)
    settings.THINKIFIC_API_KEY, settings.THINKIFIC_SUBDOMAIN = "e" * 32, "from-environment"
    settings.THINKIFIC_RATE_LIMIT = 900
    client = signed_in(alma)

    response = client.get(address("thinkific"))
    page = response.content.decode()

    assert (Credentials.from_settings().api_key, Credentials.from_settings().subdomain) == (
        "e" * 32,
        "from-environment",
    )
    assert SharedBudget.from_settings().limits.requests == 900
    assert not {"thinkific_subdomain", "thinkific_rate_limit"} & set(
        response.context["adminform"].form.fields
    )
    assert "from-environment</b>. Set by the environment (THINKIFIC_SUBDOMAIN)" in page
    assert "900</b>. Set by the environment (THINKIFIC_RATE_LIMIT)" in page
    assert do("change-api-key") not in page and "e" * 32 not in page
    client.post(do("change-api-key"), {"secret": "another-0123456789-0123456789-01"})
    assert secrets.decrypt(StoredSecret.objects.get().encrypted) == KEY


def test_with_keys_of_the_environment_nothing_is_read(credentials, settings, django_assert_num_queries):
    settings.THINKIFIC_SUBDOMAIN, settings.THINKIFIC_API_KEY = "acme", "0" * 32
    settings.THINKIFIC_ACCESS_TOKEN, settings.THINKIFIC_RATE_LIMIT = "1" * 60, 120
    with django_assert_num_queries(0):
        assert Credentials.from_settings().complete
        SharedBudget.from_settings()


@pytest.mark.parametrize("name", ["mara", "ana"])
def test_nobody_else_changes_a_key(name, request, signed_in):
    client = signed_in(request.getfixturevalue(name))
    for slug in ("change-api-key", "remove-api-key"):
        assert client.get(do(slug)).status_code in {302, 403, 404}
        client.post(do(slug), {"secret": KEY})
    assert not StoredSecret.objects.exists()


# --- another SECRET_KEY ------------------------------------------------------------------------------


def test_a_lost_secret_key_is_said_and_nothing_breaks(alma, signed_in, settings):
    for name in Name:
        secrets.store(name, KEY)
    settings.SECRET_KEY = "another-key-of-fifty-characters-at-least-0123456789-abc"

    assert not Credentials.from_settings().complete
    with pytest.raises(NotConfigured, match="SECRET_KEY was changed"):
        Credentials.from_settings().headers("REST")
    assert view.secrets() == []
    for health in (health_of_thinkific(), health_of_webhooks()):
        assert not health.ok and "SECRET_KEY was changed" in health.detail
    client = signed_in(alma)
    page = client.get(address("thinkific")).content.decode()
    assert page.count("Cannot be read") == 3 and "SECRET_KEY_FALLBACKS" in page
    assert client.get(reverse("admin:index")).status_code == 200
    with pytest.raises(CommandError):
        call_command("check_health")
    client.post(do("change-api-key"), {"secret": KEY})
    assert connection.secret(Name.API_KEY).value == KEY


def test_a_former_secret_key_still_decrypts_until_the_keys_are_encrypted_again(settings):
    former = settings.SECRET_KEY
    secrets.store(Name.API_KEY, KEY)
    kept = StoredSecret.history.count()
    settings.SECRET_KEY = "another-key-of-fifty-characters-at-least-0123456789-abc"
    settings.SECRET_KEY_FALLBACKS = [former]
    assert connection.secret(Name.API_KEY).value == KEY

    assert prune()["encrypted_again"] == 1

    settings.SECRET_KEY_FALLBACKS = []
    assert connection.secret(Name.API_KEY).value == KEY
    assert prune()["encrypted_again"] == 0
    assert StoredSecret.history.count() == kept


def test_a_token_that_cannot_be_read_is_said_beside_what_works(settings):
    secrets.store(Name.ACCESS_TOKEN, TOKEN)
    settings.SECRET_KEY = "another-key-of-fifty-characters-at-least-0123456789-abc"
    settings.THINKIFIC_API_KEY, settings.THINKIFIC_SUBDOMAIN = "e" * 32, "acme"

    credentials = Credentials.from_settings()

    assert credentials.complete
    assert "API access token stored in Settings cannot be read" in credentials.missing[0]
    assert not health_of_thinkific().ok
