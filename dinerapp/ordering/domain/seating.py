"""Orders at tables: how often one was moved, and which orders are on one bill.

Two orders of a table are merged by putting one on the bill of the other. Each keeps its lines,
tickets and payments, in its own record, so nothing is ever in two of them: neither a dish in the
kitchen nor money in a till. The other one knows what it adds to the bill.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class BillPart:
    """An order on the bill of another one, as it was at that revision: `outstanding` is what it
    adds. One that was taken off stays, with nothing of it to be paid."""

    order_id: str
    code: str
    revision: int
    outstanding: int
    is_off: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Seating:
    """`moves` are the operations that moved the order to another table, `merges` those that put it
    on a bill or took it off. `merged_into` is whose bill it is on, and `former` are all that it
    ever was on. `parts` are the orders on the bill of this one."""

    moves: tuple[str, ...] = ()
    merges: tuple[str, ...] = ()
    merged_into: str | None = None
    former: tuple[str, ...] = ()
    parts: tuple[BillPart, ...] = ()

    @property
    def on_bill(self) -> tuple[BillPart, ...]:
        """The parts without those that were taken off."""
        return tuple(part for part in self.parts if not part.is_off)

    @property
    def outstanding(self) -> int:
        """What they add to the bill."""
        return sum(part.outstanding for part in self.on_bill)

    def onto(self, order_id: str | None, op_id: str) -> Seating:
        """On that order's bill, or on none but its own."""
        former = self.former if order_id is None else {*self.former, order_id}
        return replace(
            self,
            merged_into=order_id,
            merges=_united(self.merges, [op_id]),
            former=_united(former, ()),
        )

    def with_part(self, part: BillPart) -> Seating:
        """With an order as it is now on the bill; what is older than what is known is no news."""
        return replace(self, parts=_latest((*self.parts, part)))


def merge_seating(preferred: Seating, other: Seating) -> Seating:
    """What was done on one side only is right, and of what was done on both the preferred side.
    Every order that ever was on either bill is known."""
    is_other_ahead = {*other.merges} > {*preferred.merges}
    merged_into = other.merged_into if is_other_ahead else preferred.merged_into
    return Seating(
        moves=_united(preferred.moves, other.moves),
        merges=_united(preferred.merges, other.merges),
        merged_into=merged_into,
        former=_united(preferred.former, other.former),
        parts=_latest((*preferred.parts, *other.parts)),
    )


def _united(one: Iterable[str], other: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({*one, *other}))


def _latest(parts: Iterable[BillPart]) -> tuple[BillPart, ...]:
    by_id: dict[str, BillPart] = {}
    for part in parts:
        known = by_id.get(part.order_id)
        if known is None or _age(part) > _age(known):
            by_id[part.order_id] = part
    return tuple(by_id[order_id] for order_id in sorted(by_id))


def _age(part: BillPart) -> tuple[int, bool, int, str]:
    return part.revision, part.is_off, part.outstanding, part.code
