"""The promises of DESIGN §1, checked against what truly happened.

While it runs: P5, P6, P7 on every answer. At the end: P1 to P5, P9 and P10 on what both stores
hold.

A process may be mistaken about a store in one way only: another process acknowledged a write that
the store lacks, and since then this process has not finished a look at the store during all of
which it could talk to the one that took the write. A process alone is never mistaken.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from dinerapp.replication.record import Record
from dinerapp.replication.served_by import ServedBy, StoreRole
from dinerapp.replication.version import StoreId
from tests.simulation.leases import LeaseTracker
from tests.simulation.lineage import LineageLog
from tests.simulation.scheduler import Violation


@dataclass
class IntendedOperation:
    """One intended change and every answer it got."""

    op_id: str
    label: str
    kind: str
    record_id: str
    deletes: bool = False
    moves: bool = False
    answers: list[str] = field(default_factory=list)
    acked_at: float | None = None
    acked_by: str = ""
    informed: set[tuple[str, StoreId]] = field(default_factory=set)

    def __str__(self) -> str:
        return f"{self.label} ({self.op_id[:4]})"


class Oracle:
    """Hears of every intention, answer and change of a store."""

    def __init__(self) -> None:
        self.lineage = LineageLog()
        self.ops: dict[str, IntendedOperation] = {}
        self.accepted: dict[str, set[StoreId]] = {}
        self.deletions: set[str] = set()
        self.leases = LeaseTracker()
        self.unlimited: set[str] = set()
        self.refused: dict[tuple[StoreId, str], frozenset[str]] = {}
        self.lacking: dict[StoreId, dict[str, IntendedOperation]] = {place: {} for place in StoreId}
        self.followed: dict[str, frozenset[str]] = {}
        self._held: dict[tuple[StoreId, str], frozenset[str]] = {}
        self._acked: dict[str, list[IntendedOperation]] = {}

    def record_intent(self, op: IntendedOperation) -> None:
        """A client begins an operation."""
        self.ops[op.op_id] = op

    def record_acknowledgement(self, op: IntendedOperation, by: str, now: float) -> None:
        """A client was told that it is done."""
        op.answers.append("acknowledged")
        if op.op_id not in self.accepted:
            raise Violation("P1 nothing lost", f"{op} was acknowledged and never accepted")
        if op.acked_at is not None:
            return
        op.acked_at, op.acked_by = now, by
        self._acked.setdefault(op.record_id, []).append(op)
        for place in (StoreId.POSTGRESQL, StoreId.MONGODB):
            if op.op_id not in self._held.get((place, op.record_id), ()):
                self.lacking[place][op.op_id] = op

    def record_accept(self, store_id: StoreId, state: Record, base: Record | None) -> None:
        """A store accepted an operation of a client or a conflict."""
        self.lineage.record_accept(state, base)
        self.accepted.setdefault(state.op_id, set()).add(store_id)
        if state.deleted:
            self.deletions.add(state.id)
        self.record_state(store_id, state)

    def is_newer_than(self, state: Record) -> None:
        """A follower was shown a state, and so everything that led to it."""
        known = self.followed.get(state.id, frozenset())
        self.followed[state.id] = known | self.lineage.lineage_of(state).ancestors

    def record_state(self, store_id: StoreId, state: Record) -> None:
        """A store has another state of a record from now on."""
        received = self.lineage.lineage_of(state).ancestors
        self._held[store_id, state.id] = received
        self.leases.record_replace(store_id, state.id)
        if received >= self.refused.get((store_id, state.id), received):
            self.refused.pop((store_id, state.id), None)
        for op in self._acked.get(state.id, ()):
            if op.op_id in received:
                self.lacking[store_id].pop(op.op_id, None)
            else:
                self.lacking[store_id][op.op_id] = op

    def fails_with(self, store_id: StoreId, state: Record) -> None:
        """A store cannot hold a state (P9)."""
        self.refused[store_id, state.id] = self.lineage.lineage_of(state).ancestors

    def record_merge(self, store_id: StoreId, one: Record, other: Record, result: Record) -> None:
        """A store put a merged state in place of another."""
        self.lineage.record_merge(one, other, result)
        self.record_state(store_id, result)

    def record_check(self, process: str, store_id: StoreId, began: float) -> None:
        """A process finished a look at a store, and could ask the one that knows what it lacks."""
        for op in self.lacking[store_id].values():
            if op.acked_at is not None and op.acked_at < began:
                op.informed.add((process, store_id))

    def overdue(self, store_id: StoreId, process: str, since: float) -> list[IntendedOperation]:
        """What a store lacked before `since` and the process has no excuse not to know.

        What it cannot hold does not count (P9)."""
        return [
            op
            for op in self.lacking[store_id].values()
            if op.acked_at is not None
            and op.acked_at < since
            and (store_id, op.record_id) not in self.refused
            and (op.acked_by == process or (process, store_id) in op.informed)
        ]

    def check_primary_answer(
        self, served: ServedBy | None, overdue: list[IntendedOperation]
    ) -> None:
        """P6: who answers as primary lacks nothing."""
        if served is not None and served.role is StoreRole.PRIMARY and overdue:
            what = f"{served.store_id} answered as primary and lacked {overdue[0]}"
            raise Violation("P6 no stale primary", what)

    def unaware(self, store_id: StoreId, process: str) -> set[str]:
        """The records of which a store lacks a write and the process is excused not to know."""
        return {
            op.record_id
            for op in self.lacking[store_id].values()
            if op.acked_by != process and (process, store_id) not in op.informed
        }

    def check_found(self, state: Record, since: float, *, excused: bool) -> None:
        """P5: nobody is given a record whose deletion was acknowledged, unless by a store that is
        known to be behind, while there is no other to ask."""
        for op in self._acked.get(state.id, ()):
            if op.deletes and (op.acked_at or 0.0) < since and not excused:
                raise Violation("P5 the deleted stay deleted", f"{op}, and yet it was found")

    def check_missing(self, record_id: str, process: str, since: float, *, excused: bool) -> None:
        """P7: nobody is told that a record does not exist after its write was acknowledged."""
        acked = [op for op in self._acked.get(record_id, ()) if (op.acked_at or 0.0) < since]
        refused = any(record_id == key for _, key in self.refused)
        if acked and not excused and not refused and record_id not in self.deletions:
            raise Violation("P7 no vanishing", f"{acked[0]}, and {process} does not find it")


def describe_state(state: Any) -> str:
    """A state in a word, for a violation."""
    return "nothing" if state is None else f"{type(state).__name__} {state.id[:4]}@{state.version}"
