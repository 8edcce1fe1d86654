"""Monitors one store for this process: notices its loss and its return, and brings it up to date.

`check` is one step and has no thread of its own. A store that answers again is prepared (it may be
new), receives everything it lacks, and only then is up. A process that cannot use a store publishes
that in the other one, so that all processes agree on which store accepts writes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog

from adapters.fallback.connection_monitor import ConnectionMonitor, MonitorTimeouts
from adapters.fallback.store_health import StoreHealth
from adapters.fallback.suspicion import Suspicion
from dinerapp.replication.anti_entropy import AntiEntropy
from dinerapp.replication.errors import NoStoreAvailable, StoreFailure
from dinerapp.replication.ports.database import Database
from dinerapp.replication.record import utc_now
from dinerapp.replication.relay import Relay
from dinerapp.replication.store_pair import StorePair

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class MonitoredStore:
    """A database and its health as this process sees it."""

    database: Database
    health: StoreHealth


class StoreMonitor(ConnectionMonitor):
    """Monitors `store`; `peer` is the store with the writes that it may lack, if there is one."""

    def __init__(
        self,
        store: MonitoredStore,
        peer: MonitoredStore | None,
        *,
        suspicion: Suspicion | None,
        relay: Relay,
        anti_entropy: AntiEntropy,
        pairs: list[StorePair[Any]],
        timeouts: MonitorTimeouts | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        super().__init__(store.database, store.health, timeouts)
        self.store = store
        self._peer = peer
        self._suspicion = suspicion
        self._relay = relay
        self._anti_entropy = anti_entropy
        self._pairs = pairs
        self._now = now

    @property
    def peer_is_reachable(self) -> bool:
        """Whether the store with the outbox entries for this one can be reached."""
        return self._peer is not None and self._peer.health.is_reachable

    def check(self) -> None:
        try:
            super().check()
        except NoStoreAvailable as exc:
            _log.debug("watch_interrupted", store=self.health.name, reason=str(exc))

    def _on_lost(self) -> None:
        if self._suspicion is not None and self.peer_is_reachable:
            self._suspicion.publish()

    def _try_bring_up(self) -> bool:
        if self.health.is_up:
            if not self._is_suspected_by_others() and not self._has_undelivered():
                return True
            self._epoch = self.health.start_catch_up("another process cannot use it")
        if self._suspicion is not None:
            self._suspicion.withdraw()
        return self._bring_up_to_date()

    def _bring_up_to_date(self) -> bool:
        if self._peer is None:
            return True
        if not self.peer_is_reachable:
            return False
        if not self.store.database.has_full_copy():
            self._copy_all()
        if self._is_suspected_by_others():
            return False
        return self._drain()

    def _copy_all(self) -> None:
        """Copies everything to a store that never held it, because it is new or was replaced."""
        for pair in self._pairs:
            self._anti_entropy.repair_all(pair)
        self.store.database.mark_full_copy()

    def _drain(self) -> bool:
        """Ships until nothing undelivered is left; False if that takes too long."""
        store_id = self.store.database.store_id
        give_up = self._now() + timedelta(seconds=self._timeouts.drain_seconds)
        while self._relay.has_undelivered(store_id):
            if not self._relay.ship_to(store_id) and self._now() > give_up:
                return False
        return True

    def _is_suspected_by_others(self) -> bool:
        if self._suspicion is None or not self.peer_is_reachable:
            return False
        return self._suspicion.is_published_by_others()

    def _has_undelivered(self) -> bool:
        """Whether a process wrote without it and crashed, or was too slow, to publish that."""
        if not self.peer_is_reachable:
            return False
        return self._relay.has_undelivered(self.store.database.store_id)

    def _attribute_failure(self, failure: StoreFailure) -> None:
        super()._attribute_failure(failure)
        if self._peer is not None and failure.store == self._peer.health.name:
            self._peer.health.trip(failure.reason)
