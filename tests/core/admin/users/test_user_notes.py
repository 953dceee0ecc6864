"""Notes on a user's page: who reads, writes, changes and deletes which."""

import pytest
from django.urls import reverse

from core.models import Membership, Note
from core.services import notes
from tests.dialogs import row_is_gone, shown_by
from tests.factories import (
    MembershipFactory,
    NoteFactory,
    RoleFactory,
    TeamFactory,
    UserFactory,
    builtin_role,
)

pytestmark = pytest.mark.django_db

FOREIGN = "יש לו הנחה\nფასდაკლება 10 % 名前 <b>not bold</b>\n\n- 2nd paragraph"


def dialog(user, slug, *row):
    return reverse(f"admin:core_user_do{'_row' if row else ''}", args=[user.pk, slug, *row])


def tab(window, user):
    return window.get(reverse("admin:core_user_change", args=[user.pk]), {"tab": "notes"})


def reads(window, user) -> bool:
    """Whether the page has the tab Notes."""
    page = window.get(reverse("admin:core_user_change", args=[user.pk]))
    return "tab=notes" in page.content.decode()


def test_an_administrator_writes_changes_and_deletes_a_note(alma, ana, signed_in):
    office = signed_in(alma)

    office.post(dialog(ana, "add-note"), {"note": f"  {FOREIGN}\r\n"})
    note = Note.objects.get()
    assert (note.text, note.author, note.team, note.edited_at) == (FOREIGN, alma, None, None)
    page = tab(office, ana).content.decode()
    assert "&lt;b&gt;not bold&lt;/b&gt;" in page
    assert "Alma Admin" in page
    form = shown_by(office, dialog(ana, "edit-note", note.pk))
    assert form["note"] == FOREIGN.replace("\n", "\r\n") or form["note"] == FOREIGN
    office.post(dialog(ana, "edit-note", note.pk), form | {"note": "Shorter."})
    note.refresh_from_db()
    assert note.text == "Shorter."
    assert note.edited_at is not None
    assert "Changed" in tab(office, ana).content.decode()
    office.post(dialog(ana, "delete-note", note.pk))
    assert not Note.objects.exists()
    assert [(row.history_type, row.history_user) for row in Note.history.order_by("history_id")] == [
        ("+", alma),
        ("~", alma),
        ("-", alma),
    ]


def test_a_note_of_ten_thousand_characters_is_kept_and_a_longer_one_refused(alma, ana, signed_in):
    office = signed_in(alma)

    office.post(dialog(ana, "add-note"), {"note": "字" * 10_000})
    answer = office.post(dialog(ana, "add-note"), {"note": "字" * 10_001})

    assert Note.objects.get().text == "字" * 10_000
    assert "note" in answer.context["form"].errors
    assert "Show all" in tab(office, ana).content.decode()


@pytest.mark.parametrize("empty", ["", "  \r\n ", "\x00"])
def test_an_empty_note_is_refused_beside_its_field(alma, ana, signed_in, empty):
    answer = signed_in(alma).post(dialog(ana, "add-note"), {"note": empty})

    assert "note" in answer.context["form"].errors
    assert not Note.objects.exists()


def test_a_manager_reads_notes_of_the_team_and_of_administrators(
    alma, mara, gwen, acme, globex, ana, signed_in
):
    MembershipFactory(team=globex, user=ana)
    notes.add(user=ana, text="from-office", team=None, by=alma)
    notes.add(user=ana, text="from-acme", team=acme, by=mara)
    notes.add(user=ana, text="from-globex", team=globex, by=gwen)

    page = tab(signed_in(mara), ana).content.decode()

    assert [word in page for word in ("from-office", "from-acme", "from-globex")] == [True, True, False]
    every = tab(signed_in(alma), ana).content.decode()
    assert [word in every for word in ("from-office", "from-acme", "from-globex")] == [True] * 3


def test_a_note_stays_with_the_team_after_its_author_has_left(mara, owen, acme, ana, signed_in):
    notes.add(user=ana, text="from-mara", team=acme, by=mara)
    Membership.objects.filter(user=mara).delete()
    name = str(mara)
    mara.delete()

    page = tab(signed_in(owen), ana).content.decode()

    assert "from-mara" in page
    assert name in page


