"""What this process tells the others about a store it cannot use."""

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
    """This process's word about a store, kept in the other one, where the others look for it.

    It is given before a write is accepted that the store will miss: from then on nobody else
    goes on using that store for longer than until the next look. Without a lock: the later
    of two words holds, and taking one back leaves a later one alone.
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
        """Says it for a while, unless that was said a moment ago."""
        now, given = self._now(), self._published
        if given is None or given.until - now < self._lease_duration / 2:
            self._latest_expiry = max(
                now + self._lease_duration, self._latest_expiry + _MIN_EXTENSION
            )
            word = SuspicionLease(self._store_id, self._process, self._latest_expiry)
            self._peer.publish_suspicion(word)
            self._published = word
            announce(suspicion_published, self, place=str(self._store_id))

    def withdraw(self) -> None:
        """Takes it back, if it was given."""
        given, self._published = self._published, None
        if given is None:
            return
        try:
            self._peer.withdraw_suspicion(given)
        except StoreFailure:
            self._published = self._published or given
            raise

    def is_published_by_others(self) -> bool:
        """Whether another process cannot use the store."""
        words = self._peer.suspicions(self._now())
        return any(w.store_id == self._store_id and w.process != self._process for w in words)
