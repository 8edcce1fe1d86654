"""That no two processes are given the same debt at the same time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from dinerapp.replication.ports.replica import Target
from dinerapp.replication.version import StoreId
from tests.simulation.scheduler import Violation


class LeaseTracker:
    """Who may ship what until when, remembered beside the stores."""

    def __init__(self) -> None:
        self._until: dict[tuple[StoreId, str], dict[Target, datetime]] = {}

    def record_claim(
        self,
        store_id: StoreId,
        to: Target,
        record_ids: Iterable[str],
        now: datetime,
        until: datetime,
    ) -> None:
        """Somebody was given debts of a place."""
        for record_id in record_ids:
            leases = self._until.setdefault((store_id, record_id), {})
            held = leases.get(to)
            if held is not None and held > now:
                what = f"{record_id[:4]} at {store_id} is leased until {held:%S.%f} and given again"
                raise Violation("a lease is one relay's", what)
            leases[to] = until

    def record_release(self, store_id: StoreId, to: Target, record_ids: Iterable[str]) -> None:
        """Somebody ended the leases."""
        for record_id in record_ids:
            self._until.get((store_id, record_id), {}).pop(to, None)

    def record_replace(self, store_id: StoreId, record_id: str) -> None:
        """The debts of the record are others now."""
        self._until.pop((store_id, record_id), None)
