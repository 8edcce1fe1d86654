"""Shows records that were written to the followers of their kind, at least once each.

A store owes the followers what it accepted or merged itself, noted in the same commit. So
nothing that follows is lost with the process that wrote, and every process shares the work.
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
    """Records of a kind are owed to followers, and nobody follows; or the other way round."""


class FollowerDispatcher:
    """Works off what stores owe the followers of their kinds. Has no thread of its own."""

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
            raise FollowerMismatch(f"followed are {sorted(followed)}, not {sorted(followers)}")

    def dispatch_local(self) -> int:
        """What this process has just written; says how many records it was. What fails is claimed
        later."""
        count = 0
        for source, records in self._dispatch_queue.take(self._batch_size).items():
            handed = _dispatch(records, self._followers[source.kind.name])
            source.acknowledge(FollowerTarget.FOLLOWERS, handed.acknowledged)
            count += len(records)
        return count

    def dispatch_from(self, store_id: StoreId) -> int:
        """One batch of each kind that the place's stores owe; says how many records it were."""
        return sum(self._consume_batch(store) for store in self._stores_in(store_id))

    def backlog(self, store_id: StoreId) -> Backlog:
        """What the place's stores owe followers, all kinds together."""
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
    """Every follower is shown every record, whatever the others make of it."""
    failed: dict[str, str] = {}
    for follower in followers:
        failed |= _run_follower(follower, records)
    settled = [(record.id, record.version) for record in records if record.id not in failed]
    return DeliveryReport(settled, list(failed.items()))


def _run_follower(follower: Follower[Any], records: Sequence[Record]) -> dict[str, str]:
    """The records that a follower fails at, with reasons; one that spoils a batch is found."""
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
