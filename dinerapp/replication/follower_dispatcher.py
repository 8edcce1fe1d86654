"""Dispatches written records to the followers of their kind, at least once each.

A store commits an outbox entry for the followers with each state that it accepts or merges. So
no dispatch is lost with the process that wrote, and all processes share the work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog

from dinerapp.replication.errors import NoStoreAvailable, StoreFailure
from dinerapp.replication.local_dispatch import LocalDispatchQueue
from dinerapp.replication.outbox_consumer import ConsumerSettings, DeliveryReport, OutboxConsumer
from dinerapp.replication.ports.follower import Follower
from dinerapp.replication.ports.observer import Observer
from dinerapp.replication.ports.replica import Backlog, FollowerTarget, Replica
from dinerapp.replication.record import Record, utc_now
from dinerapp.replication.retry_policy import RetryPolicy
from dinerapp.replication.version import StoreId

_log = structlog.get_logger(__name__)

DEFAULT_SETTINGS = ConsumerSettings(
    batch_size=100, retry_policy=RetryPolicy(max_tries=8, first_delay=timedelta(seconds=1))
)
MAX_REASON_LENGTH = 200


class FollowerMismatch(TypeError):
    """A kind says that it has followers and none is registered, or the other way round."""


class FollowerDispatcher:
    """Works off the outbox entries for followers. Has no thread of its own."""

    def __init__(
        self,
        stores: Iterable[Replica[Any]],
        followers: Mapping[str, Sequence[Follower[Any]]],
        *,
        settings: ConsumerSettings = DEFAULT_SETTINGS,
        dispatch_queue: LocalDispatchQueue | None = None,
        observer: Observer | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self.stores = [store for store in stores if store.kind.has_followers]
        self._followers = followers
        self._consumer = OutboxConsumer(settings, observer, now)
        self._batch_size = settings.batch_size
        self._dispatch_queue = dispatch_queue or LocalDispatchQueue.disabled()
        followed = {store.kind.name for store in self.stores}
        if followed != {kind for kind, found in followers.items() if found}:
            raise FollowerMismatch(
                f"kinds declared to have followers: {sorted(followed)}; "
                f"kinds with a follower registered: {sorted(followers)}"
            )

    def dispatch_local(self) -> int:
        """Dispatches what this process has just written, and returns how many records that was.
        Those that fail are claimed later."""
        count = 0
        for source, records in self._dispatch_queue.take(self._batch_size).items():
            report = _dispatch(records, self._followers[source.kind.name])
            source.acknowledge(FollowerTarget.FOLLOWERS, report.acknowledged)
            count += len(records)
        return count

    def dispatch_from(self, store_id: StoreId) -> int:
        """Dispatches a batch of each kind in the database; returns how many records that was."""
        return sum(self._consume_batch(store) for store in self._stores_in(store_id))

    def backlog(self, store_id: StoreId) -> Backlog:
        """The outbox entries for followers in the database, all kinds together."""
        return Backlog.total(
            store.backlog(FollowerTarget.FOLLOWERS) for store in self._stores_in(store_id)
        )

    def _stores_in(self, store_id: StoreId) -> list[Replica[Any]]:
        return [store for store in self.stores if store.store_id is store_id]

    def _consume_batch(self, source: Replica[Any]) -> int:
        followers = self._followers[source.kind.name]
        return self._consumer.consume(
            source, FollowerTarget.FOLLOWERS, lambda records: _dispatch(records, followers)
        )


def _dispatch(records: Sequence[Record], followers: Sequence[Follower[Any]]) -> DeliveryReport:
    """Calls every follower with every record, even if another follower fails."""
    failed: dict[str, str] = {}
    for follower in followers:
        failed |= _run_follower(follower, records)
    succeeded = [(record.id, record.version) for record in records if record.id not in failed]
    return DeliveryReport(succeeded, list(failed.items()))


def _run_follower(follower: Follower[Any], records: Sequence[Record]) -> dict[str, str]:
    """The records that the follower failed on, with reasons. A batch that fails is retried record
    by record, to find the one at fault."""
    try:
        follower.follow(records)
    except (StoreFailure, NoStoreAvailable):
        raise
    except Exception as exc:  # noqa: BLE001 whatever it is, it must not stop the other records
        if len(records) > 1:
            return {
                key: why for each in records for key, why in _run_follower(follower, [each]).items()
            }
        name = type(follower).__name__
        _log.warning("follower_failed", follower=name, record_id=records[0].id, exc_info=True)
        return {records[0].id: f"{name}: {type(exc).__name__}: {exc}"[:MAX_REASON_LENGTH]}
    return {}
