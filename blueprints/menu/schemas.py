"""The menu as clients send and see it."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from blueprints.http.fields import (
    BoundedList,
    Money,
    QueryBool,
    RequestSchema,
    StrictBool,
    StrictInt,
    Text,
    TimeOfDay,
)
from dinerapp.ordering.domain.hours import WEEK, Weekday, Window
from dinerapp.ordering.domain.menu import Option, OptionGroup
from dinerapp.ordering.services.menu_cache import MenuFilter

MAX_STOCK = 1_000_000
MAX_DIETARY_MARKS = 20
_HOURS_DESCRIPTION = "when it is served, in the restaurant's time zone; an empty list means always"
_DIETARY_METADATA = {
    "description": "free text, such as vegan, vegetarian, halal",
    "example": ["vegetarian"],
}
_ALLERGENS_METADATA = {
    "description": "free text; the 14 that must be declared in the EU are gluten, crustaceans, "
    "egg, fish, peanuts, soy, milk, nuts, celery, mustard, sesame, sulphites, lupin, molluscs",
    "example": ["gluten", "milk"],
}
_SLUG_VALIDATOR = validate.Regexp(
    r"^[a-z0-9]+(-[a-z0-9]+)*\Z", error="must be lower-case words-with-dashes"
)


class OptionIn(RequestSchema):
    """One choice within a group."""

    id = Text(1, 64, required=True, metadata={"example": "large"})
    name = Text(1, 200, required=True, metadata={"example": "Large"})
    price = Money(
        -(10**6), 10**6, load_default=0, metadata={"description": "added to the item's price"}
    )

    @ma.post_load
    def make(self, data: dict[str, Any], **_: Any) -> Option:
        return Option(**data)


class OptionGroupIn(RequestSchema):
    """Options of which a guest chooses at least `min` and at most `max`."""

    id = Text(1, 64, required=True, metadata={"example": "size"})
    name = Text(1, 200, required=True, metadata={"example": "Size"})
    min = StrictInt(0, 50, load_default=0)
    max = StrictInt(1, 50, load_default=1)
    options = BoundedList(fields.Nested(OptionIn), 1, 100, required=True)

    @ma.post_load
    def make(self, data: dict[str, Any], **_: Any) -> OptionGroup:
        if data["min"] > data["max"]:
            raise ma.ValidationError("must not be greater than max", "min")
        if data["max"] > len(data["options"]):
            raise ma.ValidationError("must not be greater than the number of options", "max")
        return OptionGroup(**{**data, "options": tuple(data["options"])})


class HoursIn(RequestSchema):
    """A weekly time window; if `closes` is not after `opens`, it ends on the next day."""

    days = BoundedList(
        fields.Enum(Weekday, by_value=True),
        1,
        7,
        load_default=lambda: list(WEEK),
        metadata={"description": "every day if left out", "example": ["sat", "sun"]},
    )
    opens = TimeOfDay(required=True, metadata={"example": "11:30"})
    closes = TimeOfDay(required=True, metadata={"example": "15:00"})

    @ma.post_load
    def make(self, data: dict[str, Any], **_: Any) -> Window:
        return Window(**{**data, "days": tuple(sorted(set(data["days"]), key=WEEK.index))})


class ItemChanges(RequestSchema):
    """The fields of an item that can be changed; all are optional."""

    slug = Text(1, 100, validate=_SLUG_VALIDATOR, metadata={"example": "margherita"})
    name = Text(1, 200, metadata={"example": "Pizza Margherita"})
    description = Text(0, 2000)
    category_id = fields.UUID()
    position = StrictInt(0, 10_000)
    price = Money(metadata={"example": 950})
    tax_rate = StrictInt(0, 10_000, allow_none=True, metadata={"description": "1900 is 19 %"})
    dietary = BoundedList(Text(1, 50), 0, 30, metadata=_DIETARY_METADATA)
    allergens = BoundedList(Text(1, 50), 0, 30, metadata=_ALLERGENS_METADATA)
    option_groups = BoundedList(fields.Nested(OptionGroupIn), 0, 30)
    station = Text(
        1, 50, metadata={"description": "the kitchen station that makes it", "example": "grill"}
    )
    hours = BoundedList(fields.Nested(HoursIn), 0, 20, metadata={"description": _HOURS_DESCRIPTION})
    available = StrictBool(metadata={"description": "false takes it off the menu for now (86)"})

    @ma.post_load
    def make(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        groups = data.get("option_groups", [])
        options = [option for group in groups for option in group.options]
        for things in (groups, options):
            if len({thing.id for thing in things}) != len(things):
                raise ma.ValidationError("must not contain the same id twice", "option_groups")
        return _freeze(data)


class ItemIn(ItemChanges):
    """A new item."""

    slug = Text(1, 100, required=True, validate=_SLUG_VALIDATOR, metadata={"example": "margherita"})
    name = Text(1, 200, required=True, metadata={"example": "Pizza Margherita"})
    category_id = fields.UUID(required=True)
    price = Money(required=True, metadata={"example": 950})


class Availability(RequestSchema):
    """Whether an item is available; false is an 86."""

    available = StrictBool(required=True)


class Stock(RequestSchema):
    """How many are left; null stops counting."""

    stock = StrictInt(0, MAX_STOCK, required=True, allow_none=True)


class CategoryChanges(RequestSchema):
    """The fields of a category that can be changed; all are optional."""

    slug = Text(1, 100, validate=_SLUG_VALIDATOR, metadata={"example": "pizza"})
    name = Text(1, 200, metadata={"example": "Pizza"})
    position = StrictInt(0, 10_000, metadata={"description": "its place on the menu"})
    description = Text(0, 2000)
    hours = BoundedList(fields.Nested(HoursIn), 0, 20, metadata={"description": _HOURS_DESCRIPTION})

    @ma.post_load
    def make(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return _freeze(data)


class CategoryIn(CategoryChanges):
    """A new category."""

    slug = Text(1, 100, required=True, validate=_SLUG_VALIDATOR, metadata={"example": "pizza"})
    name = Text(1, 200, required=True, metadata={"example": "Pizza"})


class MenuQuery(RequestSchema):
    """Filters for the menu."""

    category = Text(
        1,
        100,
        load_default=None,
        metadata={"description": "the id or slug of one category", "example": "pizza"},
    )
    dietary = Text(
        1,
        500,
        load_default="",
        metadata={
            "description": "dietary labels separated by commas; all of them must match",
            "example": "vegan,halal",
        },
    )
    available = QueryBool(
        load_default=None,
        metadata={"description": "true: items that can be ordered now; false: items that cannot"},
    )

    @ma.post_load
    def make(self, data: dict[str, Any], **_: Any) -> MenuFilter:
        marks = [mark.strip().casefold() for mark in data["dietary"].split(",")]
        if len(marks) > MAX_DIETARY_MARKS:
            raise ma.ValidationError(f"must have at most {MAX_DIETARY_MARKS} labels", "dietary")
        return MenuFilter(**{**data, "dietary": frozenset(filter(None, marks))})


class HoursOut(ma.Schema):
    days = fields.List(fields.Enum(Weekday, by_value=True), metadata={"example": ["sat", "sun"]})
    opens = fields.String(metadata={"example": "11:30"})
    closes = fields.String(metadata={"example": "15:00"})


class OptionOut(ma.Schema):
    id = fields.String()
    name = fields.String()
    price = fields.Integer()


class OptionGroupOut(ma.Schema):
    id = fields.String()
    name = fields.String()
    min = fields.Integer()
    max = fields.Integer()
    options = fields.List(fields.Nested(OptionOut))


class ItemOut(ma.Schema):
    """An item; `stock` is how many are left, null if they are not counted."""

    id = fields.UUID()
    revision = fields.Integer()
    slug = fields.String(metadata={"example": "margherita"})
    name = fields.String(metadata={"example": "Pizza Margherita"})
    description = fields.String(metadata={"example": "Tomatoes, mozzarella, basil"})
    category_id = fields.String(
        metadata={"format": "uuid", "example": "01a1fd5b-738a-7340-82a6-7288b9785b65"}
    )
    position = fields.Integer()
    price = fields.Integer(metadata={"example": 950})
    tax_rate = fields.Integer(allow_none=True)
    dietary = fields.List(fields.String(), metadata=_DIETARY_METADATA)
    allergens = fields.List(fields.String(), metadata=_ALLERGENS_METADATA)
    option_groups = fields.List(fields.Nested(OptionGroupOut))
    station = fields.String(metadata={"example": "grill"})
    hours = fields.List(fields.Nested(HoursOut), metadata={"description": _HOURS_DESCRIPTION})
    available = fields.Boolean(
        metadata={"description": "whether it is not 86'd, not sold out and within its hours"}
    )
    stock = fields.Integer(allow_none=True)


class CategoryOut(ma.Schema):
    """A part of the menu."""

    id = fields.UUID()
    revision = fields.Integer()
    slug = fields.String(metadata={"example": "pizza"})
    name = fields.String(metadata={"example": "Pizza"})
    position = fields.Integer()
    description = fields.String(metadata={"example": "From a wood oven"})
    hours = fields.List(fields.Nested(HoursOut), metadata={"description": _HOURS_DESCRIPTION})


class CategoryList(ma.Schema):
    """Every category, in the order of the menu."""

    items = fields.List(fields.Nested(CategoryOut))


class GroupOut(ma.Schema):
    id = fields.String(
        metadata={"format": "uuid", "example": "01a1fd5b-738a-7340-82a6-7288b9785b65"}
    )
    slug = fields.String(metadata={"example": "pizza"})
    name = fields.String(metadata={"example": "Pizza"})
    description = fields.String(metadata={"example": "From a wood oven"})
    items = fields.List(fields.Nested(ItemOut))


class MenuOut(ma.Schema):
    """The menu, by category."""

    currency = fields.String(metadata={"example": "EUR"})
    categories = fields.List(fields.Nested(GroupOut))


def _freeze(data: dict[str, Any]) -> dict[str, Any]:
    """Lists become tuples, as records hold them."""
    if "category_id" in data:
        data["category_id"] = str(data["category_id"])
    return {key: tuple(value) if type(value) is list else value for key, value in data.items()}
