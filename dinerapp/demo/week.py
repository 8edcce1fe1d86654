"""A week of orders before the present, and the tills their money went into.

Doing it again adds what is missing of the same week, and brings nothing back.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from dinerapp.demo.book import JUST_NOW, Book
from dinerapp.demo.house import House
from dinerapp.demo.rush import Rush
from dinerapp.demo.watching import Report
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
from dinerapp.replication.saving import Saved, saved
from dinerapp.replication.signals import announce

R = TypeVar("R", bound=Record)

ORDERS = 210
SCOPE = "demo order"
_DAYS, _GUESTS = 7, 40
_OPENING, _SHORT, _SHORT_DAY = 20_000, 150, 3
_BEFORE, _AFTER = timedelta(minutes=45), timedelta(minutes=15)


class Week:
    """The latest week of a house. `now` is when it is begun, if it was not begun earlier."""

    def __init__(self, house: House, orders: Orders, tills: Tills, till: TillService) -> None:
        self._house = house
        self._orders = orders
        self._tills = tills
        self._till = till

    def seed(self, now: datetime, report: Report, count: int = ORDERS) -> int:
        """Adds what is missing of so many orders, and says how many that were."""
        if not self._house.menu:
            return 0
        first = _kept(self._orders, self._book(now).order(JUST_NOW))
        begun = now if first is None else first.record.created_at
        book, kept = self._book(begun), [first]
        for number in range(1, count):
            kept.append(_kept(self._orders, book.order(number)))
            report(number + 1, count)
        self._add_tills(begun, [one.record for one in kept if one is not None])
        added = sum(one.changed for one in kept if one is not None)
        if added:
            # What is left of items is another number now, for everybody who keeps the menu ready.
            item = next(iter(self._house.menu.values()))
            announce(menu_changed, self, item=item)
        return added

    def _book(self, now: datetime) -> Book:
        calendar = self._house.calendar
        rush = Rush(calendar, now, _DAYS)
        till_at = _TillAt(calendar, now)
        return Book(SCOPE, self._house, rush, _GUESTS, lambda at: till_at(at).record_id)

    def _add_tills(self, now: datetime, orders: Sequence[Order]) -> None:
        till_at = _TillAt(self._house.calendar, now)
        living = [order for order in orders if not order.deleted]
        for days_ago in range(_DAYS + 2):
            operation = till_at.days_ago(days_ago)
            payments = [p for o in living for p in o.payments if p.till_id == operation.record_id]
            if payments:
                _kept(self._tills, self._till_of(days_ago, operation, payments, now))

    def _till_of(
        self, days_ago: int, operation: Operation, payments: Sequence[Payment], now: datetime
    ) -> Till:
        times = sorted(payment.at for payment in payments)
        opened, last = times[0] - _BEFORE, times[-1]
        till = Till(
            id=operation.record_id,
            op_id=operation.op_id,
            created_at=opened,
            updated_at=opened,
            name="Front desk",
            opened_by=payments[0].actor,
            opening=_OPENING,
        )
        if not days_ago:
            return till
        expected, is_short = self._till.expected(till), days_ago == _SHORT_DAY
        return till.closed(
            by=payments[-1].actor,
            expected=expected,
            counted=expected - _SHORT if is_short else expected,
            notes="counted twice" if is_short else None,
            op_id=operation.op_id,
            now=min(last + _AFTER, now),
        )


class _TillAt:
    """The till that is open at a moment: one for each business day until now."""

    def __init__(self, calendar: Calendar, now: datetime) -> None:
        self._calendar = calendar
        self._today = calendar.business_day(now)

    def __call__(self, moment: datetime) -> Operation:
        return self.days_ago((self._today - self._calendar.business_day(moment)).days)

    def days_ago(self, number: int) -> Operation:
        return Operation.keyed("demo till", str(number), b"")


def _kept(repository: Repository[R], record: R) -> Saved[R] | None:
    """The record as it is now, kept by this or an earlier try, even if it was removed since; None
    where it finds no place, for example because a dish is sold out."""
    try:
        return saved(repository.save, record)
    except NotFound as exc:
        return None if exc.gone is None else Saved(exc.gone, changed=False)
    except RecordRejection as exc:
        return Saved(exc.stored, changed=False)
    except Rejection:
        return None
