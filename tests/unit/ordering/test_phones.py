"""However a number was typed, it is one number."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat

from dinerapp.ordering.domain.phones import REGIONS, normalise_phone

REGION = "DE"


@pytest.mark.parametrize(
    "typed",
    ["+49 30 123", "030 123", "0049 30 123", "(030) 12-3", "030/123", "+49 (0)30 123", "+49030123"],
)
def test_a_number_is_the_same_with_its_country_and_without(typed: str) -> None:
    assert normalise_phone(typed, REGION) == "+4930123"


def test_a_number_without_a_country_is_dialled_from_the_region() -> None:
    assert normalise_phone("030 1234567", "DE") == "+49301234567"
    assert normalise_phone("(212) 555-0100", "US") == "+12125550100"
    assert normalise_phone("+49 30 1234567", "US") == "+49301234567"


@pytest.mark.parametrize(
    ("typed", "digits"),
    [("", ""), ("none", ""), ("+1", "1"), ("1" * 30, "1" * 30), ("++٤", "4"), ("no. 7", "7")],
)
def test_what_is_no_number_is_its_digits(typed: str, digits: str) -> None:
    assert normalise_phone(typed, REGION) == digits


@given(st.text(), st.sampled_from(sorted(REGIONS)))
def test_nothing_anybody_types_is_refused(typed: str, region: str) -> None:
    number = normalise_phone(typed, region)
    assert number.isascii()
    assert number.removeprefix("+").isdigit() or number == ""


@given(st.from_regex(r"\+?[0-9]{5,20}", fullmatch=True), st.sampled_from(["DE", "US", "IT", "MX"]))
def test_a_number_that_is_compared_is_compared_as_it_is(typed: str, region: str) -> None:
    number = normalise_phone(typed, region)
    assert normalise_phone(number, region) == number


@given(
    st.sampled_from(sorted(REGIONS)),
    st.sampled_from(
        [PhoneNumberFormat.E164, PhoneNumberFormat.INTERNATIONAL, PhoneNumberFormat.RFC3966]
    ),
    st.data(),
)
def test_a_valid_number_is_one_in_every_way_of_writing_it(
    region: str, written: int, data: st.DataObject
) -> None:
    example = phonenumbers.example_number(region)
    assert example is not None
    number = phonenumbers.format_number(example, PhoneNumberFormat.E164)
    elsewhere = data.draw(st.sampled_from(sorted(REGIONS)))
    assert normalise_phone(phonenumbers.format_number(example, written), elsewhere) == number
    home = phonenumbers.format_number(example, PhoneNumberFormat.NATIONAL)
    assert normalise_phone(home, region) == number
