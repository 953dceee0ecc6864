"""Ana may open Thinkific: a site is connected, single sign-on is on, and her account there is known."""

import pytest

from core.models import SiteSettings, User


@pytest.fixture
def sso(credentials, db):
    SiteSettings.load()
    SiteSettings.objects.update(open_in_thinkific=True)


@pytest.fixture
def ana(sso, ana) -> User:
    ana.sso_enabled, ana.thinkific_id = True, 90_001
    ana.save(update_fields=["sso_enabled", "thinkific_id"])
    return ana
