"""A cart: what a guest is thinking of ordering. It knows ids and quantities, never prices."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from dinerapp.domain.kind import Kind, Merge
from dinerapp.domain.orders import Customer, Fulfilment
from dinerapp.domain.pricing import Wanted
from dinerapp.domain.record import Record
from dinerapp.errors import RuleBroken, Unacceptable

if TYPE_CHECKING:
    from dinerapp.domain.merging import Policy

MOST_LINES = 200
MOST_OF_ONE = 1000


class CartState(StrEnum):
    """How far a cart is, in the order it goes through it."""

    OPEN = "open"
    ORDERING = "ordering"
    ORDERED = "ordered"


@dataclass(frozen=True, slots=True, kw_only=True)
class CartLine:
    """One position. Every change is a new revision; what was taken out stays, with none of it."""

    id: str
    item_id: str
    quantity: int
    options: tuple[str, ...] = ()
    notes: str | None = None
    revision: int = 1

    def of(self, quantity: int) -> CartLine:
        """The next revision, with so many."""
        return replace(self, quantity=quantity, revision=self.revision + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """What turns a cart into an order."""

    customer: Customer
    fulfilment: Fulfilment
    tip: int = 0
    coupon: str | None = None
    notes: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cart(Record):
    """While it is being ordered its lines and the `checkout` stand still, so that every try makes
    the same order."""

    user_id: str | None = None
    state: CartState = CartState.OPEN
    lines: tuple[CartLine, ...] = ()
    checkout: Checkout | None = None
    expires_at: datetime

    @property
    def wanted(self) -> tuple[CartLine, ...]:
        """The lines without those that were taken out."""
        return tuple(line for line in self.lines if line.quantity)

    def with_item(self, line: CartLine, *, op_id: str, now: datetime, until: datetime) -> Cart:
        """With so many more of it: alike positions are one."""
        self._require_open()
        like = next((one for one in self.wanted if _same_dish(one, line)), None)
        if like is not None:
            line = like.of(like.quantity + line.quantity)
        _require_few(line.quantity)
        lines = _put(self.lines, line)
        if len(lines) > MOST_LINES:
            raise RuleBroken(f"a cart has room for {MOST_LINES} positions")
        return self.changed(op_id=op_id, now=now, lines=lines, expires_at=until)

    def with_quantity(
        self, line_id: str, quantity: int, *, op_id: str, now: datetime, until: datetime
    ) -> Cart:
        """With so many of one position; none takes it out."""
        self._require_open()
        line = next((one for one in self.wanted if one.id == line_id), None)
        if line is None:
            raise Unacceptable("the cart has no such line", field="line_id")
        _require_few(quantity)
        if line.quantity == quantity:
            return self
        lines = _put(self.lines, line.of(quantity))
        return self.changed(op_id=op_id, now=now, lines=lines, expires_at=until)

    def ordering(self, checkout: Checkout, *, op_id: str, now: datetime) -> Cart:
        """Standing still while its order is made. The same checkout again is no change."""
        if self.state is not CartState.OPEN and self.checkout == checkout:
            return self
        self._require_open()
        if not self.wanted:
            raise RuleBroken("the cart is empty")
        return self.changed(op_id=op_id, now=now, state=CartState.ORDERING, checkout=checkout)

    def ordered(self, *, op_id: str, now: datetime) -> Cart:
        """Its order is there."""
        if self.state is CartState.ORDERED:
            return self
        return self.changed(op_id=op_id, now=now, state=CartState.ORDERED)

    def reopened(self, *, op_id: str, now: datetime) -> Cart:
        """There can be no such order; the guest may change something."""
        if self.state is not CartState.ORDERING:
            return self
        return self.changed(op_id=op_id, now=now, state=CartState.OPEN, checkout=None)

    def to_order(self) -> tuple[Wanted, ...]:
        """What the order is asked for."""
        return tuple(
            Wanted(
                item_id=line.item_id,
                quantity=line.quantity,
                options=line.options,
                notes=line.notes,
            )
            for line in self.wanted
        )

    def _require_open(self) -> None:
        if self.state is not CartState.OPEN:
            raise RuleBroken("the cart was ordered already")


def merge_carts(one: Cart, other: Cart, policy: Policy) -> Merge[Cart]:
    """Lines of both, each in its latest revision. Once one side was ordering, its lines stand."""
    ranks = list(CartState)
    if ranks.index(one.state) != ranks.index(other.state):
        ahead, behind = sorted((one, other), key=lambda c: ranks.index(c.state), reverse=True)
        lost = None if set(behind.lines) <= set(ahead.lines) else behind
        return Merge(ahead, lost, "the cart was ordered meanwhile" if lost else "")
    decided = policy.decide(one, other)
    winner = decided.record
    loser = other if winner is one else one
    if winner.checkout != loser.checkout:
        return decided
    lines = winner.lines
    for line in loser.lines:
        known = next((each for each in lines if each.id == line.id), None)
        if known is None or line.revision > known.revision:
            lines = _put(lines, line)
    until = max(winner.expires_at, loser.expires_at)
    return Merge(replace(winner, lines=lines, expires_at=until))


def _put(lines: tuple[CartLine, ...], line: CartLine) -> tuple[CartLine, ...]:
    by_id = {each.id: each for each in lines} | {line.id: line}
    return tuple(by_id.values())


def _same_dish(one: CartLine, other: CartLine) -> bool:
    return (one.item_id, sorted(one.options), one.notes) == (
        other.item_id,
        sorted(other.options),
        other.notes,
    )


def _require_few(quantity: int) -> None:
    if quantity > MOST_OF_ONE:
        raise RuleBroken(f"of one position there can be {MOST_OF_ONE}", field="quantity")


CARTS = Kind("carts", Cart, merge=merge_carts)
