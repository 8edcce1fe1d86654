"""What truly happened: which operations are in which state, told without versions or trails.

Knows nothing of version vectors, trails or merge rules. A state is known by its digest; what it
contains follows from the state the caller had read, and, for a merged state, from what it says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dinerapp.ordering.domain.orders import Order, Status
from dinerapp.replication import codec
from dinerapp.replication.record import Record

NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Lineage:
    """Operations that led to a state: all it descends from, and those it still says.

    An operation that lost a merge is `received` and no longer `said`.
    """

    ancestors: frozenset[str] = NOTHING
    surviving: frozenset[str] = NOTHING

    def with_operation(self, op_id: str) -> Lineage:
        return Lineage(self.ancestors | {op_id}, self.surviving | {op_id})

    def union(self, other: Lineage) -> Lineage:
        return Lineage(self.ancestors | other.ancestors, self.surviving | other.surviving)


class LineageLog:
    """The pasts of all states there ever were."""

    def __init__(self) -> None:
        self._pasts: dict[int, Lineage] = {}
        self.states: dict[str, dict[int, Record]] = {}

    def lineage_of(self, state: Record) -> Lineage:
        """What is known of a state."""
        return self._pasts.get(codec.digest(state), Lineage())

    def record_accept(self, state: Record, base: Record | None) -> None:
        """A store accepted an operation on top of what the caller had read."""
        before = Lineage() if base is None else self.lineage_of(base)
        self._learn(state, before.with_operation(state.op_id))

    def record_merge(self, one: Record, other: Record, result: Record) -> None:
        """Two states became one."""
        received = self.lineage_of(one).ancestors | self.lineage_of(other).ancestors
        said = NOTHING
        for state in (one, other):
            if _survives(state, result):
                said |= self.lineage_of(state).surviving
        self._learn(result, Lineage(received, said))

    def _learn(self, state: Record, past: Lineage) -> None:
        key = codec.digest(state)
        known = self._pasts.get(key)
        self._pasts[key] = past if known is None else known.union(past)
        self.states.setdefault(state.id, {})[key] = state


def _survives(state: Record, result: Record) -> bool:
    """Whether nothing that was written in the state is gone from the result."""
    if state.deleted or result.deleted:
        return state.deleted == result.deleted
    if isinstance(state, Order) and isinstance(result, Order):
        return _order_survives(state, result)
    return codec.content(state) == codec.content(result)


def _order_survives(state: Order, result: Order) -> bool:
    ranks = list(Status)
    if state.status is Status.COMPLETED and result.status is Status.CANCELLED:
        return False
    return (
        _steps(state) <= _steps(result)
        and ranks.index(state.status) <= ranks.index(result.status)
        and _beside_progress(state) == _beside_progress(result)
    )


def _steps(order: Order) -> set[tuple[str, str, str | None]]:
    """Who took which step; one step that was tried twice may be told at either moment."""
    return {(event.status, event.actor, event.reason) for event in order.history}


def _beside_progress(order: Order) -> dict[str, Any]:
    ignored = ("history", "status", "payment_status", "tickets")
    return {key: value for key, value in codec.content(order).items() if key not in ignored}
