"""How a process tells the others that it cannot use a store."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from dinerapp.replication.errors import StoreFailure
from dinerapp.replication.ports.database import Database, SuspicionLease
from dinerapp.replication.record import utc_now
from dinerapp.replication.signals import announce, suspicion_published
from dinerapp.replication.version import StoreId

LEASE_DURATION = timedelta(seconds=5)
_MIN_EXTENSION = timedelta(milliseconds=1)


class Suspicion:
    """This process's suspicion of a store, kept in the other one, where all processes read it.

    It is published before a write is accepted that the store will not receive: other processes
    stop using that store at their next check. It needs no lock: of two leases the later one
    counts, and withdrawing one does not remove a later one.
    """

    def __init__(
        self,
        store_id: StoreId,
        peer: Database,
        process: str,
        *,
        lease_duration: timedelta = LEASE_DURATION,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._store_id = store_id
        self._peer = peer
        self._process = process
        self._lease_duration = lease_duration
        self._now = now
        self._published: SuspicionLease | None = None
        self._latest_expiry = now()

    def publish(self) -> None:
        """Publishes or extends the lease, unless more than half of it is left."""
        now, published = self._now(), self._published
        if published is None or published.until - now < self._lease_duration / 2:
            self._latest_expiry = max(
                now + self._lease_duration, self._latest_expiry + _MIN_EXTENSION
            )
            lease = SuspicionLease(self._store_id, self._process, self._latest_expiry)
            self._peer.publish_suspicion(lease)
            self._published = lease
            announce(suspicion_published, self, place=str(self._store_id))

    def withdraw(self) -> None:
        """Withdraws the suspicion, if it was published."""
        published, self._published = self._published, None
        if published is None:
            return
        try:
            self._peer.withdraw_suspicion(published)
        except StoreFailure:
            self._published = self._published or published
            raise

    def is_published_by_others(self) -> bool:
        """Whether another process cannot use the store."""
        leases = self._peer.suspicions(self._now())
        return any(
            lease.store_id == self._store_id and lease.process != self._process for lease in leases
        )
