"""The screen Roles, and the permissions of a membership on the pages of people and teams."""

import re

import pytest
from django.urls import reverse

from core.models import Membership, Role, SiteSettings, User
from tests.factories import MembershipFactory, RoleFactory, UserFactory, builtin_role

pytestmark = pytest.mark.django_db
LIST = "/admin/core/role/"


def change(role: Role, tab: str = "") -> str:
    return reverse("admin:core_role_change", args=[role.pk]) + (f"?tab={tab}" if tab else "")


def do(thing, slug: str, *row: int) -> str:
    name = f"admin:core_{thing._meta.model_name}_{'do_row' if row else 'do'}"
    return reverse(name, args=[thing.pk, slug, *row])


def shown_by(page) -> dict[str, str]:
    """Returns what a form shows and would send back, read from its HTML."""
    found = {}
    for tag in re.findall(r"<input[^>]*>", page.content.decode()):
        values = dict(re.findall(r'(\w+)="([^"]*)"', tag))
        name = values.get("name", "")
        if name in {"", "csrfmiddlewaretoken", "q", "action"}:
            continue
        if values.get("type") == "checkbox" and not re.search(r"\schecked[\s>]", tag):
            continue
        found[name] = values.get("value", "on")
    return found


def test_the_list_shows_permissions_users_type_and_age(signed_in, alma, acme, globex):
    coach = RoleFactory(name="Coach", permissions=["users.view", "teams.view", "notes.view"])
    MembershipFactory(team=acme, role=coach)
    limited = RoleFactory(name="Auditor")
    limited.limited_to.set([acme, globex])

    page = signed_in(alma).get(LIST).content.decode()
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))

    for heading in ("Name", "Permissions", "Users", "Type", "Created At"):
        assert heading in text
    assert re.search(r"Coach .{0,40}\b1\b .{0,20}Team: 1", text)
    assert re.search(r"Auditor .{0,40}\b0\b .{0,20}Team: 2", text)
    assert re.search(r"Administrator .{0,60}Global", text)


def test_the_list_sorts_by_name_and_age(signed_in, alma):
    RoleFactory(name="AAA")

    names = [role.name for role in signed_in(alma).get(f"{LIST}?o=0").context["cl"].result_list]
    oldest_last = [role.name for role in signed_in(alma).get(f"{LIST}?o=-4").context["cl"].result_list]

    assert names == sorted(names, key=str.lower) and names[0] == "AAA"
    assert oldest_last[0] == "AAA"


def test_a_role_is_added_with_its_permissions_and_teams(signed_in, alma, acme):
    sent = {"name": "Coach", "limited_to": [acme.pk], "users.view": "on", "teams.view": "on"}

    answer = signed_in(alma).post(f"{LIST}do/add/", sent, follow=True)

    role = Role.objects.get(name="Coach")
    assert (role.permissions, list(role.limited_to.all())) == (["teams.view", "users.view"], [acme])
    assert "The role Coach is made. Give it to people in their teams." in answer.content.decode()


def test_a_global_role_says_how_it_is_given(signed_in, alma):
    sent = {"name": "Auditor", "is_global": "on", "users.view": "on"}

    page = signed_in(alma).post(f"{LIST}do/add/", sent, follow=True).content.decode()

    assert "by the button Global Role in the tab Teams of their page" in page
    assert "in their teams" not in page


def test_a_team_role_gets_no_permission_of_the_site(signed_in, alma):
    sent = {"name": "Coach", "users.view": "on", "settings.edit": "on"}

    signed_in(alma).post(f"{LIST}do/add/", sent)

    assert Role.objects.get(name="Coach").permissions == ["users.view"]


def test_to_save_what_is_so_already_says_that_nothing_was_changed(signed_in, alma):
    role = RoleFactory(name="Coach", permissions=["users.view"])
    browser = signed_in(alma)
    shown = shown_by(browser.get(change(role, "permissions")))
    Role.objects.filter(pk=role.pk).update(permissions=["teams.view", "users.view"])

    for sent in (shown, shown | {"teams.view": "on"}):
        page = browser.post(do(role, "permissions"), sent, follow=True).content.decode()
        assert "Nothing was changed." in page and "They hold at once" not in page


def test_a_permission_that_the_form_does_not_show_is_not_given(signed_in, acme):
    held = ["roles.view", "roles.create", "roles.edit", "users.view"]
    rita = UserFactory(global_role=RoleFactory(is_global=True, permissions=held), is_staff=True)
    browser = signed_in(rita)
    mine = RoleFactory(permissions=["users.view"])

    form = browser.get(f"{LIST}do/add/").content.decode()
    browser.post(f"{LIST}do/add/", {"name": "Coach", "users.view": "on", "settings.edit": "on"})
    browser.post(do(mine, "permissions"), {"users.view": "on", "settings.edit": "on", "users.edit": "on"})

    assert 'name="users.view"' in form and 'name="settings.edit"' not in form
    assert Role.objects.get(name="Coach").permissions == ["users.view"]
    mine.refresh_from_db()
    assert mine.permissions == ["users.view"]


