"""The screen Tags: adding, renaming, merging, deleting, and the number that leads to the people."""

import pytest
from django.urls import reverse

from core.models import Tag
from tests.core.admin.users.test_chosen_people import said
from tests.dialogs import shown_by
from tests.factories import TagFactory

pytestmark = pytest.mark.django_db

LIST = reverse("admin:core_tag_changelist")


def dialog(slug, *keys):
    return reverse(f"admin:core_tag_{'do' if keys else 'do_new'}", args=[*keys, slug])


def test_a_tag_is_added_renamed_and_deleted(alma, ana, bo, signed_in):
    office = signed_in(alma)

    added = office.post(dialog("add"), {"name": " Pilot "})
    tag = Tag.objects.get()
    assert said(added) == "The tag Pilot is made. Nobody has it yet."
    renamed = office.post(dialog("rename", tag.pk), {"name": "Pilots"})
    assert said(renamed).endswith("The tag Pilot is called Pilots now.")
    tag.users.add(ana, bo)
    form = shown_by(office, dialog("delete", tag.pk))
    assert form["asked"].startswith("2 people have the tag Pilots. It is removed from all of them.")
    deleted = office.post(dialog("delete", tag.pk), form)
    assert said(deleted).endswith("The tag Pilots is deleted. It is removed from 2 people.")
    assert not Tag.objects.exists()


def test_the_number_that_is_confirmed_is_the_number_that_was_shown(alma, ana, bo, signed_in):
    office, tag = signed_in(alma), TagFactory(name="Pilot")
    form = shown_by(office, dialog("delete", tag.pk))
    tag.users.add(ana)

    answer = office.post(dialog("delete", tag.pk), form)

    assert "has changed since you opened it" in answer.content.decode()
    assert Tag.objects.filter(pk=tag.pk).exists()


@pytest.mark.parametrize("slug", ["add", "rename"])
def test_an_equal_name_is_refused_beside_the_field(alma, signed_in, slug):
    TagFactory(name="VIP")
    keys = [] if slug == "add" else [TagFactory(name="Pilot").pk]

    answer = signed_in(alma).post(dialog(slug, *keys), {"name": "vip"})

    assert "There is a tag “VIP” already" in answer.context["form"].errors["name"][0]


def test_a_tag_is_merged_into_another(alma, ana, bo, signed_in):
    old, new = TagFactory(name="vip customer"), TagFactory(name="VIP")
    old.users.add(ana, bo)
    new.users.add(bo)

    answer = signed_in(alma).post(dialog("merge", old.pk), {"into": new.pk})

    assert said(answer) == "vip customer is merged into VIP. 1 person gets VIP by this."
    assert set(new.users.all()) == {ana, bo}
    assert not Tag.objects.filter(pk=old.pk).exists()


def test_the_number_leads_to_exactly_the_people_who_have_the_tag(alma, mara, acme, ana, bo, otto, signed_in):
    tag = TagFactory(name="VIP")
    tag.users.add(ana, bo, otto)

    for viewer, people in ((alma, {ana, bo, otto}), (mara, {ana, bo})):
        window = signed_in(viewer)
        address = f"{reverse('admin:core_user_changelist')}?tag={tag.pk}"
        assert f'<a class="cell-link" href="{address}">{len(people)}</a>' in window.get(LIST).content.decode()
        assert set(window.get(address).context["cl"].result_list) == people


@pytest.mark.parametrize("slug", ["add", "rename", "merge", "delete"])
def test_a_team_changes_no_tag_for_all(mara, acme, ana, signed_in, slug):
    tag = TagFactory(name="VIP")
    tag.users.add(ana)
    keys = [] if slug == "add" else [tag.pk]

    assert signed_in(mara).post(dialog(slug, *keys), {"name": "Mine"}).status_code == 403
    assert [tag.name for tag in Tag.objects.all()] == ["VIP"]