def test_a_manager_writes_for_the_team_and_changes_only_their_own(mara, owen, acme, ana, signed_in):
    window = signed_in(mara)
    window.post(dialog(ana, "add-note"), shown_by(window, dialog(ana, "add-note")) | {"note": "mine"})
    mine = Note.objects.get()
    other = notes.add(user=ana, text="of the owner", team=acme, by=owen)

    assert (mine.team, mine.author) == (acme, mara)
    assert row_is_gone(window.post(dialog(ana, "edit-note", other.pk), {"note": "changed"}))
    assert row_is_gone(window.post(dialog(ana, "delete-note", other.pk)))
    assert Note.objects.get(pk=other.pk).text == "of the owner"
    window.post(dialog(ana, "delete-note", mine.pk))
    assert list(Note.objects.all()) == [other]


def test_an_administrator_deletes_any_note_but_changes_only_their_own(alma, mara, acme, ana, signed_in):
    note = notes.add(user=ana, text="of the manager", team=acme, by=mara)
    office = signed_in(alma)

    assert row_is_gone(office.post(dialog(ana, "edit-note", note.pk), {"note": "changed"}))
    office.post(dialog(ana, "delete-note", note.pk))

    assert not Note.objects.exists()


def test_the_note_for_another_team_cannot_be_chosen(mara, acme, globex, ana, signed_in):
    MembershipFactory(team=globex, user=ana)

    answer = signed_in(mara).post(dialog(ana, "add-note"), {"note": "x", "team": globex.pk})

    assert answer.status_code == 302  # with one team there is no choice
    assert Note.objects.get().team == mara.home_team


def test_with_several_teams_the_manager_says_for_which(mara, acme, globex, ana, signed_in):
    third = TeamFactory(name="Third")
    for team in (globex, third):
        MembershipFactory(team=team, user=ana)
    MembershipFactory(team=third, user=mara, role=builtin_role("manager"))
    window = signed_in(mara)
    form = shown_by(window, dialog(ana, "add-note"))

    refused = window.post(dialog(ana, "add-note"), form | {"note": "x", "team": globex.pk})
    window.post(dialog(ana, "add-note"), form | {"note": "x", "team": third.pk})

    assert form["team"] == str(acme.pk)  # the home team is suggested
    assert "team" in refused.context["form"].errors
    assert Note.objects.get().team == third


@pytest.mark.parametrize("whom", ["owen", "mara", "guest", "leader"])
def test_a_manager_reads_nothing_about_people_above_or_guests_or_themselves(
    request, mara, owen, acme, globex, signed_in, whom
):
    if whom == "guest":
        person = UserFactory(home_team=globex)
        MembershipFactory(team=acme, user=person, as_guest=True)
    elif whom == "leader":
        person = UserFactory(home_team=acme)
        MembershipFactory(team=acme, user=person, role=RoleFactory(permissions=["teams.edit"]))
    else:
        person = request.getfixturevalue(whom)
    NoteFactory(user=person, author=None, text="secret")
    window = signed_in(mara)

    assert not reads(window, person)
    assert "secret" not in tab(window, person).content.decode()
    assert window.post(dialog(person, "add-note"), {"note": "x", "team": acme.pk}).status_code == 403


def test_the_owner_reads_what_is_written_about_the_manager(owen, mara, signed_in):
    NoteFactory(user=mara, author=None, text="promising")

    assert "promising" in tab(signed_in(owen), mara).content.decode()


def test_a_role_without_notes_reads_and_writes_none(acme, ana, signed_in):
    role = RoleFactory(permissions=["users.view", "teams.view"])
    looker = MembershipFactory(team=acme, user=UserFactory(), role=role).user
    NoteFactory(user=ana, text="secret")
    window = signed_in(looker)

    assert not reads(window, ana)
    assert window.post(dialog(ana, "add-note"), {"note": "x"}).status_code == 403


def test_a_student_reads_no_notes_about_themselves(ana, signed_in):
    NoteFactory(user=ana, author=None, text="secret")

    answer = signed_in(ana).get(reverse("admin:core_user_change", args=[ana.pk]), {"tab": "notes"})

    assert b"secret" not in answer.content


def test_deleting_a_user_says_how_many_notes_go_too(alma, bo, signed_in):
    NoteFactory.create_batch(2, user=bo)

    page = signed_in(alma).get(dialog(bo, "delete")).content.decode()

    assert "2 notes" in page


def test_two_browsers_that_change_one_note_are_told(alma, ana, signed_in):
    note = notes.add(user=ana, text="first", team=None, by=alma)
    office = signed_in(alma)
    form = shown_by(office, dialog(ana, "edit-note", note.pk))
    notes.edit(note, text="second", by=alma)

    answer = office.post(dialog(ana, "edit-note", note.pk), form | {"note": "third"})

    assert "second" in answer.content.decode()
    assert Note.objects.get().text == "second"
