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

from adapters.fallback.breaker import Breaker
from adapters.fallback.composite import Composite
from adapters.fallback.side import Call
from adapters.fallback.watch import Watch
from adapters.fallback.word import Word
from dinerapp.ordering.domain import order_merge
from dinerapp.replication import merge
from dinerapp.replication.kind import Merge
from dinerapp.replication.merge import Policy
from dinerapp.replication.outbox_consumer import Collector, Terms
from dinerapp.replication.ports.connections import State
from dinerapp.replication.ports.database import Absence
from dinerapp.replication.ports.replica import Audience, Delivery, Owed, Owing, Taken
from dinerapp.replication.record import Record
from dinerapp.replication.replicator import Handover
from dinerapp.replication.version import Place
from tests.simulation.network import Weather
from tests.simulation.plan import MIXES, Fault
from tests.simulation.process import PLACES, Habits
from tests.simulation.reference import ReferenceDatabase, ReferenceStore, Row


@dataclass(frozen=True)
class Bug:
    """What is done wrong, and the promises that may break first.

    `focus` is what a plan has to be like for a rare bug to show within seconds.
    """

    name: str
    changes: tuple[tuple[Any, str, Any], ...]
    promises: tuple[str, ...]
    focus: Mapping[str, Any] = field(default_factory=dict)

    @contextmanager
    def planted(self) -> Iterator[None]:
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


def _no_debts(self: Any, other: Any, *, missed: bool) -> list[Any]:
    return []


def _keep_whatever_comes(self: Any, record: Any, owing: Collection[Any]) -> Delivery[Any]:
    self._put(record, owing, self._unique(record))
    return Delivery(Taken.STORED)


def _hide_tombstones(self: Any, record_ids: Collection[str]) -> dict[str, Any]:
    rows = ((key, self.rows.get(key)) for key in record_ids)
    return {key: row.record for key, row in rows if row is not None and not row.record.deleted}


def _deletion_loses(kind: Any, one: Any, other: Any, policy: Any) -> Merge[Any]:
    if one.deleted != other.deleted:
        return Merge(other if one.deleted else one)
    return _concurrent(kind, one, other, policy)


_concurrent = merge._concurrent


def _believe_the_rejection(self: Any, *args: Any) -> Any:
    raise args[-1]


def _stamped_without_raising(self: Record, place: Place) -> Record:
    return replace(self, source=place)


def _claim_without_lease(
    self: Any, to: Place, limit: int, now: datetime, until: datetime
) -> Sequence[Owed[Any]]:
    return _claim(self, to, limit, now, now)


_claim = ReferenceStore.claim


def _one_side(kind: Any, one: Any, other: Any, policy: Any) -> Merge[Any]:
    return Merge(one)


def _settle_any_version(self: Any, to: Place, shipped: Collection[Any]) -> None:
    for record_id, _version in shipped:
        if record_id in self.rows:
            self.rows[record_id].debts.pop(to, None)


def _accept_over_anything(
    self: Any, record: Any, owing: Collection[Any] = (), _basis: Collection[Any] = ()
) -> Any:
    accepted = record.stamped(self.place)
    self._put(accepted, owing, self._unique(accepted))
    return accepted


def _all_words_ever(self: Any, now: datetime) -> Sequence[Absence]:
    return list(self.words.values())


def _hand_on_first_tries_only(
    self: Any, record: Any, side: Any, *, missed: bool | None = None
) -> None:
    if missed is not None:
        _hand_on(self, record, side, missed=missed)


_hand_on = Composite._hand_on


def _both_events(one: Any, other: Any) -> Any:
    return tuple(sorted({*one, *other}, key=order_merge._event_key))


def _joined_without_version(self: Record, other: Record) -> Record:
    return replace(self, updated_at=max(self.updated_at, other.updated_at))


def _join_without_copying(self: Any) -> None:
    self.member.database.join()


def _refused_counts_as_settled(self: Any, owed: Any, handed: Any, source: Any, place: Any) -> None:
    tries = {debt.record.id: debt.record.version for debt in owed}
    source.settle(place, [(record_id, tries[record_id]) for record_id, _ in handed.refused])


