"""Somebody without an account in Thinkific opens it: which account they come to, and who is nobody else's."""

import pytest

from core.models import OutboxEntry, SiteSettings, User
from core.services.accounts import email_changes
from core.services.opening import opening
from core.services.opening.opening import NotNow, NotTheirAccount
from integrations.models import SyncConflict
from integrations.thinkific import identities
from tests.factories import UserFactory


@pytest.fixture
def ada() -> User:
    """Somebody with a password, so protected."""
    SiteSettings.load()
    SiteSettings.objects.update(open_in_thinkific=True)
    return UserFactory(
        first_name="Ada", last_name="Roe", email="ada@new.example", password="a password", sso_enabled=True
    )


def test_an_account_is_made_and_opened(site, push, ada):
    with pytest.raises(NotNow):
        opening.open_for(ada)
    assert push() == {"done": 1}

    assert "jwt=" in opening.open_for(ada)
    ada.refresh_from_db()
    assert site.user_by_email(ada.email).id == ada.thinkific_id


def test_an_account_that_has_the_address_is_not_opened_before_an_administrator_decides(site, push, ada, alma):
    site.write(
        "create_user",
        fields={"email": ada.email, "first_name": "Boss", "last_name": "Big", "roles": ["site_admin"]},
    )
    with pytest.raises(NotNow):
        opening.open_for(ada)
    push()

    with pytest.raises(NotTheirAccount, match="not settled yet"):
        opening.open_for(ada)
    assert not opening.is_offered(ada)

    identities.link(SyncConflict.objects.get(), by=alma)
    push()
    with pytest.raises(NotTheirAccount):  # it has rights there
        opening.open_for(ada)
    assert User.objects.get(pk=ada.pk).thinkific_roles == ["site_admin"]


def test_accounts_kept_apart_stay_apart(site, push, ada, alma):
    site.write("create_user", fields={"email": ada.email, "first_name": "Otha", "last_name": "Er"})
    with pytest.raises(NotNow):
        opening.open_for(ada)
    push()
    identities.keep_apart(SyncConflict.objects.get(), by=alma)

    for _ in range(3):
        with pytest.raises((NotNow, NotTheirAccount)):
            opening.open_for(ada)
        push()
    assert User.objects.get(pk=ada.pk).thinkific_id is None


def test_the_address_of_somebody_else_in_thinkific_opens_nothing(site, push, pull, ada, alma):
    """An administrator changes Ada's address to that of a person in Thinkific who was not pulled yet."""
    with pytest.raises(NotNow):
        opening.open_for(ada)
    push()
    assert opening.open_for(ada)
    site.write("create_user", fields={"email": "boss@big.example", "first_name": "Boss", "last_name": "Big"})

    email_changes.change_at_once(User.objects.get(pk=ada.pk), "boss@big.example", by=alma, reason="changed")
    for _ in range(2):
        with pytest.raises((NotNow, NotTheirAccount)):
            opening.open_for(ada)
        push()
    assert OutboxEntry.objects.filter(status="failed").exists()
    with pytest.raises(NotTheirAccount, match="refused your new e-mail address"):
        opening.open_for(ada)
