"""Carts of guests and of accounts, until they become orders."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from dinerapp.accounts.domain.permissions import GUEST, Caller
from dinerapp.accounts.services.record_tokens import RecordTokens
from dinerapp.ordering.domain.carts import CARTS, Cart, CartLine, CartState
from dinerapp.ordering.domain.orders import Fulfilment, Line, Order, OrderContact
from dinerapp.ordering.domain.pricing import LineRequest
from dinerapp.ordering.ports.carts import Carts
from dinerapp.ordering.services.orders import NewOrder, OrderService
from dinerapp.replication import codec, deadline
from dinerapp.replication.errors import (
    DinerError,
    InvalidRequest,
    KeyReused,
    NotFound,
    Rejection,
    RuleViolation,
)
from dinerapp.replication.identity import Operation, new_op_id
from dinerapp.replication.ports.repository import Cursor, Page
from dinerapp.replication.record import utc_now
from dinerapp.replication.saving import (
    WriteResult,
    save_idempotently,
    update_and_confirm,
    update_with_retry,
)

BATCH_SIZE = 200
PURGE_SECONDS = 60.0
TIMEOUT_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """What an order needs in addition to the cart."""

    customer: OrderContact
    fulfilment: Fulfilment
    tip: int = 0
    coupon: str | None = None
    notes: str | None = None


@dataclass(frozen=True, slots=True)
class PricedLine:
    """A line of a cart at current prices, or the reason why it cannot be ordered."""

    line: CartLine
    quote: Line | RuleViolation


class CartService:
    """Use cases for carts."""

    def __init__(
        self,
        carts: Carts,
        orders: OrderService,
        tokens: RecordTokens,
        lifetime: timedelta,
        *,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._carts = carts
        self._orders = orders
        self._tokens = tokens
        self._lifetime = lifetime
        self._now = now

    def open(self, operation: Operation, caller: Caller = GUEST) -> WriteResult[Cart]:
        """Opens an empty cart, owned by the caller if they are logged in."""
        now = self._now()
        cart = Cart(
            id=operation.record_id,
            op_id=operation.op_id,
            created_at=now,
            updated_at=now,
            user_id=caller.user_id,
            expires_at=now + self._lifetime,
        )
        return save_idempotently(self._carts.save, cart)

    def access_token(self, cart_id: str) -> str:
        """The token that gives access to this cart only."""
        return self._tokens.issue(cart_id)

    def get(self, cart_id: str, caller: Caller) -> Cart:
        """One cart; NotFound if it belongs to somebody else."""
        self._tokens.require(cart_id, caller)
        cart = self._carts.get(cart_id)
        mine = caller.record_token is not None or _owns(caller, cart)
        if not mine or cart.expires_at <= self._now():
            raise NotFound(CARTS.name, cart_id)
        return cart

    def page(self, caller: Caller, after: Cursor | None, limit: int) -> Page[Cart]:
        """The caller's own carts, newest first."""
        return self._carts.page_of(caller.user_id or "", after, limit)

    def priced_lines(self, carts: Sequence[Cart]) -> Iterator[list[PricedLine]]:
        """The lines of each cart, at current prices."""
        lines = [line for cart in carts for line in cart.active_lines]
        quotes = iter(
            self._orders.quote([line.wanted for line in lines], [line.id for line in lines])
        )
        for cart in carts:
            yield [PricedLine(line, next(quotes)) for line in cart.active_lines]

    def add(
        self,
        cart_id: str,
        operation: Operation,
        request: LineRequest,
        caller: Caller,
        if_match: str | None = None,
    ) -> WriteResult[Cart]:
        """Adds an item; quantities of equal lines are added up."""
        line = CartLine(id=operation.record_id, wanted=request)
        if not self.get(cart_id, caller).has_applied(operation.op_id):
            self._require_known(line)
        return self._change(cart_id, operation, lambda cart: cart.with_lines([line]), if_match)

    def set_quantity(
        self,
        cart_id: str,
        line_id: str,
        quantity: int,
        operation: Operation,
        caller: Caller,
        if_match: str | None = None,
    ) -> WriteResult[Cart]:
        """Sets the quantity of one line; 0 removes it."""
        self.get(cart_id, caller)
        return self._change(
            cart_id, operation, lambda cart: cart.with_quantity(line_id, quantity), if_match
        )

    def join(
        self,
        cart_id: str,
        operation: Operation,
        source_id: str,
        caller: Caller,
        source_caller: Caller,
    ) -> WriteResult[Cart]:
        """Moves the lines of another cart into this one, once. `source_caller` has access to that
        cart.

        The other cart is closed first, so that nobody orders from it meanwhile; repeating a call
        that failed after that completes it.
        """
        if cart_id == source_id:
            raise InvalidRequest("must be another cart", field="cart_id")
        cart, source = self.get(cart_id, caller), self.get(source_id, source_caller)
        if not cart.has_applied(operation.op_id):
            cart.with_cart(source)
            source = self._close(source_id, cart_id)
        try:
            return self._change(cart_id, operation, lambda cart: cart.with_cart(source))
        except RuleViolation:
            self._reopen(source_id, cart_id)
            raise

    def remove(
        self, cart_id: str, operation: Operation, caller: Caller, if_match: str | None
    ) -> WriteResult[Cart]:
        """Deletes a cart."""
        self.get(cart_id, caller)
        return update_with_retry(
            self._carts,
            cart_id,
            operation.op_id,
            lambda cart: cart.with_changes(op_id=operation.op_id, now=self._now()),
            if_match,
            save=self._carts.delete,
        )

    def check_out(
        self, cart_id: str, operation: Operation, checkout: Checkout, caller: Caller
    ) -> WriteResult[Order]:
        """Makes one order from one cart, however often and with whatever keys it is tried.

        The order's ids are derived from the cart, so the order itself decides which try was first.
        Lines that are added during checkout do not become part of the order.
        """
        cart = self.get(cart_id, caller)
        if cart.has_applied_key_of(operation.op_id) and not cart.has_applied(operation.op_id):
            raise KeyReused(cart)
        if cart.state is not CartState.ORDERED:
            cart.require_open()
        if not cart.active_lines:
            raise RuleViolation("the cart is empty", field="items")
        new = _new_order(cart, checkout)
        ordering = Operation.from_key("carts.check_out", cart_id, codec.encode(new))
        buyer = caller if _owns(caller, cart) else replace(GUEST, user_id=cart.user_id)
        try:
            result = self._orders.place(ordering, new, buyer)
        except KeyReused as first:
            raise RuleViolation(
                f"the cart has already been ordered: order {first.stored.id}"
            ) from None
        self._mark_ordered(cart_id, operation, result.record.id)
        return result

    def step(self) -> float:
        """Deletes some expired carts; returns the seconds until the next step."""
        try:
            with deadline.within(TIMEOUT_SECONDS):
                return PURGE_SECONDS if self.purge() < BATCH_SIZE else 0.0
        except DinerError:
            return PURGE_SECONDS

    def purge(self) -> int:
        """Deletes expired carts, and returns how many it found."""
        now = self._now()
        expired = self._carts.expired(now, BATCH_SIZE)
        for cart in expired:
            with suppress(Rejection):
                self._carts.delete(cart.with_changes(op_id=new_op_id(), now=now))
        return len(expired)

    def _change(
        self,
        cart_id: str,
        operation: Operation,
        change: Callable[[Cart], Cart],
        if_match: str | None = None,
    ) -> WriteResult[Cart]:
        def after(cart: Cart) -> Cart:
            now, wanted = self._now(), change(cart)
            if wanted is cart:
                return cart
            op_id = operation.op_id_with_outcome(*wanted.lines, wanted.state)
            return wanted.with_changes(op_id=op_id, now=now, expires_at=now + self._lifetime)

        return update_and_confirm(self._carts, cart_id, operation.op_id, after, if_match)

    def _require_known(self, line: CartLine) -> None:
        """An item that is only unavailable at the moment may be in a cart."""
        [quote] = self._orders.quote([line.wanted], [line.id])
        if isinstance(quote, InvalidRequest):
            raise quote

    def _close(self, source_id: str, cart_id: str) -> Cart:
        def close(source: Cart) -> Cart:
            if source.successor == cart_id:
                return source
            source.require_open()
            return source.closed_as(CartState.JOINED, cart_id)

        return self._change(source_id, Operation.without_key(), close).record

    def _reopen(self, source_id: str, cart_id: str) -> None:
        def reopen(source: Cart) -> Cart:
            return source.as_open() if source.successor == cart_id else source

        self._change(source_id, Operation.without_key(), reopen)

    def _mark_ordered(self, cart_id: str, operation: Operation, order_id: str) -> None:
        """Closes the cart as ordered. It may have been deleted meanwhile; the order exists all the
        same."""

        def mark(cart: Cart) -> Cart:
            return (
                cart if cart.successor == order_id else cart.closed_as(CartState.ORDERED, order_id)
            )

        with suppress(NotFound):
            self._change(cart_id, operation, mark)


def _owns(caller: Caller, cart: Cart) -> bool:
    return caller.user_id is not None and caller.user_id == cart.user_id


def _new_order(cart: Cart, checkout: Checkout) -> NewOrder:
    return NewOrder(
        customer=checkout.customer,
        fulfilment=checkout.fulfilment,
        items=tuple(line.wanted for line in cart.active_lines),
        tip=checkout.tip,
        coupon=checkout.coupon,
        notes=checkout.notes,
    )
