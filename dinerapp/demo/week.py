"""Seeds the orders of the last week, and the tills of their payments.

A second run adds what is missing of the same week, and does not restore what was deleted.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from dinerapp.demo.arrivals import Arrivals
from dinerapp.demo.order_generator import NEWEST_NUMBER, OrderGenerator
from dinerapp.demo.progress import ProgressCallback
from dinerapp.demo.restaurant import Restaurant
from dinerapp.ordering.domain.hours import Calendar
from dinerapp.ordering.domain.orders import Order
from dinerapp.ordering.domain.payments import Payment
from dinerapp.ordering.domain.tills import Till
from dinerapp.ordering.ports.orders import Orders
from dinerapp.ordering.ports.tills import Tills
from dinerapp.ordering.services.till import TillService
from dinerapp.ordering.signals import menu_changed
from dinerapp.replication.errors import NotFound, RecordRejection, Rejection
from dinerapp.replication.identity import Operation
from dinerapp.replication.ports.repository import Repository
from dinerapp.replication.record import Record
from dinerapp.replication.saving import WriteResult, save_idempotently
from dinerapp.replication.signals import announce

R = TypeVar("R", bound=Record)

ORDER_COUNT = 210
SCOPE = "demo order"
_DAY_COUNT, _GUEST_COUNT = 7, 40
_OPENING_CASH, _CASH_SHORTAGE, _SHORTAGE_DAYS_AGO = 20_000, 150, 3
_OPENS_BEFORE, _CLOSES_AFTER = timedelta(minutes=45), timedelta(minutes=15)


class WeekSeeder:
    """Seeds one week of a restaurant."""

    def __init__(
        self, restaurant: Restaurant, orders: Orders, tills: Tills, till_service: TillService
    ) -> None:
        self._restaurant = restaurant
        self._orders = orders
        self._tills = tills
        self._till_service = till_service

    def seed(self, now: datetime, progress: ProgressCallback, count: int = ORDER_COUNT) -> int:
        """Adds the missing ones of `count` orders, and returns how many it added. The week ends at
        `now`, or at the time of the first run."""
        if not self._restaurant.menu:
            return 0
        first = _save_once(self._orders, self._order_generator(now).order(NEWEST_NUMBER))
        end = now if first is None else first.record.created_at
        generator, results = self._order_generator(end), [first]
        for number in range(1, count):
            results.append(_save_once(self._orders, generator.order(number)))
            progress(number + 1, count)
        saved = [result for result in results if result is not None]
        self._add_tills(end, [result.record for result in saved])
        added = sum(result.changed for result in saved)
        if added:
            # The remaining stock of items has changed, so caches of the menu have to reload.
            item = next(iter(self._restaurant.menu.values()))
            announce(menu_changed, self, item=item)
        return added

    def _order_generator(self, now: datetime) -> OrderGenerator:
        calendar = self._restaurant.calendar
        arrivals = Arrivals(calendar, now, _DAY_COUNT)
        till_at = _TillSchedule(calendar, now)
        return OrderGenerator(
            SCOPE, self._restaurant, arrivals, _GUEST_COUNT, lambda at: till_at(at).record_id
        )

    def _add_tills(self, now: datetime, orders: Sequence[Order]) -> None:
        till_at = _TillSchedule(self._restaurant.calendar, now)
        living = [order for order in orders if not order.deleted]
        for days_ago in range(_DAY_COUNT + 2):
            operation = till_at.days_ago(days_ago)
            payments = [p for o in living for p in o.payments if p.till_id == operation.record_id]
            if payments:
                _save_once(self._tills, self._build_till(days_ago, operation, payments, now))

    def _build_till(
        self, days_ago: int, operation: Operation, payments: Sequence[Payment], now: datetime
    ) -> Till:
        times = sorted(payment.at for payment in payments)
        opened, last = times[0] - _OPENS_BEFORE, times[-1]
        till = Till(
            id=operation.record_id,
            op_id=operation.op_id,
            created_at=opened,
            updated_at=opened,
            name="Front desk",
            opened_by=payments[0].actor,
            opening=_OPENING_CASH,
        )
        if not days_ago:
            return till
        expected, is_short = self._till_service.expected(till), days_ago == _SHORTAGE_DAYS_AGO
        return till.as_closed(
            by=payments[-1].actor,
            expected=expected,
            counted=expected - _CASH_SHORTAGE if is_short else expected,
            notes="counted twice" if is_short else None,
            op_id=operation.op_id,
            now=min(last + _CLOSES_AFTER, now),
        )


class _TillSchedule:
    """The till that is open at a moment: there is one for each business day until now."""

    def __init__(self, calendar: Calendar, now: datetime) -> None:
        self._calendar = calendar
        self._today = calendar.business_day(now)

    def __call__(self, moment: datetime) -> Operation:
        return self.days_ago((self._today - self._calendar.business_day(moment)).days)

    def days_ago(self, number: int) -> Operation:
        return Operation.from_key("demo till", str(number), b"")


def _save_once(repository: Repository[R], record: R) -> WriteResult[R] | None:
    """The current record, saved by this or an earlier run, even if it was deleted since; None if it
    cannot be saved, for example because a dish is sold out."""
    try:
        return save_idempotently(repository.save, record)
    except NotFound as exc:
        return None if exc.tombstone is None else WriteResult(exc.tombstone, changed=False)
    except RecordRejection as exc:
        return WriteResult(exc.stored, changed=False)
    except Rejection:
        return None
