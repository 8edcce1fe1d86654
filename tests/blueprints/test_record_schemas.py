"""Response schemas that follow from records: of every type, and nothing that is hidden."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

import pytest
from marshmallow import fields

from blueprints.http.record_schemas import page_schema, record_view, schema_of
from dinerapp.replication.identity import new_id, new_op_id
from dinerapp.replication.kind import Kind
from dinerapp.replication.record import Record
from tests.factories import at


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    length: int
    made_of: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chair(Record):
    name: str
    owner_id: str
    legs: tuple[Leg, ...] = ()
    tags: tuple[str, ...] = ()
    colour: Colour = Colour.RED
    sold_at: datetime | None = None
    built_on: date | None = None
    is_new: bool = True
    weight: float = 1.5
    extra: Mapping[str, Any] | None = None
    pin: str = "1234"
    cost: int = 3


CHAIRS = Kind("chairs", Chair, secret_fields=("pin",))


def members(**options: Any) -> dict[str, Any]:
    return schema_of(CHAIRS, "ChairOut", "A chair.", **options)._declared_fields


def test_every_type_of_field_has_its_schema() -> None:
    found = members(hide=("cost",), about={"name": {"example": "Throne"}})
    assert {name: type(field) for name, field in found.items()} == {
        "id": fields.UUID,
        "revision": fields.Integer,
        "name": fields.String,
        "owner_id": fields.UUID,
        "legs": fields.List,
        "tags": fields.List,
        "colour": fields.Enum,
        "sold_at": fields.DateTime,
        "built_on": fields.Date,
        "is_new": fields.Boolean,
        "weight": fields.Float,
        "extra": fields.Dict,
        "created_at": fields.DateTime,
        "updated_at": fields.DateTime,
    }
    optional = {name for name, field in found.items() if field.allow_none}
    assert optional == {"sold_at", "built_on", "extra"}
    assert found["name"].metadata == {"example": "Throne"}
    leg = found["legs"].inner.schema
    assert type(leg).__name__ == "LegOut"
    assert {name: field.allow_none for name, field in leg.fields.items()} == {
        "length": False,
        "made_of": True,
    }


def test_more_is_added_and_shows_fields_as_something_else() -> None:
    found = members(more={"owner_id": fields.String(), "price": fields.Integer()})
    assert type(found["owner_id"]) is fields.String
    assert type(found["price"]) is fields.Integer


def test_what_the_schema_does_not_name_is_not_shown() -> None:
    chair = Chair(
        id=new_id(), op_id=new_op_id(), created_at=at(), updated_at=at(), name="a", owner_id="b"
    )
    schema = schema_of(CHAIRS, "ChairOut", "A chair.", hide=("cost",))
    view = record_view(schema, chair)
    assert {*view} == {*schema._declared_fields}
    assert record_view(schema, chair, price=9)["price"] == 9


def test_a_page_has_a_list_and_where_it_goes_on() -> None:
    page = page_schema(schema_of(CHAIRS, "ChairOut", "A chair."), "ChairPage")()
    assert {*page.fields} == {"items", "next_cursor"}
    assert type(page).__doc__ == "One page, newest first."


def test_words_about_a_field_that_is_not_shown_are_a_mistake() -> None:
    for name in ("pin", "nmae"):
        with pytest.raises(TypeError, match=name):
            members(about={name: {"example": "x"}})


def test_a_type_that_no_schema_follows_from_is_named() -> None:
    @dataclass(frozen=True, slots=True, kw_only=True)
    class Odd(Record):
        shape: complex

    kind = Kind("odd", Odd)
    with pytest.raises(TypeError, match=r"Odd\.shape"):
        schema_of(kind, "OddOut", "Odd.")
    made = schema_of(kind, "OddOut", "Odd.", more={"shape": fields.String()})
    assert type(made._declared_fields["shape"]) is fields.String
