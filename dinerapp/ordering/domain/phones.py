"""Normalises phone numbers, so that the same number compares equal however it was typed."""

from __future__ import annotations

import unicodedata

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat

REGIONS = frozenset(phonenumbers.SUPPORTED_REGIONS)

_MAX_ROUNDS = 10


def normalise_phone(phone: str, region: str) -> str:
    """The number in E.164 form, with the region's country code if it has none.

    Text that is not a valid number becomes its digits, so that it can still be found as typed. The
    result is normalised again until it no longer changes, because some results need that.
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
