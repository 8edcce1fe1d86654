"""The contract of `Orders` about money."""

from __future__ import annotations

from dinerapp.ordering.domain.orders import Order
from dinerapp.ordering.domain.payments import Method, Payment, PaymentStatus
from dinerapp.replication.identity import new_id
from tests.contracts.over import over_what_answers_questions
from tests.contracts.samples import Repositories, identical
from tests.factories import at, order, payment

TILL = new_id()


def paid(repositories: Repositories, *payments: Payment) -> Order:
    """An order of 8.50, with these payments one after the other."""
    record: Order = repositories.orders.save(order())
    for number, one in enumerate(payments):
        book = Order.with_refund if one.refund_of else Order.with_payment
        record = repositories.orders.save(book(record, one, at(number + 1)))
    return record


@over_what_answers_questions
class TestPayments:
    """What was paid comes back as it was, and tills know what went through them."""

    def test_payments_come_back_as_they_were(self, repositories: Repositories) -> None:
        card = payment(
            400, method=Method.CARD, tip=50, reference="T-1", line_ids=("a", "b"), at=at(0.123)
        )
        cash = payment(500, given=1000, change=500, till_id=TILL)
        back = payment(-200, refund_of=cash.id, reason="it was cold")
        record = paid(repositories, card, cash, back)
        assert record.payments == (card, cash, back)
        assert record.payment_status is PaymentStatus.PARTLY_REFUNDED
        assert (record.tip, record.total, record.outstanding) == (50, 900, 200)
        assert identical(repositories.orders.get(record.id), record)

    def test_a_till_knows_what_went_through_it(self, repositories: Repositories) -> None:
        first = payment(850, till_id=TILL)
        paid(repositories, first, payment(-50, refund_of=first.id, till_id=TILL))
        paid(repositories, payment(300, method=Method.CARD, till_id=TILL), payment(200))
        paid(repositories, payment(850, till_id=new_id()))
        assert repositories.orders.taken(TILL) == {"cash": 800, "card": 300}

    def test_nothing_went_through_a_till_nobody_has_used(self, repositories: Repositories) -> None:
        paid(repositories, payment(850))
        assert repositories.orders.taken(TILL) == {}
        assert repositories.orders.taken("\0") == {}
