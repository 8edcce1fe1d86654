"""The menu as clients send and see it."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from blueprints.http.fields import Flag, Money, Schema, Several, Text, Whole
from dinerapp.domain.menu import Option, OptionGroup

MOST_STOCK = 1_000_000
_SLUG = validate.Regexp(r"^[a-z0-9]+(-[a-z0-9]+)*\Z", error="must be lower-case words-with-dashes")


class OptionIn(Schema):
    """One choice within a group."""

    id = Text(1, 64, required=True, metadata={"example": "large"})
    name = Text(1, 200, required=True, metadata={"example": "Large"})
    price = Money(-(10**6), 10**6, load_default=0, metadata={"description": "added to the item's"})

    @ma.post_load
    def make(self, data: dict[str, Any], **_: Any) -> Option:
        return Option(**data)


class OptionGroupIn(Schema):
    """Options of which a guest takes at least `min` and at most `max`."""

    id = Text(1, 64, required=True, metadata={"example": "size"})
    name = Text(1, 200, required=True, metadata={"example": "Size"})
    min = Whole(0, 50, load_default=0)
    max = Whole(1, 50, load_default=1)
    options = Several(fields.Nested(OptionIn), 1, 100, required=True)

    @ma.post_load
    def make(self, data: dict[str, Any], **_: Any) -> OptionGroup:
        if data["min"] > data["max"]:
            raise ma.ValidationError("must not be more than max", "min")
        if data["max"] > len(data["options"]):
            raise ma.ValidationError("must not be more than there are options", "max")
        return OptionGroup(**{**data, "options": tuple(data["options"])})


class ItemChanges(Schema):
    """What can be changed of an item; all of it is optional."""

    slug = Text(1, 100, validate=_SLUG, metadata={"example": "margherita"})
    name = Text(1, 200, metadata={"example": "Pizza Margherita"})
    description = Text(0, 2000)
    category = Text(1, 100, metadata={"example": "Pizza"})
    position = Whole(0, 10_000)
    price = Money(metadata={"example": 950})
    tax_rate = Whole(0, 10_000, allow_none=True, metadata={"description": "1900 is 19 %"})
    dietary = Several(Text(1, 50), 0, 30, metadata={"example": ["vegetarian"]})
    allergens = Several(Text(1, 50), 0, 30, metadata={"example": ["gluten", "milk"]})
    option_groups = Several(fields.Nested(OptionGroupIn), 0, 30)
    available = Flag()

    @ma.post_load
    def make(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        groups = data.get("option_groups", [])
        options = [option for group in groups for option in group.options]
        for things in (groups, options):
            if len({thing.id for thing in things}) != len(things):
                raise ma.ValidationError("the same id is given twice", "option_groups")
        listed = ("dietary", "allergens", "option_groups")
        return {name: tuple(value) if name in listed else value for name, value in data.items()}


class ItemIn(ItemChanges):
    """A new item."""

    slug = Text(1, 100, required=True, validate=_SLUG, metadata={"example": "margherita"})
    name = Text(1, 200, required=True, metadata={"example": "Pizza Margherita"})
    category = Text(1, 100, required=True, metadata={"example": "Pizza"})
    price = Money(required=True, metadata={"example": 950})


class Availability(Schema):
    """86 an item, or bring it back."""

    available = Flag(required=True)


class Stock(Schema):
    """How many are left from now on; null stops counting."""

    stock = Whole(0, MOST_STOCK, required=True, allow_none=True)


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
    """An item with what is left of it; `stock` is null when nobody counts."""

    id = fields.UUID()
    revision = fields.Integer()
    slug = fields.String(metadata={"example": "margherita"})
    name = fields.String(metadata={"example": "Pizza Margherita"})
    description = fields.String(metadata={"example": "Tomatoes, mozzarella, basil"})
    category = fields.String(metadata={"example": "Pizza"})
    position = fields.Integer()
    price = fields.Integer(metadata={"example": 950})
    tax_rate = fields.Integer(allow_none=True)
    dietary = fields.List(fields.String())
    allergens = fields.List(fields.String())
    option_groups = fields.List(fields.Nested(OptionGroupOut))
    available = fields.Boolean()
    stock = fields.Integer(allow_none=True)


class CategoryOut(ma.Schema):
    id = fields.String()
    name = fields.String()
    items = fields.List(fields.Nested(ItemOut))


class MenuOut(ma.Schema):
    """The whole menu, by category."""

    currency = fields.String(metadata={"example": "EUR"})
    categories = fields.List(fields.Nested(CategoryOut))
