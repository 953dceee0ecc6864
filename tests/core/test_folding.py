"""Names and addresses are compared by the same rule on every database."""

import pytest
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.urls import reverse

from core.errors import Refusal
from core.folding import bare, email_key, fold, fold_person, normalize_email, searched, tidy
from core.models import Organization, Quiz, Role, Tag, Team, User
from core.models.people import EMAIL_LENGTH
from core.services import groups, people
from core.services.storage import bulk, fill_folded
from core.services.teams import teams
from tests.factories import (
    ApiTokenFactory,
    EnrollmentFactory,
    OrganizationFactory,
    ProductFactory,
    QuizFactory,
    RoleFactory,
    SeatFactory,
    TagFactory,
    TeamFactory,
    ThinkificGroupFactory,
    UserFactory,
)

OZ, oz = "\xd6z", "\xf6z"
DECOMPOSED = "O\u0308z"


@pytest.mark.once
@pytest.mark.parametrize(
    ("one", "other"),
    [
        (OZ, oz),
        (DECOMPOSED, oz),
        ("\u0418\u0432", "\u0438\u0432"),  # Cyrillic
        ("\u0130stanbul", "istanbul"),  # with a dot on the capital
        ("I\u015fIK", "\u0131\u015f\u0131k"),  # Turkish without dots
        ("Stra\xdfe", "STRASSE"),
        ("A\u200bna", "ana"),
        ("\ufeffAna\xad", "ana"),
        ("Ana  Ames ", "ana ames"),
    ],
)
def test_two_ways_of_writing_one_name(one, other):
    assert fold(one) == fold(other)


@pytest.mark.once
def test_names_are_stored_composed_and_without_what_nobody_sees():
    assert tidy(f"\u200b{DECOMPOSED}\u202e") == OZ
    persian = "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"
    assert tidy(persian) == persian  # a joiner inside a word is part of how it is written


@pytest.mark.once
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ana@Acme.example", " ana@acme.example"),
        ("\u0131an@acme.example", "ian@acme.example"),
        ("\u017fam@acme.example", "sam@acme.example"),
        ("ana@m\xfcller.example", "ana@XN--mller-kva.example"),
        ("ana@M\xdcLLER.example", "ana@mu\u0308ller.example"),
        ("a\u200bna@acme.example", "ana@acme.example"),
    ],
)
def test_two_ways_of_writing_one_address(one, other):
    assert email_key(one) == email_key(other)


@pytest.mark.once
def test_an_address_is_stored_with_its_domain_as_servers_write_it():
    assert normalize_email("Ana@M\xfcller.example") == "ana@xn--mller-kva.example"
    assert normalize_email("ana@stra\xdfe.example") == "ana@xn--strae-oqa.example"  # not strasse.example
    assert (
        normalize_email("\u0131an@acme.example") == "\u0131an@acme.example"
    )  # a mail to ian is not for them


# --- lists ---------------------------------------------------------------------------------------------

NAMED = {
    "core_user": lambda name: UserFactory(first_name=name),
    "core_team": lambda name: TeamFactory(name=name),
    "core_thinkificgroup": lambda name: ThinkificGroupFactory(name=name),
    "core_product": lambda name: ProductFactory(name=name),
    "core_organization": lambda name: OrganizationFactory(name=name),
    "core_tag": lambda name: TagFactory(name=name),
    "core_role": lambda name: RoleFactory(name=name),
    "core_seat": lambda name: SeatFactory(name=name),
    "core_apitoken": lambda name: ApiTokenFactory(name=name),
    "core_quiz": lambda name: QuizFactory(name=name),
}


@pytest.mark.django_db
@pytest.mark.parametrize("screen", NAMED)
def test_a_list_finds_a_name_in_any_case_and_composition(signed_in, root, screen):
    wanted = NAMED[screen](f"{DECOMPOSED} Wanted")
    browser = signed_in(root)

    for word in (oz, OZ, DECOMPOSED, "\xd6Z", f"{oz}\u200b"):
        page = browser.get(reverse(f"admin:{screen}_changelist"), {"q": word})
        assert [row.pk for row in page.context["cl"].result_list] == [wanted.pk], word


@pytest.mark.django_db
def test_a_person_is_found_by_either_form_of_their_domain(signed_in, root):
    wanted = UserFactory(email="ana@m\xfcller.example")
    browser = signed_in(root)

    for word in ("ana@m\xfcller", "M\xdcLLER.example", "xn--mller"):
        page = browser.get(reverse("admin:core_user_changelist"), {"q": word})
        assert [row.pk for row in page.context["cl"].result_list] == [wanted.pk], word


# --- once ----------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("factory", [TagFactory, OrganizationFactory, RoleFactory, TeamFactory])
def test_a_name_is_there_once_whatever_its_case(factory):
    factory(name="\xc9tudes")

    for name in ("\xe9tudes", "E\u0301tudes", "\xc9tudes\u200b"):
        with pytest.raises(IntegrityError), transaction.atomic():
            factory(name=name)