def _caught_up_anyhow(self: Breaker, attempt: int) -> bool:
    self._move(State.UP, "")
    return True


def _count_once_for_all(self: Any, record: Any, owing: Any, unique: Any) -> None:
    for key, held in self.kind.holds(record).items():
        self.database.held[key] = self.database.held.get(key, 0) + held
    self.database.ceilings.update(self.kind.ceilings(record))
    _put_row(self, record, owing, unique)


def _put_row(self: Any, record: Any, owing: Any, unique: Any) -> None:
    with patch.object(ReferenceStore, "_deltas", lambda *_: {}):
        _put(self, record, owing, unique)


_put = ReferenceStore._put


def _merged_without_followers(
    self: Any, stored: Any, merged: Any, owing: Collection[Owing] = ()
) -> bool:
    places = [debt for debt in owing if debt.to is not Audience.FOLLOWERS]
    return _replace(self, stored, merged, places)


_replace = ReferenceStore.replace


def _settled_before(self: Any, source: Any, to: Any, deal: Any) -> int:
    """Strikes debts off when they are claimed, not when they are dealt with."""

    def early(records: Any) -> Any:
        source.settle(to, [(record.id, record.version) for record in records])
        return deal(records)

    return _collect(self, source, to, early)


_collect = Collector.collect


def _merged_blindly(self: Any, stored: Any, merged: Any, owing: Any = ()) -> bool:
    self.rows[stored.id] = Row(stored)
    self._put(merged, owing, self._unique(merged))
    return True


ROUGH = Weather(refused=0.02, lost_request=0.02, lost_reply=0.02, late=0.02, delayed_reply=0.8)
KILLS: Mapping[str, Any] = {
    "processes": 1,
    "clients": 6,
    "things": 8,
    "thinking": 0.1,
    "restlessness": 1.0,
    "eager": 0.9,
    "missing": None,
    "poison": None,
    "poisoned": 0.0,
    "weather": Weather(delayed_reply=0.8),
    "faults": tuple(
        Fault("kill", 0.2 * number, 0.2 * number + 0.03, Place.MONGODB) for number in range(1, 15)
    ),
    "habits": Habits(
        Terms(batch=1, lease=timedelta(seconds=0.5), tries=2, first_wait=timedelta(seconds=0.2)),
        Policy(),
        look=0.2,
        relay=3.0,
        settle=3.0,
    ),
}

OUTAGES: Mapping[str, Any] = {
    **KILLS,
    "weather": Weather(delayed_reply=0.9),
    "faults": tuple(
        Fault("outage", 0.3 * number, 0.3 * number + 0.1, PLACES[number % 2])
        for number in range(12)
    ),
}

