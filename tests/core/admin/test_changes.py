import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.factories import MembershipFactory, RoleFactory, TeamFactory

HISTORY = "/admin/history/"


def test_changes_of_every_kind_stand_together(signed_in, root, acme, ana):
    acme.name = "Acme Industries"
    acme.save()

    page = signed_in(root).get(HISTORY).content.decode()

    assert "Acme Industries" in page
    assert "Ana Ames in Acme" in page  # her membership
    assert "Changed" in page


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
