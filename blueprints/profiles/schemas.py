"""Profiles as users send and see them."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields, validate

from blueprints.http.fields import BoundedList, HttpUrl, Phone, RequestSchema, Text
from blueprints.http.record_schemas import schema_of, schema_of_part
from dinerapp.accounts.domain.profiles import PROFILES, Preferences

MAX_WORDS = 50
_LANGUAGE_VALIDATOR = validate.Regexp(
    r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4}\Z", error="must be a language tag such as de or pt-BR"
)


def _word_list(example: str) -> BoundedList:
    return BoundedList(Text(1, 50), 0, MAX_WORDS, metadata={"example": [example]})


class PreferencesIn(RequestSchema):
    """A user's preferences; fields that are left out stay as they are."""

    dietary = _word_list("vegan")
    allergens = _word_list("nuts")
    language = Text(
        2, 35, allow_none=True, validate=_LANGUAGE_VALIDATOR, metadata={"example": "de"}
    )

    @ma.post_load
    def make(self, data: dict[str, object], **_: object) -> dict[str, object]:
        return {
            name: tuple(value) if isinstance(value, list) else value for name, value in data.items()
        }


class ProfileChanges(RequestSchema):
    """The fields of a profile that can be changed; all are optional."""

    display_name = Text(1, 200, metadata={"example": "Ada"})
    avatar_url = HttpUrl(allow_none=True, metadata={"example": "https://example.org/ada.png"})
    bio = Text(0, 2000)
    phone = Phone(1, 40, allow_none=True)
    preferences = fields.Nested(PreferencesIn)


PreferencesOut = schema_of_part(
    Preferences, "PreferencesOut", "A user's preferences.", about={"language": {"example": "de"}}
)
ProfileOut = schema_of(
    PROFILES,
    "ProfileOut",
    "A user's profile. Its id is the user's id.",
    about={
        "display_name": {"example": "Ada"},
        "avatar_url": {"example": "https://example.org/ada.png"},
        "phone": {"example": "+49301234567"},
    },
    more={"preferences": fields.Nested(PreferencesOut)},
)
