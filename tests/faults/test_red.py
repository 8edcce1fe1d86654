"""The scenarios notice: with a bug planted in the diners, the ledger complains."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.faults.book import DISAGREEMENT, Book
from tests.faults.diners import TAMPERED
from tests.faults.guests import Guest, party
from tests.faults.house import POSTGRESQL, House, Servers
from tests.faults.ledger import complaints

pytestmark = pytest.mark.faults


def test_debts_that_nobody_notes_are_seen_as_loss(servers: Servers, folder: Path) -> None:
    with House(servers, folder, app=TAMPERED, TAMPER="bug=forgets-debts").opened() as house:
        with party(house.diners) as guests:
            servers.mongodb.kill9()
            time.sleep(0.5)
            servers.mongodb.start()
            house.await_state(mongodb="up")
        found = complaints(house, guests.book)
    assert any(each.startswith("P1:") and "not in MongoDB" in each for each in found)


def test_ids_that_do_not_come_from_the_key_are_seen_as_doubling(
    servers: Servers, folder: Path
) -> None:
    with House(servers, folder, app=TAMPERED, TAMPER="bug=makes-ids-anew").opened() as house:
        with party(house.diners) as guests:
            time.sleep(0.5)
        house.await_settled()
        found = complaints(house, guests.book)
    assert any(each.startswith("P3:") for each in found)


def test_a_store_that_is_up_too_early_is_seen_as_a_stale_primary(
    servers: Servers, folder: Path
) -> None:
    house = House(
        servers, folder, app=TAMPERED, TAMPER="bug=sees-nothing-owed", RELAY_IN_WORKERS="false"
    )
    with house.opened():
        house.await_settled()
        book = Book()
        guest = Guest("early", house.diners, book)
        guest.prepare()
        servers.mongodb.kill9()
        guest.reprice()
        house.await_state(mongodb="down")
        time.sleep(DISAGREEMENT)
        servers.mongodb.start()
        house.await_state(mongodb="up")
        guest.look_at_dish(guest.dish)
        guest.close()
        found = book.staleness(house.losses(), ())
    assert any("mongodb as primary" in each for each in found)


def test_a_lost_answer_that_is_taken_for_a_refusal_is_seen_as_half_done(
    servers: Servers, folder: Path
) -> None:
    house = House(servers, folder, proxied=True, app=TAMPERED, TAMPER="bug=takes-perhaps-for-no")
    with house.opened():
        with party(house.diners, counted=False) as guests:
            hasty = Guest("hasty", house.diners, guests.book)
            hasty.prepare()
            order = hasty.place(marker="unheard-")
            house.await_state(postgresql="up", mongodb="up")
            house.wire(POSTGRESQL, lambda p: p.swallow_replies_when(lambda r: b"unheard-" in r))
            hasty.move(order, "confirmed")
            hasty.close()
            house.heal()
        house.await_settled()
        found = complaints(house, guests.book)
    assert any("is confirmed, acknowledged was pending" in each for each in found)