@pytest.mark.django_db
def test_a_taken_name_is_refused_in_words(root):
    teams.create(name="\xc9tudes", owner=root, by=root)
    groups.create(name="\xc9tudes", by=root)

    with pytest.raises(Refusal, match="There is a team"):
        teams.create(name="e\u0301tudes", owner=root, by=root)
    with pytest.raises(Refusal, match="There is a group"):
        groups.create(name="e\u0301tudes", by=root)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("stored", "typed"),
    [
        ("ian@acme.example", "\u0131an@acme.example"),
        ("sam@acme.example", "\u017fam@acme.example"),
        ("ana@xn--mller-kva.example", "ana@m\xfcller.example"),
        ("ana@m\xfcller.example", "ANA@xn--mller-kva.example"),
    ],
)
def test_one_address_is_one_account(stored, typed):
    have = people.create_user(email=stored, in_thinkific=False)

    with pytest.raises(people.EmailTaken, match="has an account with"):
        people.create_user(email=typed, in_thinkific=False)
    with pytest.raises(IntegrityError), transaction.atomic():
        UserFactory(email=typed)
    assert User.objects.get_by_natural_key(typed) == have


@pytest.mark.django_db
def test_an_address_that_only_becomes_too_long_is_refused():
    typed = "a" * 60 + "@" + "m\xfcller." * 16 + "example"
    assert len(typed) <= EMAIL_LENGTH < len(normalize_email(typed))

    with pytest.raises(Refusal, match="is not an e-mail address"):
        people.create_user(email=typed, in_thinkific=False)


# --- whoever writes ------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_every_way_of_writing_fills_what_is_searched(root):
    user = UserFactory(first_name="Ana", last_name="Ames", email="ana@acme.example")
    ways = {
        "one field": lambda: save(user, first_name="\xc4nne"),
        "update": lambda: User.objects.filter(pk=user.pk).update(first_name="\xd6nne"),
        "in bulk": lambda: bulk_update(user, first_name="\xdcnne"),
        "the mirror, in part": lambda: bulk.update(User, ["email"], [(user.pk, "\xdcnne@acme.example")]),
    }

    for way, write in ways.items():
        write()
        user.refresh_from_db()
        assert user.folded == fold_person(user.first_name, user.last_name, user.email), way
        assert user.email_key == email_key(user.email), way


def save(user: User, **values: str) -> None:
    for name, value in values.items():
        setattr(user, name, value)
    user.save(update_fields=list(values))


def bulk_update(user: User, **values: str) -> None:
    for name, value in values.items():
        setattr(user, name, value)
    User.objects.bulk_update([user], list(values))


@pytest.mark.django_db
def test_rows_that_the_mirror_inserts_are_filled():
    bulk.insert(Quiz, ["thinkific_id", "name"], [(1, OZ), (2, "Fire Drill")])
    bulk.insert(User, ["email", "password"], [("ana@acme.example", "!")])

    assert set(Quiz.objects.values_list("name", "folded")) == {(OZ, f"{oz} oz"), ("Fire Drill", "fire drill")}
    assert User.objects.get().folded == "ana@acme.example"


@pytest.mark.django_db
def test_what_something_else_has_written_is_filled_by_the_worker():
    fill_folded.fill_missing()  # the roles that migrations made
    tag, team = TagFactory(name="Green"), TeamFactory(name="Acme")
    raw(Tag, tag.pk, folded=None)  # as an older version leaves a row that it inserts
    raw(Team, team.pk, name="Globex")  # as it leaves one that it renames
    raw(Organization, OrganizationFactory(name="North").pk, folded=None)
    raw(Role, RoleFactory(name="Helper").pk, folded=None)

    assert fill_folded.fill_missing() == 3
    assert fill_folded.fill_again() == 1
    assert fill_folded.fill_again() == 0

    tag.refresh_from_db()
    team.refresh_from_db()
    assert (tag.folded, team.folded) == ("green", "globex")


@pytest.mark.django_db
def test_of_two_that_are_the_same_the_older_stays_the_one_that_is_found():
    fill_folded.fill_missing()  # the roles that migrations made
    first, second, third = TagFactory(name="Green"), TagFactory(name="Blue"), TagFactory(name="Red")
    raw(Tag, second.pk, name="green", folded=None)
    raw(Tag, third.pk, folded=None)

    assert fill_folded.fill_missing() == 1

    assert list(Tag.objects.order_by("pk").values_list("folded", flat=True)) == ["green", None, "red"]
    assert list(Tag.named("GREEN")) == [first]


def raw(model, pk, **values):
    """Past everything of ours, as SQL would."""
    QuerySet.update(model._base_manager.filter(pk=pk), **values)


# --- a list of addresses -------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("screen", ["core_user", "core_enrollment"])
def test_many_pasted_addresses_find_all_of_these_people(signed_in, root, screen):
    people_there = [UserFactory(email=f"person.{number}@customer.example") for number in range(250)]
    UserFactory(email="somebody@else.example")
    course = ProductFactory()
    wanted = [EnrollmentFactory(user=user, product=course) for user in people_there[:3]]
    pasted = "; ".join(f'"Person" <{user.email.upper()}>' for user in people_there)

    page = signed_in(root).get(reverse(f"admin:{screen}_changelist"), {"q": pasted})

    count = len(people_there) if screen == "core_user" else len(wanted)
    assert page.context["cl"].result_count == count


