"""A database that is not there when the diners open, and is added later: empty, without tables."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.faults.guests import party
from tests.faults.house import PLACES, House, Servers
from tests.faults.ledger import assert_kept, assert_never_kept_waiting
from tests.servers.proxy import FaultProxy

pytestmark = pytest.mark.faults


@pytest.mark.parametrize("missing", PLACES)
def test_diners_open_without_a_database_and_fill_it_when_it_comes(
    servers: Servers, folder: Path, missing: str
) -> None:
    house = House(servers, folder, proxied=True)
    house.add_diner("early")
    house.add_diner("late")
    house.wire(missing, FaultProxy.refuse)
    with house.opened():
        opened = time.monotonic()
        with party(house.diners) as guests:
            time.sleep(1)
            house.wire(missing, FaultProxy.pass_through)
            house.await_state(**{missing: "up"})
            time.sleep(0.4)
        house.await_settled()
        assert_kept(house, guests.book)
        assert_never_kept_waiting(guests.book, opened)
