"""Telephone numbers as they are compared: however a number was typed, it is one number."""

from __future__ import annotations

import unicodedata

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat

REGIONS = frozenset(phonenumbers.SUPPORTED_REGIONS)

_MAX_ROUNDS = 10


def normalise_phone(phone: str, region: str) -> str:
    """The number with its country in front (E.164), dialled from the region if it has none.

    What is no number anywhere is its digits, so that it is still found the way it was typed. What
    comes out is itself a way to type the number: some need a second look until that is so.
    """
    for _ in range(_MAX_ROUNDS):
        before, phone = phone, _parse(phone, region)
        if phone == before:
            break
    return phone


def _parse(phone: str, region: str) -> str:
    try:
        number = phonenumbers.parse(phone, region)
    except NumberParseException:
        return "".join(str(unicodedata.decimal(each)) for each in phone if each.isdecimal())
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)
