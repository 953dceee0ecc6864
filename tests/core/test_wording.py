"""Numbers and lists in sentences."""

import pytest

from core.errors import Refusal
from core.services import people
from core.services.accounts import deletions
from core.wording import first_of, listed, one_or_many, plural
from tests.factories import TeamFactory


@pytest.mark.parametrize(
    ("count", "said"), [(0, "0 seats"), (1, "1 seat"), (2, "2 seats"), (1204, "1,204 seats")]
)
def test_a_noun_goes_with_its_count(count, said):
    assert plural(count, "seat") == said


def test_a_noun_that_takes_no_s_names_its_plural():
    assert [plural(count, "person is", "people are") for count in (1, 3)] == ["1 person is", "3 people are"]


def test_a_verb_goes_with_the_count():
    assert [one_or_many(count, "is", "are") for count in (0, 1, 2)] == ["are", "is", "are"]


@pytest.mark.parametrize(
    ("names", "said"),
    [([], ""), (["Ana"], "Ana"), (["Ana", "Bo"], "Ana and Bo"), (["Ana", "Bo", "Cleo"], "Ana, Bo and Cleo")],
)
def test_names_are_listed_as_in_a_sentence(names, said):
    assert listed(names) == said


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ([], ""),
        (["A"], "A"),
        (["A", "B", "C"], "A, B and C"),
        (["A", "B", "C", "D"], "A, B, C and 1 more"),
        ([str(n) for n in range(12)], "0, 1, 2 and 9 more"),
    ],
)
def test_a_list_that_is_cut_says_how_many_are_left_out(names, said):
    assert first_of(names) == said


@pytest.mark.django_db
def test_who_owns_many_teams_reads_how_many(owen, acme):
    for name in ("Beta", "Cesta", "Delta", "Epsilon"):
        TeamFactory(name=name, owner=owen)

    assert deletions.obstacle(owen).startswith(f"{owen} owns Acme, Beta, Cesta and 2 more.")
    with pytest.raises(Refusal, match="owns Acme, Beta, Cesta and 2 more"):
        people.update_user(owen, is_active=False)
