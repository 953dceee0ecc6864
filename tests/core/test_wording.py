"""Numbers and lists in sentences."""

import pytest

from core.wording import listed, one_or_many, plural


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
