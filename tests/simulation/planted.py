"""Bugs on purpose: each is one mutation of the real classes, or of what a store promises.

The simulation is only worth its time if it finds them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

from adapters.fallback.composite import Composite
from adapters.fallback.guarded_store import StoreCall
from adapters.fallback.store_health import StoreHealth
from adapters.fallback.store_monitor import StoreMonitor
from adapters.fallback.suspicion import Suspicion
from dinerapp.ordering.domain import order_merge
from dinerapp.replication import merge
from dinerapp.replication.kind import MergeResult
from dinerapp.replication.merge import MergePolicy
from dinerapp.replication.outbox_consumer import ConsumerSettings, OutboxConsumer
from dinerapp.replication.ports.connections import ConnectionState
from dinerapp.replication.ports.database import SuspicionLease
from dinerapp.replication.ports.replica import (
    ApplyOutcome,
    ApplyResult,
    ClaimedEntry,
    FollowerTarget,
    OutboxEntry,
)
from dinerapp.replication.record import Record
from dinerapp.replication.replicator import Replicator
from dinerapp.replication.retry_policy import RetryPolicy
from dinerapp.replication.version import StoreId
from tests.simulation.network import FaultRates
from tests.simulation.plan import MIXES, ScheduledFault
from tests.simulation.process import PLACES, WorkIntervals
from tests.simulation.reference import ReferenceDatabase, ReferenceStore, StoredRow


@dataclass(frozen=True)
class PlantedBug:
    """What is done wrong, and the promises that may break first.

    `focus` is what a plan has to be like for a rare bug to show within seconds.
    """

    name: str
    changes: tuple[tuple[Any, str, Any], ...]
    promises: tuple[str, ...]
    focus: Mapping[str, Any] = field(default_factory=dict)

    @contextmanager
    def apply(self) -> Iterator[None]:
        """The bug is there inside."""
        with ExitStack() as stack:
            for owner, name, instead in self.changes:
                stack.enter_context(patch.object(owner, name, instead))
            yield


def _nothing(*_args: Any, **_kwargs: Any) -> None:
    """Forgets to do it."""


def _no(*_args: Any, **_kwargs: Any) -> bool:
    return False


def _yes(*_args: Any, **_kwargs: Any) -> bool:
    return True


def _no_debts(self: Any, other: Any, *, undelivered: bool) -> list[Any]:
    return []


def _keep_whatever_comes(
    self: Any, record: Any, outbox_entries: Collection[Any]
) -> ApplyResult[Any]:
    self._put(record, outbox_entries, self._unique(record))
    return ApplyResult(ApplyOutcome.STORED)


def _hide_tombstones(self: Any, record_ids: Collection[str]) -> dict[str, Any]:
    rows = ((key, self.rows.get(key)) for key in record_ids)
    return {key: row.record for key, row in rows if row is not None and not row.record.deleted}


def _deletion_loses(kind: Any, one: Any, other: Any, policy: Any) -> MergeResult[Any]:
    if one.deleted != other.deleted:
        return MergeResult(other if one.deleted else one)
    return _concurrent(kind, one, other, policy)


_concurrent = merge._merge_concurrent


def _believe_the_rejection(self: Any, *args: Any) -> Any:
    raise args[-1]


def _stamped_without_raising(self: Record, store_id: StoreId) -> Record:
    return replace(self, source=store_id)


def _claim_without_lease(
    self: Any, to: StoreId, limit: int, now: datetime, until: datetime
) -> Sequence[ClaimedEntry[Any]]:
    return _claim(self, to, limit, now, now)


_claim = ReferenceStore.claim


def _one_side(kind: Any, one: Any, other: Any, policy: Any) -> MergeResult[Any]:
    return MergeResult(one)


def _settle_any_version(self: Any, to: StoreId, shipped: Collection[Any]) -> None:
    for record_id, _version in shipped:
        if record_id in self.rows:
            self.rows[record_id].outbox.pop(to, None)


def _accept_over_anything(
    self: Any, record: Any, outbox_entries: Collection[Any] = (), _read_set: Collection[Any] = ()
) -> Any:
    accepted = record.as_accepted_by(self.store_id)
    self._put(accepted, outbox_entries, self._unique(accepted))
    return accepted


def _all_words_ever(self: Any, now: datetime) -> Sequence[SuspicionLease]:
    return list(self.leases.values())


def _hand_on_first_tries_only(
    self: Any, record: Any, side: Any, *, undelivered: bool | None = None
) -> None:
    if undelivered is not None:
        _hand_on(self, record, side, undelivered=undelivered)


_hand_on = Composite._replicate


def _both_events(one: Any, other: Any) -> Any:
    return tuple(sorted({*one, *other}, key=order_merge._event_key))


def _joined_without_version(self: Record, other: Record) -> Record:
    return replace(self, updated_at=max(self.updated_at, other.updated_at))


def _join_without_copying(self: Any) -> None:
    self.store.database.mark_full_copy()


def _refused_counts_as_settled(
    self: Any, claimed: Any, handed: Any, source: Any, place: Any
) -> None:
    tries = {entry.record.id: entry.record.version for entry in claimed}
    source.acknowledge(place, [(record_id, tries[record_id]) for record_id, _ in handed.refused])


def _caught_up_anyhow(self: StoreHealth, attempt: int) -> bool:
    self._transition(ConnectionState.UP, "")
    return True


def _count_once_for_all(self: Any, record: Any, outbox_entries: Any, unique: Any) -> None:
    for key, held in self.kind.reservations(record).items():
        self.database.reserved[key] = self.database.reserved.get(key, 0) + held
    self.database.limits.update(self.kind.limits(record))
    _put_row(self, record, outbox_entries, unique)


def _put_row(self: Any, record: Any, outbox_entries: Any, unique: Any) -> None:
    with patch.object(ReferenceStore, "_deltas", lambda *_: {}):
        _put(self, record, outbox_entries, unique)


_put = ReferenceStore._put


def _merged_without_followers(
    self: Any, stored: Any, merged: Any, outbox_entries: Collection[OutboxEntry] = ()
) -> bool:
    places = [entry for entry in outbox_entries if entry.target is not FollowerTarget.FOLLOWERS]
    return _replace(self, stored, merged, places)


_replace = ReferenceStore.replace


def _settled_before(self: Any, source: Any, to: Any, deal: Any) -> int:
    """Strikes debts off when they are claimed, not when they are dealt with."""

    def early(records: Any) -> Any:
        source.acknowledge(to, [(record.id, record.version) for record in records])
        return deal(records)

    return _collect(self, source, to, early)


_collect = OutboxConsumer.consume


def _merged_blindly(self: Any, stored: Any, merged: Any, outbox_entries: Any = ()) -> bool:
    self.rows[stored.id] = StoredRow(stored)
    self._put(merged, outbox_entries, self._unique(merged))
    return True


ROUGH_NETWORK = FaultRates(
    refused=0.02, lost_request=0.02, lost_reply=0.02, late=0.02, delayed_reply=0.8
)
KILLS: Mapping[str, Any] = {
    "processes": 1,
    "clients": 6,
    "record_count": 8,
    "think_seconds": 0.1,
    "restlessness": 1.0,
    "eager": 0.9,
    "missing": None,
    "poison": None,
    "poisoned": 0.0,
    "fault_rates": FaultRates(delayed_reply=0.8),
    "faults": tuple(
        ScheduledFault("kill", 0.2 * number, 0.2 * number + 0.03, StoreId.MONGODB)
        for number in range(1, 15)
    ),
    "intervals": WorkIntervals(
        ConsumerSettings(
            batch_size=1,
            lease=timedelta(seconds=0.5),
            retry_policy=RetryPolicy(max_tries=2, first_delay=timedelta(seconds=0.2)),
        ),
        MergePolicy(),
        check=0.2,
        relay=3.0,
        acknowledge=3.0,
    ),
}

OUTAGES: Mapping[str, Any] = {
    **KILLS,
    "fault_rates": FaultRates(delayed_reply=0.9),
    "faults": tuple(
        ScheduledFault("outage", 0.3 * number, 0.3 * number + 0.1, PLACES[number % 2])
        for number in range(12)
    ),
}

PARTIAL_PARTITIONS: Mapping[str, Any] = {
    **KILLS,
    "processes": 3,
    "fault_rates": FaultRates(delayed_reply=0.5),
    "faults": tuple(
        ScheduledFault("cut", 0.4 * number, 0.4 * number + 0.3, PLACES[number // 2 % 2], number % 3)
        for number in range(12)
    ),
}
SLOW_FOLLOWERS = {
    **PARTIAL_PARTITIONS,
    "intervals": replace(KILLS["intervals"], relay=0.3, follow=5.0),
}
ROUGH_PARTITIONS = {
    **PARTIAL_PARTITIONS,
    "fault_rates": ROUGH_NETWORK,
    "think_seconds": 0.02,
    "mix": MIXES[2],
}

LOST = "P1 nothing lost"
HALF = "P2 nothing half done"
DOUBLED = "P3 nothing doubled"
CONVERGENCE = "P4 convergence"
DELETED = "P5 the deleted stay deleted"
STALE = "P6 no stale primary"
VANISHED = "P7 no vanishing"
POISONED = "P9 a poisoned record stops only itself"
STOCK = "P10 stock"
LEASE = "a lease is one relay's"
FOLLOWED = "what follows happens"

BUGS = (
    PlantedBug(
        "hint not written",
        ((Composite, "_outbox_entries", _no_debts),),
        (STALE, CONVERGENCE, LOST, VANISHED),
    ),
    PlantedBug(
        "late delivery overwrites newer",
        ((ReferenceStore, "_deliver", _keep_whatever_comes),),
        (LOST, STALE, CONVERGENCE, DOUBLED, DELETED),
    ),
    PlantedBug(
        "tombstone forgotten",
        ((ReferenceStore, "load", _hide_tombstones),),
        (DELETED, CONVERGENCE),
        OUTAGES,
    ),
    PlantedBug(
        "deletion loses a merge", ((merge, "_merge_concurrent", _deletion_loses),), (LOST, DELETED)
    ),
    PlantedBug("switch back before drained", ((StoreMonitor, "_drain", _yes),), (STALE, VANISHED)),
    PlantedBug(
        "unknown treated as failed",
        ((Composite, "_resolve_unknown_outcome", _believe_the_rejection),),
        (HALF,),
        OUTAGES,
    ),
    PlantedBug(
        "version not raised",
        ((Record, "as_accepted_by", _stamped_without_raising),),
        (LOST, STALE, CONVERGENCE, DOUBLED),
    ),
    PlantedBug("lease ignored", ((ReferenceStore, "claim", _claim_without_lease),), (LEASE,)),
    PlantedBug("merge drops one side", ((merge, "_merge_concurrent", _one_side),), (LOST, DELETED)),
    PlantedBug(
        "miss not noted",
        ((Composite, "_mark_undelivered", _nothing),),
        (STALE, VANISHED),
        PARTIAL_PARTITIONS,
    ),
    PlantedBug(
        "settled at any version",
        ((ReferenceStore, "acknowledge", _settle_any_version),),
        (CONVERGENCE, LOST, STALE, FOLLOWED),
    ),
    PlantedBug("repeated try not recognised", ((Record, "has_applied", _no),), (DOUBLED,)),
    PlantedBug("conflict not filed", ((Replicator, "_file_conflict", _nothing),), (LOST, STOCK)),
    PlantedBug(
        "words never taken back",
        ((Suspicion, "withdraw", _nothing), (ReferenceDatabase, "suspicions", _all_words_ever)),
        (CONVERGENCE,),
    ),
    PlantedBug(
        "words not heeded",
        ((StoreMonitor, "_is_suspected_by_others", _no), (StoreMonitor, "_has_undelivered", _no)),
        (STALE, VANISHED, DELETED),
        PARTIAL_PARTITIONS,
    ),
    PlantedBug(
        "repeated try acknowledged unseen",
        ((Composite, "_replicate", _hand_on_first_tries_only),),
        (STALE, VANISHED),
        KILLS,
    ),
    PlantedBug(
        "role told without looking",
        ((StoreCall, "was_up_throughout", property(_yes)),),
        (STALE, VANISHED),
    ),
    PlantedBug(
        "newer debt forgets what was missed",
        ((ReferenceStore, "_undelivered_before", lambda self, key: set()),),
        (STALE, VANISHED),
        {**KILLS, "fault_rates": ROUGH_NETWORK},
    ),
    PlantedBug("step told twice", ((order_merge, "_merge_events", _both_events),), (DOUBLED,)),
    PlantedBug(
        "merge forgets a version",
        ((Record, "with_history_of", _joined_without_version),),
        (CONVERGENCE, LOST, STALE),
        KILLS,
    ),
    PlantedBug(
        "late request accepted over newer",
        ((ReferenceStore, "accept", _accept_over_anything),),
        (LOST, DOUBLED, STALE, DELETED, CONVERGENCE),
    ),
    PlantedBug(
        "new store not copied to",
        ((StoreMonitor, "_copy_all", _join_without_copying),),
        (CONVERGENCE, LOST, STALE),
    ),
    PlantedBug(
        "refused record dropped",
        ((OutboxConsumer, "_reschedule_refused", _refused_counts_as_settled),),
        (CONVERGENCE, LOST),
    ),
    PlantedBug(
        "refused record tried for ever",
        ((OutboxConsumer, "_reschedule_refused", _nothing),),
        (CONVERGENCE,),
    ),
    PlantedBug(
        "up though lost meanwhile",
        ((StoreHealth, "finish_catch_up", _caught_up_anyhow),),
        (STALE,),
        ROUGH_PARTITIONS,
    ),
    PlantedBug(
        "not found is taken for certain",
        ((Composite, "_require_certainty", _nothing),),
        (VANISHED,),
    ),
    PlantedBug(
        "cancelled orders keep their stock",
        ((ReferenceStore, "_put", _count_once_for_all),),
        (DOUBLED,),
    ),
    PlantedBug("overselling not filed", ((Replicator, "report_oversold", _nothing),), (STOCK,)),
    PlantedBug(
        "double bookings name no records",
        ((ReferenceStore, "holders", lambda *_args: []),),
        (STOCK,),
    ),
    PlantedBug(
        "followers not owed",
        ((OutboxEntry, "for_followers", classmethod(lambda *_args: ())),),
        (FOLLOWED,),
    ),
    PlantedBug(
        "merge forgets followers",
        ((ReferenceStore, "replace", _merged_without_followers),),
        (FOLLOWED,),
        SLOW_FOLLOWERS,
    ),
    PlantedBug(
        "struck off before it is done",
        ((OutboxConsumer, "consume", _settled_before),),
        (FOLLOWED, STALE, VANISHED, CONVERGENCE, LOST),
        KILLS,
    ),
    PlantedBug(
        "merged over a newer state",
        ((ReferenceStore, "replace", _merged_blindly),),
        (LOST, CONVERGENCE, DOUBLED, STALE),
        ROUGH_PARTITIONS,
    ),
)
