"""That no two processes are given the same debt at the same time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from dinerapp.replication.ports.replica import Creditor
from dinerapp.replication.version import Place
from tests.simulation.scheduler import Violation


class Leases:
    """Who may ship what until when, remembered beside the stores."""

    def __init__(self) -> None:
        self._until: dict[tuple[Place, str], dict[Creditor, datetime]] = {}

    def claimed(
        self,
        place: Place,
        to: Creditor,
        record_ids: Iterable[str],
        now: datetime,
        until: datetime,
    ) -> None:
        """Somebody was given debts of a place."""
        for record_id in record_ids:
            leases = self._until.setdefault((place, record_id), {})
            held = leases.get(to)
            if held is not None and held > now:
                what = f"{record_id[:4]} at {place} is leased until {held:%S.%f} and given again"
                raise Violation("a lease is one relay's", what)
            leases[to] = until

    def given_back(self, place: Place, to: Creditor, record_ids: Iterable[str]) -> None:
        """Somebody ended the leases."""
        for record_id in record_ids:
            self._until.get((place, record_id), {}).pop(to, None)

    def replaced(self, place: Place, record_id: str) -> None:
        """The debts of the record are others now."""
        self._until.pop((place, record_id), None)
