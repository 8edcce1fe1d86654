"""The tables of the demo, which are those that its orders are at."""

from __future__ import annotations

from random import Random

from dinerapp.accounts.domain.permissions import Role
from dinerapp.demo import people, tables
from dinerapp.reservations.service import ReservationService
from tests.blueprints.api_helpers import client_of, services_of


def test_tables_are_added_once_and_what_was_removed_stays_so() -> None:
    with client_of(Role.MANAGER) as client:
        reservations = services_of(client).of(ReservationService)
        tables.seed(reservations)
        names = {table.name for table in reservations.tables.all()}
        assert names >= {people.table(Random(number)) for number in range(99)}
        first = next(table for table in reservations.tables.all() if table.name == "1")
        assert client.delete(f"/api/tables/{first.id}").status_code == 204
        tables.seed(reservations)
        assert {table.name for table in reservations.tables.all()} == names - {"1"}
        assert len(reservations.areas.all()) == 2