QUARRELS: Mapping[str, Any] = {
    **KILLS,
    "processes": 3,
    "weather": Weather(delayed_reply=0.5),
    "faults": tuple(
        Fault("cut", 0.4 * number, 0.4 * number + 0.3, PLACES[number // 2 % 2], number % 3)
        for number in range(12)
    ),
}
SLOW_FOLLOWERS = {**QUARRELS, "habits": replace(KILLS["habits"], relay=0.3, follow=5.0)}
ROUGH_QUARRELS = {**QUARRELS, "weather": ROUGH, "thinking": 0.02, "mix": MIXES[2]}

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
    Bug(
        "hint not written",
        ((Composite, "_owing", _no_debts),),
        (STALE, CONVERGENCE, LOST, VANISHED),
    ),
    Bug(
        "late delivery overwrites newer",
        ((ReferenceStore, "_deliver", _keep_whatever_comes),),
        (LOST, STALE, CONVERGENCE, DOUBLED, DELETED),
    ),
    Bug(
        "tombstone forgotten",
        ((ReferenceStore, "load", _hide_tombstones),),
        (DELETED, CONVERGENCE),
        OUTAGES,
    ),
    Bug("deletion loses a merge", ((merge, "_concurrent", _deletion_loses),), (LOST, DELETED)),
    Bug("switch back before drained", ((Watch, "_drained", _yes),), (STALE, VANISHED)),
    Bug(
        "unknown treated as failed",
        ((Composite, "_own_first_try", _believe_the_rejection),),
        (HALF,),
        OUTAGES,
    ),
    Bug(
        "version not raised",
        ((Record, "stamped", _stamped_without_raising),),
        (LOST, STALE, CONVERGENCE, DOUBLED),
    ),
    Bug("lease ignored", ((ReferenceStore, "claim", _claim_without_lease),), (LEASE,)),
    Bug("merge drops one side", ((merge, "_concurrent", _one_side),), (LOST, DELETED)),
    Bug("miss not noted", ((Composite, "_note_missed", _nothing),), (STALE, VANISHED), QUARRELS),
    Bug(
        "settled at any version",
        ((ReferenceStore, "settle", _settle_any_version),),
        (CONVERGENCE, LOST, STALE, FOLLOWED),
    ),
    Bug("repeated try not recognised", ((Record, "has_done", _no),), (DOUBLED,)),
    Bug("conflict not filed", ((Handover, "_file", _nothing),), (LOST, STOCK)),
    Bug(
        "words never taken back",
        ((Word, "withdraw", _nothing), (ReferenceDatabase, "absences", _all_words_ever)),
        (CONVERGENCE,),
    ),
    Bug(
        "words not heeded",
        ((Watch, "_is_missed_elsewhere", _no), (Watch, "_lacks_writes", _no)),
        (STALE, VANISHED, DELETED),
        QUARRELS,
    ),
    Bug(
        "repeated try acknowledged unseen",
        ((Composite, "_hand_on", _hand_on_first_tries_only),),
        (STALE, VANISHED),
        KILLS,
    ),
    Bug(
        "role told without looking",
        ((Call, "missed_nothing", property(_yes)),),
        (STALE, VANISHED),
    ),
    Bug(
        "newer debt forgets what was missed",
        ((ReferenceStore, "_missed_before", lambda self, key: set()),),
        (STALE, VANISHED),
        {**KILLS, "weather": ROUGH},
    ),
    Bug("step told twice", ((order_merge, "_events", _both_events),), (DOUBLED,)),
    Bug(
        "merge forgets a version",
        ((Record, "joined", _joined_without_version),),
        (CONVERGENCE, LOST, STALE),
        KILLS,
    ),
    Bug(
        "late request accepted over newer",
        ((ReferenceStore, "accept", _accept_over_anything),),
        (LOST, DOUBLED, STALE, DELETED, CONVERGENCE),
    ),
    Bug(
        "new store not copied to",
        ((Watch, "_copy_everything", _join_without_copying),),
        (CONVERGENCE, LOST, STALE),
    ),
    Bug(
        "refused record dropped",
        ((Collector, "_put_off", _refused_counts_as_settled),),
        (CONVERGENCE, LOST),
    ),
    Bug("refused record tried for ever", ((Collector, "_put_off", _nothing),), (CONVERGENCE,)),
    Bug(
        "up though lost meanwhile",
        ((Breaker, "caught_up", _caught_up_anyhow),),
        (STALE,),
        ROUGH_QUARRELS,
    ),
    Bug(
        "not found is taken for certain",
        ((Composite, "_require_certainty", _nothing),),
        (VANISHED,),
    ),
    Bug(
        "cancelled orders keep their stock",
        ((ReferenceStore, "_put", _count_once_for_all),),
        (DOUBLED,),
    ),
    Bug("overselling not filed", ((Handover, "look_at", _nothing),), (STOCK,)),
    Bug(
        "followers not owed",
        ((Owing, "followers", classmethod(lambda *_args: ())),),
        (FOLLOWED,),
    ),
    Bug(
        "merge forgets followers",
        ((ReferenceStore, "replace", _merged_without_followers),),
        (FOLLOWED,),
        SLOW_FOLLOWERS,
    ),
    Bug(
        "struck off before it is done",
        ((Collector, "collect", _settled_before),),
        (FOLLOWED, STALE, VANISHED, CONVERGENCE, LOST),
        KILLS,
    ),
    Bug(
        "merged over a newer state",
        ((ReferenceStore, "replace", _merged_blindly),),
        (LOST, CONVERGENCE, DOUBLED, STALE),
        ROUGH_QUARRELS,
    ),
)
