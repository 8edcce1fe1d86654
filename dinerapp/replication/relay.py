"""Ships outbox entries from one store to the other."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any

from dinerapp.replication.outbox_consumer import ConsumerSettings, OutboxConsumer
from dinerapp.replication.ports.observer import Observer
from dinerapp.replication.ports.replica import Backlog, Replica
from dinerapp.replication.record import utc_now
from dinerapp.replication.replicator import Replicator
from dinerapp.replication.store_pair import StorePair
from dinerapp.replication.version import StoreId


class Relay:
    """Ships the outbox entries of each pair of stores. Has no thread of its own."""

    def __init__(
        self,
        pairs: Sequence[StorePair[Any]],
        replicator: Replicator,
        *,
        settings: ConsumerSettings | None = None,
        observer: Observer | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._pairs = pairs
        self._replicator = replicator
        self._consumer = OutboxConsumer(settings, observer, now)
        self._now = now

    def ship_to(self, store_id: StoreId) -> int:
        """Ships a batch of each kind to the database; returns how many records that was."""
        due = self._query_peer(
            store_id, lambda source, kinds: source.kinds_due(store_id, kinds, self._now())
        )
        pairs = [pair for pair in self._pairs if pair.kind_name in due]
        return sum(self.ship(pair.peer_of(store_id), pair.store_of(store_id)) for pair in pairs)

    def has_undelivered(self, store_id: StoreId) -> bool:
        """Whether anything is undelivered to the database."""
        return bool(
            self._query_peer(
                store_id, lambda source, kinds: source.kinds_undelivered(store_id, kinds)
            )
        )

    def _query_peer(
        self, store_id: StoreId, query: Callable[[Replica[Any], Sequence[str]], Collection[str]]
    ) -> Collection[str]:
        """Asks one store of the other database, which can answer for all kinds."""
        kinds = [pair.kind_name for pair in self._pairs]
        return query(self._pairs[0].peer_of(store_id), kinds) if kinds else ()

    def backlog(self, store_id: StoreId) -> Backlog:
        """The outbox entries for the database, all kinds together."""
        return Backlog.total(pair.peer_of(store_id).backlog(store_id) for pair in self._pairs)

    def ship(self, source: Replica[Any], target: Replica[Any]) -> int:
        """Ships one batch of one kind. A store failure releases the batch and is raised again."""
        return self._consumer.consume(
            source,
            target.store_id,
            lambda records: self._replicator.replicate(records, source, target),
        )
