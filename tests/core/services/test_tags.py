import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from core.errors import Refusal
from core.models import Seat, SeatTag, SiteSettings, Tag, User, UserTag
from core.services import seats, tags
from tests.factories import SeatFactory, TagFactory, UserFactory

pytestmark = pytest.mark.django_db


def history(person: User) -> list[tuple[str, str, str, User | None]]:
    rows = UserTag.history.filter(user=person).order_by("history_id")
    return [(row.history_type, row.tag.name, row.history_change_reason, row.history_user) for row in rows]


def test_tags_are_added_and_removed_and_the_history_names_who_did_it(ana, bo, root):
    vip, pilot = TagFactory(name="VIP"), TagFactory(name="Pilot")

    assert tags.add_tags([ana, bo], [vip, pilot], by=root) == 4
    assert tags.remove_tags([ana], [vip], by=root) == 1

    assert {tag.name for tag in ana.tags.all()} == {"Pilot"}
    assert {tag.name for tag in bo.tags.all()} == {"VIP", "Pilot"}
    assert sorted(history(ana)) == [
        ("+", "Pilot", "tag added", root),
        ("+", "VIP", "tag added", root),
        ("-", "VIP", "tag removed", root),
    ]


def test_a_tag_that_is_there_already_is_not_added_again(ana, bo, root):
    vip = TagFactory()
    tags.add_tags([ana], [vip], by=root)

    assert tags.add_tags([ana, ana, bo], [vip], by=root) == 1
    assert tags.remove_tags([root], [vip], by=root) == 0
    assert UserTag.history.count() == 2


def test_nobody_and_nothing_are_allowed(ana):
    assert tags.add_tags([], [TagFactory()], by=None) == 0
    assert tags.add_tags([ana], [], by=None) == 0
    assert tags.remove_tags(User.objects.none(), [TagFactory()], by=None) == 0


@pytest.mark.parametrize("change", [tags.add_tags, tags.remove_tags])
def test_the_number_of_statements_does_not_depend_on_the_number_of_people(change, root):
    vip = TagFactory()

    def statements(count: int) -> int:
        people = UserFactory.create_batch(count)
        if change is tags.remove_tags:
            tags.add_tags(people, [vip], by=root)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert change(User.objects.filter(pk__in=[p.pk for p in people]), [vip], by=root) == count
        return len(queries)

    assert statements(2) == statements(60) < 10


def test_a_deleted_tag_is_refused(ana, root):
    vip = TagFactory(name="VIP")
    Tag.objects.all().delete()

    with pytest.raises(Refusal, match="The tag VIP was deleted"):
        tags.add_tags([ana], [vip], by=root)


def test_names_of_tags_are_tidied_and_taken_once_ignoring_case(root):
    tag = tags.create(name="  Größe\u200b  XL ", by=root)

    assert tag.name == "Größe XL"
    assert tags.find_or_create(name="GRÖSSE xl", by=root) == tag
    for name, why in (("GRÖSSE XL", "“Größe XL” already"), (" \x00 ", "needs a name"), ("x" * 101, "101")):
        with pytest.raises(Refusal, match=why):
            tags.create(name=name, by=root)
    assert tags.find_or_create(name="New", by=root).name == "New"


def test_a_tag_is_renamed_but_not_to_the_name_of_another(root):
    tag = TagFactory(name="Vip")
    TagFactory(name="Pilot")

    assert tags.rename(tag, name="VIP", by=root).name == "VIP"
    assert Tag.named("vip").get().name == "VIP"
    with pytest.raises(Refusal, match="merge the two tags"):
        tags.rename(tag, name="pilot", by=root)
    assert [row.name for row in Tag.history.filter(id=tag.pk).order_by("history_id")] == ["Vip", "VIP"]


def test_merged_tags_leave_everybody_with_one(ana, bo, root):
    old, new = TagFactory(name="old"), TagFactory(name="new")
    tags.add_tags([ana, bo], [old], by=root)
    tags.add_tags([bo], [new], by=root)
    seat = SeatFactory()
    seat.tags.add(old)

    assert tags.merge(old, into=new, by=root) == 1

    assert [list(person.tags.all()) for person in (ana, bo)] == [[new], [new]]
    assert list(Seat.objects.get(pk=seat.pk).tags.all()) == [new]
    assert not Tag.objects.filter(pk=old.pk).exists()
    with pytest.raises(Refusal, match="into itself"):
        tags.merge(new, into=new, by=root)


def test_a_deleted_tag_leaves_everybody_and_is_recorded(ana, root):
    vip = TagFactory(name="VIP")
    tags.add_tags([ana], [vip], by=root)

    assert tags.delete(vip, by=root) == 1

    assert not ana.tags.exists()
    assert [row.history_type for row in UserTag.history.order_by("history_id")] == ["+", "-"]
    assert Tag.history.filter(history_type="-", history_user=root).count() == 1


# --- tags of seats --------------------------------------------------------------------------------------


def history_of_seat_tags() -> list[tuple]:
    rows = SeatTag.history.order_by("history_id")
    return list(rows.values_list("tag", "history_type", "history_user", "history_change_reason"))


def test_tags_that_a_seat_gets_and_loses_are_in_the_history(root, acme_seat, client):
    old, new = TagFactory(name="old"), TagFactory(name="new")

    seats.update(acme_seat, tags=[old], by=root)
    seats.update(acme_seat, tags=[old], by=root)  # no difference
    seats.update(acme_seat, tags=[new], by=root)

    assert history_of_seat_tags() == [
        (old.pk, "+", root.pk, "tag added"),
        (old.pk, "-", root.pk, "tag removed"),
        (new.pk, "+", root.pk, "tag added"),
    ]
    client.force_login(root)
    assert f"new on {acme_seat}" in client.get(reverse("admin:history")).content.decode()


def test_a_tag_that_ends_is_recorded_on_its_seats(root, acme_seat):
    first, second = TagFactory(name="first"), TagFactory(name="second")
    seats.update(acme_seat, tags=[first], by=root)

    tags.merge(first, into=second, by=root)
    tags.delete(second, by=root)

    assert history_of_seat_tags()[1:] == [
        (second.pk, "+", root.pk, "tag added"),
        (first.pk, "-", root.pk, "tag merged into second"),
        (second.pk, "-", root.pk, "tag deleted"),
    ]


def test_the_settings_follow_another_name_of_a_tag(root, db):
    SiteSettings.load()
    SiteSettings.objects.update(default_seat_tags="Gold\nVIP")
    gold, vip = TagFactory(name="Gold"), TagFactory(name="VIP")

    tags.rename(gold, name="Platinum", by=root)
    assert SiteSettings.objects.get().default_seat_tags == "Platinum\nVIP"
    tags.merge(vip, into=gold, by=root)
    assert SiteSettings.objects.get().default_seat_tags == "Platinum"
