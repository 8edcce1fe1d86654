"""A record that the other store cannot take stops only itself (P9)."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.diners import ROOT, TAMPERED, until
from tests.faults.guests import Guest, new_order, party
from tests.faults.house import MONGODB, PLACES, POSTGRESQL, House, Servers
from tests.faults.ledger import assert_kept

pytestmark = pytest.mark.faults

POISON = "the other store cannot take this"


@pytest.fixture(scope="module")
def hasty_house(servers: Servers, folder: Path) -> Iterator[House]:
    with House(servers, folder, app=TAMPERED, TAMPER="haste").opened() as house:
        yield house


@pytest.fixture
def house(hasty_house: House) -> Iterator[House]:
    yield from hasty_house.in_order()


@pytest.mark.parametrize("refuser", PLACES)
def test_a_record_the_other_store_cannot_take_is_parked_and_stops_only_itself(
    house: House, refuser: str
) -> None:
    _refuse_poison[refuser](house)
    with party(house.diners) as guests:
        waiter = Guest(f"poisoner-{refuser}", house.diners, guests.book)
        waiter.prepare()
        record_id = _swallow_poison[refuser](waiter)
        until(lambda: _parked(house, refuser) == [1, 1], "the parking", house.explain)
        shown = _command(house, "parked")
        assert shown.returncode == 1
        assert record_id[:13] in shown.stdout.replace("\n", "")
    # The others were delivered meanwhile, and the store is used as ever.
    house.await_state(postgresql="up", mongodb="up")
    until(lambda: house.owed() == 1, "all but the poison to be shipped", house.explain)
    _take_poison[refuser](house)
    assert _command(house, "parked", "--retry").returncode == 0
    house.await_settled()
    waiter.close()
    assert_kept(house, guests.book)


def _refuse_in_postgres(house: House) -> None:
    with house.postgres() as connection:
        connection.execute(
            "ALTER TABLE menu_items ADD CONSTRAINT no_poison"
            f" CHECK (content ->> 'description' <> '{POISON}')"
        )


def _take_in_postgres(house: House) -> None:
    with house.postgres() as connection:
        connection.execute("ALTER TABLE menu_items DROP CONSTRAINT no_poison")


def _refuse_in_mongo(house: House) -> None:
    with house.mongo() as database:
        database.command("collMod", "orders", validator={"notes": {"$ne": POISON}})


def _take_in_mongo(house: House) -> None:
    with house.mongo() as database:
        database.command("collMod", "orders", validator={})


def _add_poisoned_dish(guest: Guest) -> str:
    dish = guest.new_dish("poison", 100, description=POISON)
    return _created(guest, "/menu/items", dish)


def _place_poisoned_order(guest: Guest) -> str:
    items = [{"item_id": guest.dish.id, "quantity": 1}]
    return _created(guest, "/orders", new_order(f"{guest.name}-poison", items, notes=POISON))


def _created(guest: Guest, path: str, body: object) -> str:
    answer = guest.insist("POST", path, body)[-1]
    assert answer.status == 201, answer
    record_id: str = answer.body["id"]
    return record_id


_Step = Callable[[House], None]
_refuse_poison: dict[str, _Step] = {POSTGRESQL: _refuse_in_postgres, MONGODB: _refuse_in_mongo}
_take_poison: dict[str, _Step] = {POSTGRESQL: _take_in_postgres, MONGODB: _take_in_mongo}
_swallow_poison = {POSTGRESQL: _add_poisoned_dish, MONGODB: _place_poisoned_order}


def _parked(house: House, place: str) -> list[int]:
    """What each diner says is parked for the place."""
    return [
        one["parked"]
        for diner in house.diners
        for one in diner.connections()
        if one["name"] == place
    ]


def _command(house: House, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **house.environment_of("command"), "COLUMNS": "300"}
    return subprocess.run(
        [sys.executable, "-m", "dinerapp", *words],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
