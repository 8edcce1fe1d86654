"""A cart: what a guest may order. It stores ids and quantities, never prices."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from dinerapp.ordering.domain.pricing import LineRequest
from dinerapp.replication.errors import InvalidRequest, RuleViolation
from dinerapp.replication.kind import Kind, MergeResult
from dinerapp.replication.record import Record

if TYPE_CHECKING:
    from dinerapp.replication.merge import MergePolicy

MAX_LINES = 200
MAX_QUANTITY = 1000


class CartState(StrEnum):
    """The state of a cart; in a merge the later one in this order wins."""

    OPEN = "open"
    JOINED = "joined"
    ORDERED = "ordered"


@dataclass(frozen=True, slots=True, kw_only=True)
class CartLine:
    """A line of a cart. Every change is a new revision; a removed line stays, with quantity 0."""

    id: str
    wanted: LineRequest
    revision: int = 1

    @property
    def quantity(self) -> int:
        """The quantity."""
        return self.wanted.quantity

    def with_quantity(self, quantity: int) -> CartLine:
        """The next revision of the line, with this quantity."""
        wanted = replace(self.wanted, quantity=quantity)
        return replace(self, wanted=wanted, revision=self.revision + 1)

    def is_like(self, other: CartLine) -> bool:
        """Whether both are the same item with the same options and notes."""
        return _dish_key(self.wanted) == _dish_key(other.wanted)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cart(Record):
    """`absorbed` are the carts that were merged into this one; `successor` is what this one has
    become: the cart it was merged into, or its order."""

    user_id: str | None = None
    state: CartState = CartState.OPEN
    lines: tuple[CartLine, ...] = ()
    absorbed: tuple[str, ...] = ()
    successor: str | None = None
    expires_at: datetime

    @property
    def active_lines(self) -> tuple[CartLine, ...]:
        """The lines that have not been removed."""
        return tuple(line for line in self.lines if line.quantity)

    def with_lines(self, lines: Iterable[CartLine]) -> Cart:
        """Adds these lines; quantities of equal lines are added up."""
        self.require_open()
        cart = self
        for line in lines:
            cart = replace(cart, lines=cart._lines_with(line))
        if len(cart.lines) > MAX_LINES:
            raise RuleViolation(f"a cart can have at most {MAX_LINES} lines", field="items")
        return cart

    def with_quantity(self, line_id: str, quantity: int) -> Cart:
        """The cart with this quantity of one line; 0 removes it."""
        self.require_open()
        line = next((one for one in self.active_lines if one.id == line_id), None)
        if line is None:
            raise InvalidRequest("the cart has no such line", field="line_id")
        if line.quantity == quantity:
            return self
        return replace(self, lines=_with_line(self.lines, line.with_quantity(quantity)))

    def with_cart(self, other: Cart) -> Cart:
        """The cart with all lines of the other one, which are added only once."""
        self.require_open()
        if other.id in self.absorbed:
            return self
        return replace(self.with_lines(other.active_lines), absorbed=(*self.absorbed, other.id))

    def closed_as(self, state: CartState, successor: str) -> Cart:
        """The cart after it was merged into another cart, or ordered."""
        return replace(self, state=state, successor=successor)

    def as_open(self) -> Cart:
        """The cart as if it had not been closed."""
        return replace(self, state=CartState.OPEN, successor=None)

    def require_open(self) -> None:
        """RuleViolation if the cart has been ordered or merged."""
        if self.state is CartState.ORDERED:
            raise RuleViolation(f"the cart has already been ordered: order {self.successor}")
        if self.state is CartState.JOINED:
            raise RuleViolation(f"the cart has been joined to another one: cart {self.successor}")

    def _lines_with(self, line: CartLine) -> tuple[CartLine, ...]:
        like = next((one for one in self.active_lines if one.is_like(line)), None)
        if like is not None:
            line = like.with_quantity(like.quantity + line.quantity)
        if line.quantity > MAX_QUANTITY:
            raise RuleViolation(
                f"a line can have a quantity of at most {MAX_QUANTITY}", field="quantity"
            )
        return _with_line(self.lines, line)


def merge_carts(first: Cart, second: Cart, policy: MergePolicy) -> MergeResult[Cart]:
    """Keeps the lines of both, each in its latest revision; a cart that is closed in one state is
    closed."""
    decided = policy.decide(first, second)
    loser = second if decided.record is first else first
    winner, loser = sorted(
        (decided.record, loser), key=lambda cart: list(CartState).index(cart.state), reverse=True
    )
    if winner.state is not loser.state:
        lost = None if set(loser.lines) <= set(winner.lines) else loser
        return MergeResult(winner, lost, f"the cart was {winner.state} meanwhile" if lost else "")
    lines = winner.lines
    for line in loser.lines:
        known = next((each for each in lines if each.id == line.id), None)
        if known is None or line.revision > known.revision:
            lines = _with_line(lines, line)
    absorbed = tuple(dict.fromkeys((*winner.absorbed, *loser.absorbed)))
    until = max(winner.expires_at, loser.expires_at)
    return MergeResult(replace(winner, lines=lines, absorbed=absorbed, expires_at=until))


def _with_line(lines: tuple[CartLine, ...], line: CartLine) -> tuple[CartLine, ...]:
    by_id = {each.id: each for each in lines} | {line.id: line}
    return tuple(by_id.values())


def _dish_key(request: LineRequest) -> tuple[object, ...]:
    return request.item_id, sorted(request.options), request.notes or None


CARTS = Kind("carts", Cart, merge=merge_carts)
