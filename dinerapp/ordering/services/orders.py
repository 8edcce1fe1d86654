"""Use cases for orders: quoting, placing, revising, cancelling and changing the status."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from dinerapp.accounts.domain.permissions import GUEST, Caller, Permission
from dinerapp.accounts.errors import NotPermitted
from dinerapp.accounts.services.record_tokens import RecordTokens
from dinerapp.ordering.domain.billing import BillingTerms, Discount
from dinerapp.ordering.domain.coupons import normalise_code
from dinerapp.ordering.domain.customers import PhoneIdentity
from dinerapp.ordering.domain.menu import MENU_ITEMS, MenuItem, stock_key
from dinerapp.ordering.domain.order_steps import may_take_step
from dinerapp.ordering.domain.orders import (
    Fulfilment,
    HistoryStep,
    Line,
    Order,
    OrderContact,
    Status,
    bill_of,
)
from dinerapp.ordering.domain.pricing import LineRequest, Rates, quote, require_all
from dinerapp.ordering.domain.slots import SCHEDULED_FOR, slot_key
from dinerapp.ordering.errors import SoldOut
from dinerapp.ordering.ports.coupons import Coupons
from dinerapp.ordering.ports.menu import MenuItems
from dinerapp.ordering.ports.orders import OrderFilter, Orders
from dinerapp.ordering.services.menu_cache import MenuCache
from dinerapp.ordering.services.slots import SlotService
from dinerapp.ordering.signals import order_placed, order_revised, order_status_changed
from dinerapp.replication.errors import (
    Exhausted,
    InvalidRequest,
    NotFound,
    RuleViolation,
    StaleReadSet,
)
from dinerapp.replication.identity import Operation, short_code
from dinerapp.replication.ports.repository import Cursor, Page, ReadVersion
from dinerapp.replication.record import utc_now
from dinerapp.replication.saving import WriteResult, create_idempotently, update_and_confirm
from dinerapp.replication.signals import announce


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOrder:
    """An order as a guest requests it."""

    customer: OrderContact
    fulfilment: Fulfilment
    items: Sequence[LineRequest]
    tip: int = 0
    coupon: str | None = None
    notes: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LineChanges:
    """Changes to an open order: lines to add, and new quantities by line id."""

    added: Sequence[LineRequest] = ()
    quantities: Mapping[str, int] = field(default_factory=dict)


class OrderService:
    """Use cases for orders."""

    def __init__(
        self,
        orders: Orders,
        menu: MenuItems,
        coupons: Coupons,
        rates: Rates,
        currency: str,
        tokens: RecordTokens,
        menu_cache: MenuCache,
        slots: SlotService,
        phone_identity: PhoneIdentity,
    ) -> None:
        self._phone_identity = phone_identity
        self._menu_cache = menu_cache
        self._slots = slots
        self._orders = orders
        self._menu = menu
        self._coupons = coupons
        self._rates = rates
        self._currency = currency
        self._tokens = tokens

    def place(
        self, operation: Operation, new: NewOrder, caller: Caller = GUEST
    ) -> WriteResult[Order]:
        """Places one order for the operation, however often it is tried."""
        place = partial(self._try_to_place, operation, new, caller)
        placed = create_idempotently(self._orders, operation, place)
        if placed.changed:
            announce(order_placed, self, order=placed.record)
        return placed

    def quote(
        self, requests: Sequence[LineRequest], line_ids: Sequence[str]
    ) -> Sequence[Line | RuleViolation]:
        """For each request, the line that an order would get now, or why it is refused."""
        if not requests:
            return []
        return list(self._quote(requests, self._menu_of(requests), line_ids, utc_now()))

    def get(self, order_id: str, caller: Caller) -> Order:
        """One order. Raises NotFound if the caller may not see it."""
        self._tokens.require(order_id, caller)
        order = self._orders.get(order_id)
        if not _can_see(caller, order):
            raise NotFound(Orders.kind.name, order_id)
        return order

    def page(
        self, filters: OrderFilter, after: Cursor | None, limit: int, caller: Caller
    ) -> Page[Order]:
        """A page of the orders that the caller may see, newest first."""
        if filters.phone is not None:
            filters = replace(filters, phone=self._phone_identity.phone(filters.phone))
        if not caller.may(Permission.SEE_ORDERS):
            filters = replace(filters, user_id=caller.user_id or "")
        return self._orders.page(filters, after, limit)

    def look_up(self, phone: str, code: str) -> Order:
        """The latest order with this telephone number and code. Raises NotFound."""
        filters = OrderFilter(phone=self._phone_identity.phone(phone), code=code.upper())
        page = self._orders.page(filters, None, 1)
        if not page.items:
            raise NotFound("orders", code)
        return page.items[0]

    def cancel(
        self,
        order_id: str,
        operation: Operation,
        caller: Caller,
        *,
        reason: str | None = None,
        if_match: str | None = None,
    ) -> WriteResult[Order]:
        """Cancels an order. The owner may do this, and roles with the permission."""
        order = self.get(order_id, caller)
        if not (caller.may(Permission.CANCEL_ORDERS) or _is_owner(caller, order)):
            raise NotPermitted(f"the role {caller.role} may not cancel orders")
        return self._change_status(order_id, operation, Status.CANCELLED, caller, reason, if_match)

    def move(
        self,
        order_id: str,
        operation: Operation,
        status: Status,
        caller: Caller,
        *,
        reason: str | None = None,
        if_match: str | None = None,
    ) -> WriteResult[Order]:
        """Changes the status of an order. If it has that status already, nothing changes."""
        if not may_take_step(caller, status):
            raise NotPermitted(f"the role {caller.role} may not set orders to {status}")
        return self._change_status(order_id, operation, status, caller, reason, if_match)

    def revise(
        self, order_id: str, operation: Operation, changes: LineChanges, if_match: str | None = None
    ) -> WriteResult[Order]:
        """Adds lines and changes the quantities of others; 0 removes a line."""

        def change(order: Order) -> Order:
            return self._with_changes(order, operation, changes, utc_now())

        result = update_and_confirm(
            self._orders, order_id, operation.op_id, change, if_match, self._save
        )
        if result.changed:
            announce(order_revised, self, order=result.record)
        return result

    def access_token(self, order_id: str) -> str:
        """A token that gives access to this order only."""
        return self._tokens.issue(order_id)

    def _change_status(
        self,
        order_id: str,
        operation: Operation,
        status: Status,
        caller: Caller,
        reason: str | None,
        if_match: str | None,
    ) -> WriteResult[Order]:
        before: list[Status] = []

        def change(order: Order) -> Order:
            before.append(order.status)
            if order.status is status:
                return order
            return order.with_status(
                status, actor=caller.actor, reason=reason, op_id=operation.op_id, now=utc_now()
            )

        result = update_and_confirm(self._orders, order_id, operation.op_id, change, if_match)
        if result.changed:
            announce(order_status_changed, self, order=result.record, before=before[-1])
        return result

    def _try_to_place(self, operation: Operation, new: NewOrder, caller: Caller) -> Order:
        """Places the order with the cached menu; if that is stale or a rule refuses the order, with
        the stored menu."""
        with suppress(RuleViolation, StaleReadSet):
            menu = self._menu_cache.cached_items({line.item_id for line in new.items})
            read_set = [
                ReadVersion(MENU_ITEMS.name, item.id, item.version) for item in menu.values()
            ]
            order = self._make_order(operation, new, menu, caller)
            return self._save(order, read_set)
        return self._save(self._make_order(operation, new, self._menu_of(new.items), caller))

    def _menu_of(self, requests: Sequence[LineRequest]) -> Mapping[str, MenuItem]:
        return self._menu.get_many({request.item_id for request in requests})

    def _save(self, order: Order, read_set: Collection[ReadVersion] = ()) -> Order:
        if order.fulfilment.slot is not None:
            self._slots.ensure(order.fulfilment.slot)
        try:
            return self._orders.save(order, read_set)
        except Exhausted as exc:
            raise _shortage(order, exc.key) from exc

    def _make_order(
        self, operation: Operation, new: NewOrder, menu: Mapping[str, MenuItem], caller: Caller
    ) -> Order:
        now = utc_now()
        if not caller.is_staff:
            self._slots.require_accepting(new.fulfilment)
        line_ids = [operation.child_id(f"line {number}") for number in range(len(new.items))]
        moment = new.fulfilment.scheduled_for or now
        lines = require_all(self._quote(new.items, menu, line_ids, moment))
        discount = self._discount(new.coupon, sum(line.total for line in lines), now)
        slot = self._slots.slot_of(new.fulfilment)
        new = replace(
            new,
            customer=self._with_phone_key(new.customer),
            fulfilment=replace(new.fulfilment, slot=slot),
        )
        terms = self._rates.billing_terms(new.fulfilment.type, discount)
        return order_of(operation, new, lines, terms, self._currency, now, caller)

    def _with_phone_key(self, customer: OrderContact) -> OrderContact:
        return replace(customer, phone_key=self._phone_identity.phone(customer.phone))

    def _quote(
        self,
        requests: Sequence[LineRequest],
        menu: Mapping[str, MenuItem],
        line_ids: Sequence[str],
        moment: datetime,
    ) -> Iterator[Line | RuleViolation]:
        return quote(requests, menu, line_ids, self._rates, self._menu_cache.serving(moment))

    def _discount(self, code: str | None, subtotal: int, now: datetime) -> Discount | None:
        if code is None:
            return None
        try:
            coupon = self._coupons.by_code(normalise_code(code))
        except NotFound:
            raise InvalidRequest("there is no such coupon", field="coupon") from None
        return coupon.discount(subtotal, now)

    def _with_changes(
        self, order: Order, operation: Operation, changes: LineChanges, now: datetime
    ) -> Order:
        ids = [operation.child_id(f"line {number}") for number in range(len(changes.added))]
        lines_by_id = {line.id: line for line in order.lines}
        unknown = next((key for key in changes.quantities if key not in lines_by_id), None)
        if unknown is not None:
            raise InvalidRequest("the order has no such line", field=f"quantities.{unknown}")
        revised = [
            lines_by_id[line_id].with_quantity(quantity)
            for line_id, quantity in changes.quantities.items()
            if lines_by_id[line_id].quantity != quantity
        ]
        moment = order.fulfilment.scheduled_for or now
        menu = self._menu_of(changes.added) if changes.added else {}
        added = require_all(self._quote(changes.added, menu, ids, moment))
        if not revised and not added:
            return order
        lines = (*revised, *added)
        return order.with_lines(lines, op_id=operation.op_id_with_outcome(*lines), now=now)


def order_of(
    operation: Operation,
    new: NewOrder,
    lines: tuple[Line, ...],
    terms: BillingTerms,
    currency: str,
    now: datetime,
    caller: Caller = GUEST,
) -> Order:
    """Builds the order from the request, its priced lines and the billing terms."""
    bill = bill_of(lines, terms)
    return Order(
        id=operation.record_id,
        op_id=operation.op_id_with_outcome(*lines, bill.total + new.tip),
        created_at=now,
        updated_at=now,
        code=short_code(operation.record_id),
        customer=new.customer,
        fulfilment=new.fulfilment,
        lines=lines,
        terms=terms,
        notes=new.notes,
        coupon=terms.discount.code if terms.discount else None,
        tip=new.tip,
        subtotal=0,
        total=0,
        currency=currency,
        history=(HistoryStep(at=now, status=Status.PENDING, actor=caller.actor),),
        user_id=caller.user_id,
    ).with_totals(bill)


def _is_owner(caller: Caller, order: Order) -> bool:
    """Whether the caller placed the order, or has its token; `get` has verified the token."""
    if caller.record_token is not None:
        return True
    return caller.user_id is not None and caller.user_id == order.user_id


def _can_see(caller: Caller, order: Order) -> bool:
    return caller.may(Permission.SEE_ORDERS) or _is_owner(caller, order)


def _shortage(order: Order, key: str) -> RuleViolation:
    """The error for an exhausted counter: a slot, a coupon, or the stock of an item."""
    stock_keys = [stock_key(line.item_id) for line in order.lines]
    if order.fulfilment.slot is not None and key == slot_key(order.fulfilment.slot):
        return RuleViolation("this time is fully booked; choose another one", field=SCHEDULED_FOR)
    if key not in stock_keys:
        return RuleViolation(f"the coupon {order.coupon} has been used up", field="coupon")
    number = stock_keys.index(key)
    reason = f"not enough {order.lines[number].name} left"
    return SoldOut(reason, field=f"items.{number}.quantity")