@pytest.mark.django_db
def test_pasted_addresses_show_nobody_who_is_not_visible(signed_in, mara, ana, otto):
    page = signed_in(mara).get(reverse("admin:core_user_changelist"), {"q": f"{ana.email} {otto.email}"})

    assert [row.pk for row in page.context["cl"].result_list] == [ana.pk]


# --- without accents -----------------------------------------------------------------------------------

NGOC = "\u0110\u1eb7ng Th\u1ecb Ng\u1ecdc"


@pytest.mark.once
@pytest.mark.parametrize(
    ("written", "typed"),
    [
        (NGOC, "dang thi ngoc"),
        ("S\xf8ren \xc6rø", "soren aero"),
        ("\u0141ukasz \u017b\xf3\u0142\u0107", "lukasz zolc"),
        ("Stra\xdfe", "strasse"),
        ("\xdeóra Gu\xf0r\xfan", "thora gudrun"),
        ("I\u015fIK", "isik"),
        ("\u0152uvre", "oeuvre"),
        ("\u0130brahim", "ibrahim"),
        ("\u0391\u03b8\u03ae\u03bd\u03b1", "\u03b1\u03b8\u03b7\u03bd\u03b1"),  # Greek
        ("\u0410\u0440\u0442\u0451\u043c", "\u0430\u0440\u0442\u0435\u043c"),  # Cyrillic
        ("\uff21\uff4e\uff41", "ana"),  # of full width
    ],
)
def test_accents_are_taken_away(written, typed):
    assert bare(written) == typed
    assert fold(written) in searched(written)
    assert typed in searched(written)


@pytest.mark.once
@pytest.mark.parametrize(
    "name",
    [
        "\u0e2a\u0e21\u0e0a\u0e32\u0e22 \u0e43\u0e08\u0e14\u0e35",  # Thai
        "\u0928\u092e\u0938\u094d\u0924\u0947",  # Hindi
        "\u30ac\u30d1 \u6771\u4eac",  # Japanese
        "\ud55c\uad6d\uc5b4",  # Korean
        "\u0623\u062d\u0645\u062f",  # Arabic
        "\u05e9\u05dc\u05d5\u05dd",  # Hebrew
        "ana ames",
    ],
)
def test_other_scripts_stay_as_they_are(name):
    assert bare(name) == searched(name) == fold(name)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("make", "screen"),
    [
        (lambda: UserFactory(first_name=NGOC, last_name=""), "core_user"),
        (lambda: TeamFactory(name=NGOC), "core_team"),
        (lambda: OrganizationFactory(name=NGOC), "core_organization"),
        (lambda: RoleFactory(name=NGOC), "core_role"),
        (lambda: TagFactory(name=NGOC), "core_tag"),
        (lambda: ThinkificGroupFactory(name=NGOC), "core_thinkificgroup"),
        (lambda: ProductFactory(name=NGOC), "core_product"),
        (lambda: SeatFactory(name=NGOC), "core_seat"),
        (lambda: EnrollmentFactory(user__first_name=NGOC), "core_enrollment"),
    ],
)
@pytest.mark.parametrize("typed", ["dang THI ngoc", NGOC, "\u0111ang thi ng\u1ecdc", "\u0110\u1eb6NG"])
def test_lists_find_names_with_and_without_accents(signed_in, root, make, screen, typed):
    obj = make()

    page = signed_in(root).get(reverse(f"admin:{screen}_changelist"), {"q": typed})

    assert obj in page.context["cl"].queryset


@pytest.mark.django_db
def test_names_that_differ_by_an_accent_are_two(root):
    tags = [TagFactory(name=name) for name in ("Etude", "\xc9tude")]
    accounts = [UserFactory(email=f"{name}@acme.example") for name in ("ozlem", "\xf6zlem")]

    assert [list(Tag.named(tag.name)) for tag in tags] == [[tag] for tag in tags]
    assert len({user.email_key for user in accounts}) == 2


@pytest.mark.django_db
def test_rows_of_an_older_version_are_found_as_before_and_filled(signed_in, root):
    fill_folded.fill_missing()  # the roles that migrations made
    team, user = TeamFactory(name=NGOC), UserFactory(first_name=NGOC, last_name="")
    raw(Team, team.pk, plain=None)
    raw(User, user.pk, folded=fold(f"{NGOC}  {user.email}"))
    team_list, people = reverse("admin:core_team_changelist"), reverse("admin:core_user_changelist")

    def found(address, typed):
        return list(signed_in(root).get(address, {"q": typed}).context["cl"].queryset)

    assert (found(team_list, NGOC), found(people, NGOC)) == ([team], [user])
    assert fill_folded.fill_missing() == 1
    assert fill_folded.fill_again() == 1
    assert (found(team_list, "ngoc"), found(people, "ngoc")) == ([team], [user])