def test_the_tab_of_permissions_saves_what_was_changed_only(signed_in, alma, root):
    """Somebody else changes another permission meanwhile: both changes are kept."""
    role = RoleFactory(name="Coach", permissions=["users.view", "users.edit"])
    browser = signed_in(alma)
    shown = shown_by(browser.get(change(role, "permissions")))
    assert shown["users.view"] == "on" and "teams.view" not in shown
    Role.objects.filter(pk=role.pk).update(permissions=["users.view", "users.edit", "notes.view"])

    del shown["users.edit"]
    answer = browser.post(do(role, "permissions"), shown | {"teams.view": "on"}, follow=True)

    role.refresh_from_db()
    assert role.permissions == ["notes.view", "teams.view", "users.view"]
    assert "Permissions saved" in answer.content.decode()
    assert answer.redirect_chain[-1][0].endswith("?tab=permissions")


@pytest.mark.parametrize("code", ["administrator", "student"])
def test_fixed_roles_say_so_and_offer_no_save(signed_in, root, code):
    role = builtin_role(code)

    page = signed_in(root).get(change(role, "permissions")).content.decode()

    assert f"The role {role.name}" in page and ">Save<" not in page
    assert signed_in(root).post(do(role, "permissions"), {"users.view": "on"}).status_code == 403


def test_built_in_roles_say_that_their_permissions_can_be_changed(signed_in, alma):
    page = signed_in(alma).get(change(builtin_role("owner"), "permissions")).content.decode()

    assert "built in" in page and ">Save<" in page and "Default Permissions" in page


def test_who_may_only_look_gets_the_tab_without_save(signed_in):
    role = RoleFactory(is_global=True, permissions=["roles.view"])
    viewer = UserFactory(is_staff=True, global_role=role)

    page = signed_in(viewer).get(change(builtin_role("owner"), "permissions"))

    assert page.status_code == 200 and ">Save<" not in page.content.decode()
    assert signed_in(viewer).post(do(builtin_role("owner"), "permissions"), {}).status_code == 403


def test_deleting_a_used_role_says_how_many_have_it(signed_in, alma, acme):
    role = RoleFactory(name="Coach")
    for _ in range(3):
        MembershipFactory(team=acme, role=role)
    browser = signed_in(alma)

    asked = browser.get(do(role, "delete")).content.decode()
    browser.post(do(role, "delete"), {})

    assert "3 people have this role" in asked
    assert Role.objects.filter(pk=role.pk).exists()
    assert "Danger Zone" in browser.get(change(role)).content.decode()
    assert "Danger Zone" not in browser.get(change(builtin_role("owner"))).content.decode()


def test_an_unused_role_is_deleted_after_a_question(signed_in, alma):
    role = RoleFactory(name="Coach")
    browser = signed_in(alma)
    assert "cannot be undone" in browser.get(do(role, "delete")).content.decode()

    answer = browser.post(do(role, "delete"), {}, follow=True)

    assert not Role.objects.filter(pk=role.pk).exists()
    assert "The role Coach is deleted" in answer.content.decode()


def test_the_tabs_list_people_and_teams(signed_in, alma, acme, mara):
    role = builtin_role("manager")
    browser = signed_in(alma)

    users = browser.get(change(role, "users")).content.decode()
    teams = browser.get(change(role, "teams")).content.decode()

    assert mara.email in users
    assert "Acme" in teams and "People with this role" in teams


def test_default_permissions_are_a_form_of_three_ways(signed_in, alma):
    role = builtin_role("manager")
    browser = signed_in(alma)
    page = browser.get(do(role, "default-permissions")).content.decode()
    assert "Inherit (allowed)" in page and "Inherit (not allowed)" in page
    assert 'name="settings.edit"' not in page  # no team gives it

    browser.post(do(role, "default-permissions"), {"enrollments.delete": "deny", "settings.edit": "allow"})

    assert SiteSettings.load().default_overrides == {"manager": {"enrollments.delete": "deny"}}


@pytest.mark.parametrize("where", ["user", "team"])
def test_a_membership_is_changed_from_both_pages(signed_in, owen, mara, acme, where):
    membership = Membership.objects.get(user=mara, team=acme)
    thing = mara if where == "user" else acme
    tab = "teams" if where == "user" else "users"
    browser = signed_in(owen)
    listed = browser.get(reverse(f"admin:core_{where}_change", args=[thing.pk]) + f"?tab={tab}").content
    assert do(thing, "overrides", membership.pk) in listed.decode()

    answer = browser.post(
        do(thing, "overrides", membership.pk),
        {"enrollments.delete": "deny", "groups.assign": "allow"},
        follow=True,
    )

    membership.refresh_from_db()
    assert membership.overrides == {"enrollments.delete": "deny"}  # Owen does not hold groups.assign
    assert "Denied: Delete enrollments" in answer.content.decode()
    assert not User.objects.get(pk=mara.pk).has_perm("core.delete_enrollment")


def test_a_manager_gets_no_form_of_permissions(signed_in, mara, ana, acme, globex):
    membership = Membership.objects.get(user=ana, team=acme)
    for viewer in (mara, ana):
        answer = signed_in(viewer).post(do(acme, "overrides", membership.pk), {"users.view": "allow"})
        assert answer.status_code in {302, 403, 404}

    membership.refresh_from_db()
    assert membership.overrides is None


def test_no_role_of_a_team_opens_the_screen(signed_in, owen):
    assert signed_in(owen).get(LIST).status_code == 403
    assert signed_in(owen).post(f"{LIST}do/add/", {"name": "Mine"}).status_code == 403
    assert signed_in(owen).post(do(builtin_role("manager"), "permissions"), {}).status_code in {403, 404}
