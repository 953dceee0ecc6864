"""What is denied to one membership is gone from the dialogs about tags and notes: no button, and a request of
one's own is answered like one for something that does not exist."""

import pytest
from django.urls import reverse

from core.models import Membership, Note, Tag, User
from tests.factories import MembershipFactory, NoteFactory, TagFactory, builtin_role

pytestmark = pytest.mark.django_db


def page(user, tab: str = "") -> str:
    url = reverse("admin:core_user_change", args=[user.pk])
    return f"{url}?tab={tab}" if tab else url


def do(user, slug: str, *row: int) -> str:
    return reverse(f"admin:core_user_do{'_row' if row else ''}", args=[user.pk, slug, *row])


def override(user, team, **effects: str) -> None:
    stored = {code.replace("_", ".", 1): effect for code, effect in effects.items()}
    assert Membership.objects.filter(user=user, team=team).update(overrides=stored) == 1


@pytest.fixture
def vip():
    return TagFactory(name="VIP")


def add_tag_in_team(client, team, person, tag):
    url = f"{reverse('admin:core_team_change', args=[team.pk])}?tab=users"
    form = {"action": "add_tag", "_selected_action": [person.pk], "tags": [tag.pk], "new": "", "sent": "1"}
    return client.post(url, form, follow=True)


def test_denied_tags_leave_no_button_and_no_request(acme, mara, ana, vip, signed_in):
    client = signed_in(mara)
    team = f"{reverse('admin:core_team_change', args=[acme.pk])}?tab=users"
    assert "Edit Tags" in client.get(page(ana)).content.decode()
    assert "Add Tag" in client.get(team).content.decode()

    override(mara, acme, tags_assign="deny")

    assert "Edit Tags" not in client.get(page(ana)).content.decode()
    assert "Add Tag" not in client.get(team).content.decode()
    assert "Add Tag" not in client.get("/admin/core/user/").content.decode()
    for method in (client.get, client.post):
        assert method(do(ana, "tags"), {"tags": [vip.pk], "new": "Made"}).status_code in {403, 404}
    add_tag_in_team(client, acme, ana, vip)
    chosen = {"action": "add_tag", "_selected_action": [ana.pk], "tags": [vip.pk], "new": "Made"}
    client.post("/admin/core/user/", chosen)
    assert not ana.tags.exists()
    assert list(Tag.objects.all()) == [vip]


def test_denied_in_one_team_is_allowed_in_the_other(acme, globex, mara, ana, otto, signed_in):
    """Mara manages both; Otto is of Globex, Ana of Acme."""
    MembershipFactory(team=globex, user=mara, role=builtin_role("manager"))
    override(mara, acme, tags_assign="deny", notes_create="deny")
    client = signed_in(mara)

    assert client.post(do(ana, "tags"), {"new": "Made"}).status_code in {403, 404}
    assert client.post(do(ana, "add-note"), {"note": "Of Acme."}).status_code in {403, 404}
    client.post(do(otto, "tags"), {"new": "Made"})
    client.post(do(otto, "add-note"), {"note": "Of Globex."})

    assert not ana.tags.exists() and [tag.name for tag in otto.tags.all()] == ["Made"]
    note = Note.objects.get()
    assert (note.user, note.team, note.text) == (otto, globex, "Of Globex.")


def test_a_person_of_both_teams_gets_notes_for_the_allowed_team_only(acme, globex, mara, ana, signed_in):
    MembershipFactory(team=globex, user=mara, role=builtin_role("manager"))
    MembershipFactory(team=globex, user=ana)
    override(mara, acme, notes_create="deny")
    client = signed_in(mara)

    client.post(do(ana, "add-note"), {"note": "For Acme.", "team": acme.pk})
    assert [note.team for note in Note.objects.all()] in ([], [globex])
    client.post(do(ana, "add-note"), {"note": "For Globex.", "team": globex.pk})

    assert {note.team for note in Note.objects.all()} == {globex}


def test_denied_notes_cannot_be_written_changed_or_deleted(acme, mara, ana, signed_in):
    mine = NoteFactory(user=ana, author=mara, team=acme, text="Mine.")
    client = signed_in(mara)
    shown = client.get(page(ana, "notes")).content.decode()
    assert "Add Note" in shown and do(ana, "edit-note", mine.pk) in shown

    override(mara, acme, notes_create="deny")

    shown = client.get(page(ana, "notes")).content.decode()
    assert "Mine." in shown  # reading is another permission
    assert "Add Note" not in shown and "edit-note" not in shown and "delete-note" not in shown
    for url in (do(ana, "add-note"), do(ana, "edit-note", mine.pk), do(ana, "delete-note", mine.pk)):
        missing = do(User.objects.create_user("nobody@x.example"), "add-note") if "add-note" in url else None
        answer = client.post(url, {"note": "Changed."})
        assert answer.status_code in {302, 403, 404}, url
        if missing is not None:
            assert client.post(missing, {"note": "x"}).status_code in {403, 404}
            User.objects.filter(email="nobody@x.example").delete()
    mine.refresh_from_db()
    assert mine.text == "Mine." and Note.objects.count() == 1


def test_denied_reading_hides_the_tab_and_the_rows(acme, mara, ana, signed_in):
    NoteFactory(user=ana, author=mara, team=acme, text="Mine.")
    override(mara, acme, notes_view="deny")
    client = signed_in(mara)

    assert "tab=notes" not in client.get(page(ana)).content.decode()
    assert "Mine." not in client.get(page(ana, "notes")).content.decode()


def test_allowed_to_a_student_role_of_rights_still_needs_the_team(acme, ana, bo, vip, signed_in):
    """`tags.assign` alone, without seeing the team, gives nothing."""
    override(ana, acme, tags_assign="allow", notes_create="allow")
    client = signed_in(ana)

    for slug in ("tags", "add-note"):
        assert client.post(do(bo, slug), {"tags": [vip.pk], "note": "x"}).status_code in {403, 404}
    assert not bo.tags.exists() and not Note.objects.exists()
