"""Placing orders and moving them along."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass

from dinerapp import signals
from dinerapp.domain.identity import Operation
from dinerapp.domain.menu import stock_key
from dinerapp.domain.orders import Customer, Event, Fulfilment, Order, Status
from dinerapp.domain.pricing import Rates, Wanted, priced
from dinerapp.domain.record import utc_now
from dinerapp.errors import (
    Exhausted,
    KeyReused,
    NotFound,
    Rejection,
    RuleBroken,
    SoldOut,
    Unacceptable,
)
from dinerapp.ports.menu import MenuItems
from dinerapp.ports.orders import OrderFilter, Orders
from dinerapp.ports.repository import After, Page
from dinerapp.services.board import Board
from dinerapp.services.saving import Saved, changed, saved

_CODE_LETTERS = "ACDEFGHJKLMNPQRTUVWXY34679"
_CODE_LENGTH = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOrder:
    """What a guest sends."""

    customer: Customer
    fulfilment: Fulfilment
    items: Sequence[Wanted]
    tip: int = 0
    coupon: str | None = None
    notes: str | None = None


class OrderService:
    """Use cases around orders."""

    def __init__(
        self,
        orders: Orders,
        menu: MenuItems,
        rates: Rates,
        currency: str,
        secret: str,
        board: Board,
    ) -> None:
        self._board = board
        self._orders = orders
        self._menu = menu
        self._rates = rates
        self._currency = currency
        self._secret = secret.encode()

    def place(self, operation: Operation, new: NewOrder) -> Saved[Order]:
        """One order for one operation, however often and wherever it is tried."""
        try:
            done = saved(self._kept, self._made(operation, new))
        except KeyReused:
            raise
        except (RuleBroken, Rejection):
            earlier = self._placed_earlier(operation)
            if earlier is None:
                raise
            return Saved(earlier, replayed=True, changed=False)
        if done.changed:
            signals.announce(signals.order_placed, self, order=done.record)
        return done

    def get(self, order_id: str) -> Order:
        """One order."""
        return self._orders.get(order_id)

    def page(self, wanted: OrderFilter, after: After | None, limit: int) -> Page[Order]:
        """Orders, newest first."""
        return self._orders.page(wanted, after, limit)

    def move(
        self,
        order_id: str,
        operation: Operation,
        status: Status,
        *,
        actor: str,
        reason: str | None = None,
        if_match: str | None = None,
    ) -> Saved[Order]:
        """Takes the order a step further; being there already is no step and no mistake."""
        before: list[Status] = []

        def change(order: Order) -> Order:
            before.append(order.status)
            if order.status is status:
                return order
            return order.moved(
                status, actor=actor, reason=reason, op_id=operation.op_id, now=utc_now()
            )

        done = changed(self._orders, order_id, operation.op_id, change, if_match)
        if done.changed:
            signals.announce(
                signals.order_status_changed, self, order=done.record, before=before[-1]
            )
        return done

    def access_token(self, order_id: str) -> str:
        """Reads and cancels just this order."""
        return hmac.new(self._secret, f"order {order_id}".encode(), hashlib.sha256).hexdigest()

    def opens(self, token: str, order_id: str) -> bool:
        """Whether the token is that order's."""
        return hmac.compare_digest(token.encode(), self.access_token(order_id).encode())

    def _kept(self, order: Order) -> Order:
        try:
            return self._orders.save(order)
        except Exhausted as exc:
            raise _sold_out(order, exc.key) from exc

    def _made(self, operation: Operation, new: NewOrder) -> Order:
        if new.coupon is not None:
            raise Unacceptable("there is no such coupon", field="coupon")
        now = utc_now()
        menu = self._menu.get_many({wanted.item_id for wanted in new.items})
        line_ids = [operation.part(f"line {number}") for number in range(len(new.items))]
        serving = self._board.serving(new.fulfilment.scheduled_for or now)
        bill = priced(new.items, menu, line_ids, self._rates, new.fulfilment.type, new.tip, serving)
        return Order(
            id=operation.record_id,
            op_id=operation.giving(*bill.lines, bill.total),
            created_at=now,
            updated_at=now,
            code=_code(operation.record_id),
            customer=new.customer,
            fulfilment=new.fulfilment,
            lines=bill.lines,
            notes=new.notes,
            subtotal=bill.subtotal,
            service_charge=bill.service_charge,
            tax=bill.tax,
            tip=bill.tip,
            total=bill.total,
            currency=self._currency,
            history=(Event(at=now, status=Status.PENDING, actor="guest"),),
        )

    def _placed_earlier(self, operation: Operation) -> Order | None:
        """The order of an earlier try, which counts even if the menu has changed since."""
        try:
            order = self._orders.get(operation.record_id)
        except NotFound:
            return None
        if not order.has_done(operation.op_id):
            raise KeyReused(order)
        return order


def _sold_out(order: Order, key: str) -> SoldOut:
    """In the words of the order: which of its positions there is too little of."""
    wanted = [stock_key(line.item_id) for line in order.lines]
    number = wanted.index(key)
    reason = f"not enough {order.lines[number].name} is left"
    return SoldOut(reason, field=f"items.{number}.quantity")


def _code(order_id: str) -> str:
    """Short, for people; not an identity."""
    number = int.from_bytes(hashlib.sha256(order_id.encode()).digest()[:8])
    letters = []
    for _ in range(_CODE_LENGTH):
        number, letter = divmod(number, len(_CODE_LETTERS))
        letters.append(_CODE_LETTERS[letter])
    return "".join(letters)
