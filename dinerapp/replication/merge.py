"""What becomes of two states of one record. Pure, and the same from whichever side it is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from dinerapp.replication import codec
from dinerapp.replication.identity import same_operation
from dinerapp.replication.kind import Kind, Merge
from dinerapp.replication.record import Record
from dinerapp.replication.version import Place

R = TypeVar("R", bound=Record)

PolicyName = Literal["source_priority", "last_write_wins"]
DEFAULT_PRIORITY = {Place.NOCODB: 2, Place.MONGODB: 1, Place.POSTGRESQL: 1}


@dataclass(frozen=True, slots=True)
class Policy:
    """Who wins where the domain does not know better."""

    name: PolicyName = "source_priority"
    priority: Mapping[Place, int] = field(default_factory=lambda: DEFAULT_PRIORITY)

    def decide(self, one: R, other: R) -> Merge[R]:
        """The winner whole, the loser kept for a manager to see."""
        ranked = sorted((one, other), key=self._rank)
        reason = f"{self.name}: {_written(ranked[1])} over {_written(ranked[0])}"
        return Merge(ranked[1], lost=ranked[0], reason=reason)

    def _rank(self, record: Record) -> tuple[object, ...]:
        priority = 0
        if self.name == "source_priority" and record.source is not None:
            priority = self.priority[record.source]
        return priority, record.updated_at, record.op_id, codec.digest(record)


def reconciled(kind: Kind[R], stored: R, incoming: R, policy: Policy) -> Merge[R]:
    """The one state that both stores should hold, and what lost against it, if anything."""
    if stored == incoming:
        return Merge(stored)
    if stored.version != incoming.version:
        stored_has_all, incoming_has_all = stored.includes(incoming), incoming.includes(stored)
        if stored_has_all and not incoming_has_all:
            return Merge(stored.joined(incoming))
        if incoming_has_all and not stored_has_all:
            return Merge(incoming.joined(stored))
    one, other = sorted((stored, incoming), key=codec.digest)
    merge = _concurrent(kind, one, other, policy)
    return Merge(merge.record.joined(one).joined(other), merge.lost, merge.reason)


def _concurrent(kind: Kind[R], one: R, other: R, policy: Policy) -> Merge[R]:
    if one.deleted != other.deleted:
        gone, kept = (one, other) if one.deleted else (other, one)
        return Merge(gone, lost=kept, reason="deletion wins over a concurrent change")
    if one.deleted or codec.content(one) == codec.content(other):
        return Merge(max(one, other, key=lambda r: (r.updated_at, r.op_id, codec.digest(r))))
    if same_operation(one.op_id, other.op_id):
        merge = kind.merge(one, other, Policy("last_write_wins"))
        reason = "one request, tried twice with other results" if merge.lost else ""
        return Merge(merge.record, merge.lost, reason)
    return kind.merge(one, other, policy)


def _written(record: Record) -> str:
    return f"{record.source} at {record.updated_at:%Y-%m-%dT%H:%M:%S.%f}"
