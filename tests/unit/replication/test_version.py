from __future__ import annotations

import pytest
from hypothesis import given

from dinerapp.replication.version import StoreId, Version
from tests.unit.strategies import places, versions


@given(versions)
def test_joining_a_version_with_itself_changes_nothing(one: Version) -> None:
    assert one.merged(one) == one


@given(versions, versions)
def test_it_does_not_matter_which_version_is_joined_to_which(one: Version, other: Version) -> None:
    assert one.merged(other) == other.merged(one)


@given(versions, versions, versions)
def test_it_does_not_matter_which_versions_are_joined_first(
    one: Version, other: Version, third: Version
) -> None:
    assert one.merged(other).merged(third) == one.merged(other.merged(third))


@given(versions, versions, versions)
def test_the_join_is_the_smallest_version_that_covers_both(
    one: Version, other: Version, third: Version
) -> None:
    joined = one.merged(other)
    assert joined.dominates(one)
    assert joined.dominates(other)
    assert third.dominates(joined) == (third.dominates(one) and third.dominates(other))


@given(versions, versions)
def test_of_two_versions_that_cover_each_other_both_are_equal(one: Version, other: Version) -> None:
    assert (one.dominates(other) and other.dominates(one)) == (one == other)
    assert one.dominates(other) == (one.merged(other) == one)


@given(versions, places)
def test_a_place_raises_its_own_counter_and_no_other(version: Version, place: StoreId) -> None:
    raised = version.incremented(place)
    assert {each: raised.counter_of(each) - version.counter_of(each) for each in StoreId} == {
        each: int(each is place) for each in StoreId
    }
    assert raised.revision == version.revision + 1
    assert raised.dominates(version)
    assert not version.dominates(raised)


@given(versions)
def test_a_version_is_read_back_from_its_text(version: Version) -> None:
    assert Version.parse(str(version)) == version


@pytest.mark.parametrize(
    "text",
    [
        "",
        "p1m2",
        "p1m2n3 ",
        "p1m2n3\n",
        "p-1m2n3",
        "P1M2N3",
        "p\N{ARABIC-INDIC DIGIT ONE}m2n3",
        "p1m2n" + "9" * 19,
        "p1m2n3" * 1000,
        "\ud800",
    ],
)
def test_a_text_that_is_no_version_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a version"):
        Version.parse(text)
