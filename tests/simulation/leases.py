"""That no two relays are given the same debt at the same time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from dinerapp.domain.version import Place
from tests.simulation.scheduler import Violation


class Leases:
    """Who may ship what until when, remembered beside the stores."""

    def __init__(self) -> None:
        self._until: dict[tuple[Place, str], datetime] = {}

    def claimed(
        self, place: Place, record_ids: Iterable[str], now: datetime, until: datetime
    ) -> None:
        """A relay was given debts of a place."""
        for record_id in record_ids:
            held = self._until.get((place, record_id))
            if held is not None and held > now:
                what = f"{record_id[:4]} at {place} is leased until {held:%S.%f} and given again"
                raise Violation("a lease is one relay's", what)
            self._until[place, record_id] = until

    def given_back(self, place: Place, record_ids: Iterable[str]) -> None:
        """Somebody ended the leases, or the debts are others now."""
        for record_id in record_ids:
            self._until.pop((place, record_id), None)
