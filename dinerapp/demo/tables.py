"""Areas and tables to reserve. Adding them again adds nothing, and what was removed stays so."""

from __future__ import annotations

from contextlib import suppress

from dinerapp.accounts.domain.permissions import GUEST
from dinerapp.demo.people import TABLE_COUNT
from dinerapp.replication.errors import DuplicateKey, NotFound, RuleViolation
from dinerapp.replication.identity import Operation
from dinerapp.reservations.service import ReservationService

_AREAS = ("Dining room", "Terrace")
_SEATS = (2, 4, 2, 6, 4, 8)
_TABLES_IN_A_ROW = 5


def seed(reservations: ReservationService) -> None:
    """The tables that dine-in orders of the demo are at."""
    for position, name in enumerate(_AREAS):
        with suppress(DuplicateKey, NotFound):
            operation = Operation.from_key("demo area", name, b"")
            reservations.areas.add(operation, {"name": name, "position": position}, GUEST)
    for number in range(TABLE_COUNT):
        area = _AREAS[number * len(_AREAS) // TABLE_COUNT]
        y, x = divmod(number, _TABLES_IN_A_ROW)
        fields = {
            "name": str(number + 1),
            "area_id": Operation.from_key("demo area", area, b"").record_id,
            "seats": _SEATS[number % len(_SEATS)],
            "x": x,
            "y": y,
        }
        with suppress(DuplicateKey, NotFound, RuleViolation):
            reservations.tables.add(
                Operation.from_key("demo table", str(number + 1), b""), fields, GUEST
            )
