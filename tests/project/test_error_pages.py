from django.contrib.staticfiles import finders
from django.test import Client
from django.views.defaults import server_error


def test_a_missing_page_is_friendly(signed_in, root):
    page = signed_in(root).get("/admin/nothing-here/")

    assert page.status_code == 404
    assert b"There is nothing here" in page.content


def test_a_forbidden_page_says_what_helps(signed_in, ana):
    page = signed_in(ana).get("/admin/tools/")

    assert page.status_code == 403
    assert b"ask an administrator for a role" in page.content


def test_a_stale_form_says_what_helps(root):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(root)

    page = browser.post("/admin/connection/test/")

    assert page.status_code == 403
    assert b"The form was open for too long" in page.content


def test_the_page_of_an_error_needs_nothing_but_itself(rf):
    page = server_error(rf.get("/"))

    assert page.status_code == 500
    assert b"Something went wrong on our side" in page.content
    assert b"/static/" not in page.content


def test_every_page_has_an_icon(client, db):
    answer = client.get("/favicon.ico")
    assert (answer.status_code, answer["Location"]) == (302, "/static/dashboard/icon.svg")
    assert finders.find("dashboard/icon.svg")

    assert b'rel="icon"' in client.get("/admin/login/").content
    assert b'rel="icon" href="/favicon.ico"' in client.get("/nowhere/").content
