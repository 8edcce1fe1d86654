"""Requests that are read as the record's fields say, and routes that are declared."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import marshmallow as ma
import pytest
from flask.testing import FlaskClient

from blueprints.http.fields import Email, RecordId
from blueprints.http.request_schemas import request_schema, with_all_optional
from dinerapp.accounts.domain.permissions import Role
from dinerapp.replication.bounds import Bounds
from dinerapp.replication.identity import new_id
from dinerapp.replication.record import Record
from tests.blueprints.api_helpers import client_of, description_of

WORD = Annotated[str, Bounds(1, 5, "a short one")]


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chair(Record):
    """A chair. It is to sit on."""

    name: WORD
    legs: Annotated[int, Bounds(3, 4)] = 4
    notes: WORD | None = None
    colour: Colour = Colour.RED
    soft: bool = False
    made_at: datetime | None = None
    unbounded: str = ""
    parts: tuple[str, ...] = ()
    size: int | str | None = None
    word: WORD = field(default_factory=lambda: "oak")


NAMES = "name legs notes colour soft made_at"
CHAIR = request_schema(Chair, NAMES, owner=Email(), room_id=RecordId())()
CHANGES = with_all_optional(request_schema(Chair, NAMES))()


def errors_of(schema: ma.Schema, given: dict[str, Any]) -> list[str]:
    try:
        schema.load(given)
    except ma.ValidationError as exc:
        return sorted(exc.messages_dict)
    return []


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"name": "Otto"}, []),
        ({}, ["name"]),
        ({"name": "Ottokar"}, ["name"]),
        ({"name": "Otto", "legs": 2}, ["legs"]),
        ({"name": "Otto", "legs": "4"}, ["legs"]),
        ({"name": "Otto", "legs": None}, ["legs"]),
        ({"name": "Otto", "notes": None}, []),
        ({"name": "Otto", "notes": ""}, ["notes"]),
        ({"name": "Otto", "colour": "green"}, ["colour"]),
        ({"name": "Otto", "soft": 1}, ["soft"]),
        ({"name": "Otto", "made_at": "2036-05-01"}, ["made_at"]),
        ({"name": "Otto", "owner": "x", "room_id": "x"}, ["owner", "room_id"]),
        ({"name": "Otto", "unbounded": "x"}, ["unbounded"]),
    ],
)
def test_a_request_is_held_to_the_bounds_of_the_record(given: Any, wrong: list[str]) -> None:
    assert errors_of(CHAIR, given) == wrong


def test_what_is_left_out_is_the_records_to_say() -> None:
    assert CHAIR.load({"name": "Otto"}) == {"name": "Otto"}
    assert CHANGES.load({}) == {}
    assert errors_of(CHANGES, {"legs": 9}) == ["legs"]
    room_id = new_id()
    assert CHAIR.load({"name": "Otto", "room_id": room_id})["room_id"] == room_id


def test_a_text_without_bounds_is_a_mistake() -> None:
    with pytest.raises(TypeError, match="unbounded"):
        request_schema(Chair, "unbounded")


@pytest.mark.parametrize("name", ["parts", "size"])
def test_a_type_that_requests_cannot_have_is_a_mistake(name: str) -> None:
    with pytest.raises(TypeError, match=f"{name}: no request field follows from"):
        request_schema(Chair, name)


def test_a_field_with_a_default_factory_is_not_required() -> None:
    assert request_schema(Chair, "word")().load({}) == {}


def test_a_change_to_what_a_record_already_says_makes_no_new_version() -> None:
    with client_of(Role.MANAGER) as manager:
        area = manager.post("/api/areas", json={"name": "Garden"})
        path = area.headers["Location"]
        same = manager.patch(path, json={"name": "Garden"})
        other = manager.patch(path, json={"name": "Hall"})
    assert (same.status_code, same.json["revision"]) == (200, area.json["revision"])
    assert same.headers["ETag"] == area.headers["ETag"]
    assert other.json["revision"] == area.json["revision"] + 1


def test_declared_routes_are_documented_as_if_they_had_been_written(client: FlaskClient) -> None:
    paths = description_of(client.application)["paths"]
    listed, one = paths["/api/areas"], paths["/api/areas/{area_id}"]
    assert listed["post"]["summary"] == "Create an area"
    assert one["delete"]["summary"] == "Delete an area"
    assert {*one} >= {"get", "patch", "delete"}
    assert "delete" not in paths["/api/reservations/{reservation_id}"]
    schemas = description_of(client.application)["components"]["schemas"]
    assert "moves" not in schemas["ReservationOut"]["properties"]
    assert schemas["AreaIn"]["properties"]["name"]["maxLength"] == 100
    assert "access_token" in schemas["NewReservationOut"]["properties"]
    assert schemas["ReservationPage"]["description"].startswith("One page, earliest first")
