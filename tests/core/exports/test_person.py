"""All that is held about one person, in one file."""

import json

import pytest
from django.apps import apps
from django.urls import reverse
from django.utils import timezone

from core.admin.exports.producing import produce
from core.exports import carry_out, files
from core.exports.person import data, held
from core.exports.person.rights import may_export
from core.models import ExportFile, ImpersonationSession, Notice
from core.services.api import tokens
from tests.core.admin.walk.world import build
from tests.factories import (
    CertificateFactory,
    EnrollmentFactory,
    ImportRowFactory,
    MembershipFactory,
    NoteFactory,
    QuizResultFactory,
    TagFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


def file_of(person) -> dict:
    return json.loads(b"".join(data.written(person, lambda rows: None)))


def test_every_foreign_key_to_accounts_is_exported_or_says_why_not():
    found = {held.named(model, field) for model, field in held.references() if field not in held.BY}
    known = held.ABOUT | held.DONE | held.NOT_EXPORTED.keys()

    assert found == known
    assert not held.ABOUT & held.DONE
    assert all(held.NOT_EXPORTED.values())


def test_every_copy_is_a_column():
    assert all(apps.get_model(label)._meta.get_field(field) for label, field in held.COPIES.items())


def test_the_file_has_what_is_held(alma, ana, acme, accounting):
    EnrollmentFactory(user=ana, product=accounting)
    QuizResultFactory(user=ana)
    CertificateFactory(user=ana, credential_id="ana-1")
    NoteFactory(user=ana, author=alma, text="Asked for a refund")
    NoteFactory(user=UserFactory(), author=ana, text="about somebody else")
    ana.tags.add(TagFactory(name="vip"))
    Notice.objects.create(user=ana, text="Welcome")
    ImpersonationSession.objects.create(impersonator=alma, impersonated=ana, reason="A question")
    ImportRowFactory(number=7, values={"email": ana.email, "name": "Ana"})
    ImportRowFactory(number=8, values={"email": "bo@acme.example"})
    EnrollmentFactory(user=UserFactory(email="bo@acme.example"))

    found = file_of(ana)

    assert found["account"]["email"] == ana.email
    assert [row["team"]["name"] for row in found["memberships"]] == ["Acme"]
    assert [row["product"]["name"] for row in found["enrollments"]] == [accounting.name]
    assert len(found["quiz_results"]) == 1
    assert [row["credential_id"] for row in found["certificates"]] == ["ana-1"]
    assert [row["text"] for row in found["notes"]] == ["Asked for a refund"]
    assert [row["reason"] for row in found["impersonations"]] == ["A question"]
    assert [row["text"] for row in found["notices"]] == ["Welcome"]
    assert [row["number"] for row in found["copies_in_import_rows"]] == [7]
    assert {"what": "note", "as": "author"}.items() <= found["done"][0].items()
    assert found["history_of_enrollments"]
    text = json.dumps(found)
    assert "bo@acme.example" not in text
    assert "about somebody else" not in text
    assert "Alma" not in text


def test_no_secret_is_in_the_file(alma, django_user_model):
    alma.set_password("correct horse battery")
    alma.save()
    token, secret = tokens.issue(name="Shop", user=alma)

    text = json.dumps(file_of(alma))

    assert "Shop" in text
    for hidden in (alma.password, secret, token.digest):
        assert hidden not in text


def test_the_file_of_everybody_can_be_written():
    world = build()
    for person in {*world.people.values(), world.foreign[type(world.people["owner"])]}:
        assert file_of(person)["account"]["id"] == person.pk


def test_it_is_made_in_the_background_and_its_row_says_about_whom(alma, ana, acme, signed_in):
    client = signed_in(alma)
    page = client.get(reverse("admin:core_user_change", args=[ana.pk])).content.decode()
    assert "Export Personal Data" in page

    client.post(reverse("admin:core_user_do", args=[ana.pk, "export-person"]), {})

    assert dict(carry_out.carry_out_due(produce)) == {"succeeded": 1}
    file = ExportFile.objects.get()
    assert (file.person, file.created_by, file.title) == (ana, alma, f"Personal data of {ana}")
    assert json.loads(b"".join(files.contents(file)))["account"]["email"] == ana.email
    assert file.rows_done > 0


def test_who_may_have_it(root, alma, owen, mara, ana):
    helper = UserFactory(administrator=True)
    helper.global_role.permissions = ["users.view", "reports.export"]

    assert may_export(root, ana) and may_export(alma, ana) and may_export(root, root)
    assert not may_export(owen, ana)
    assert not may_export(mara, ana)
    assert not may_export(alma, root)


def test_the_right_is_checked_when_it_is_made(alma, ana):
    files.order(
        by=alma, kind="person", title="Personal data of Ana", file_format="json", parameters={}, person=ana
    )
    type(alma).objects.filter(pk=alma.pk).update(global_role=None)

    assert dict(carry_out.carry_out_due(produce)) == {"failed": 1}


def test_a_team_manager_has_no_button(mara, ana, acme, signed_in):
    MembershipFactory(team=acme)
    client = signed_in(mara)

    page = client.get(reverse("admin:core_user_change", args=[ana.pk])).content.decode()
    answer = client.post(reverse("admin:core_user_do", args=[ana.pk, "export-person"]), {})

    assert "Export Personal Data" not in page
    assert answer.status_code == 403
    assert not ExportFile.objects.exists()


def test_moments_have_their_zone(ana):
    made = file_of(ana)["made_at"]

    assert timezone.datetime.fromisoformat(made).tzinfo is not None
