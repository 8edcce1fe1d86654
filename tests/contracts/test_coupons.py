"""The contract of `Coupons`: what it asks beyond the common base, and how often one is used."""

from __future__ import annotations

import pytest

from dinerapp.ordering.domain.billing import BillingTerms
from dinerapp.ordering.domain.coupons import coupon_key
from dinerapp.ordering.domain.orders import Status
from dinerapp.replication.errors import Exhausted, NotFound
from dinerapp.replication.identity import new_op_id
from tests.contracts.over import over_what_answers_questions
from tests.contracts.samples import Repositories, all_pages, ids
from tests.factories import at, coupon, order


@over_what_answers_questions
class TestCoupons:
    """Coupons by code, in pages, and counted."""

    def test_a_coupon_is_found_by_its_code(self, repositories: Repositories) -> None:
        saved = [repositories.coupons.save(coupon()) for _ in range(3)]
        assert repositories.coupons.by_code(saved[1].code) == saved[1]

    @pytest.mark.parametrize("code", ["", "NOBODYS", "\0", "\ud800", "x" * 10_000])
    def test_a_code_nobody_has_is_not_found(self, repositories: Repositories, code: str) -> None:
        with pytest.raises(NotFound):
            repositories.coupons.by_code(code)

    def test_a_deleted_coupon_is_not_found(self, repositories: Repositories) -> None:
        saved = repositories.coupons.save(coupon())
        repositories.coupons.delete(saved.with_changes(op_id=new_op_id(), now=at(1)))
        with pytest.raises(NotFound):
            repositories.coupons.by_code(saved.code)

    def test_pages_hold_every_coupon_once(self, repositories: Repositories) -> None:
        saved = [repositories.coupons.save(coupon(created_at=at(n))) for n in range(5)]
        assert ids(all_pages(repositories.coupons.page, 2)) == ids(saved[::-1])
        assert repositories.coupons.page(None, 10).next_cursor is None

    def test_a_coupon_is_used_as_often_as_it_may_be(self, repositories: Repositories) -> None:
        once = repositories.coupons.save(coupon(max_uses=1))
        terms = BillingTerms(discount=once.discount(850, at()))
        first = repositories.orders.save(order(terms=terms))
        with pytest.raises(Exhausted) as refused:
            repositories.orders.save(order(terms=terms))
        key = coupon_key(once.id)
        assert refused.value.key == key
        assert repositories.orders.usage([key])[key].reserved == 1
        repositories.orders.save(
            first.with_status(
                Status.CANCELLED, actor="a", reason=None, op_id=new_op_id(), now=at(2)
            )
        )
        repositories.orders.save(order(terms=terms))
        assert repositories.orders.usage([key])[key].reserved == 1
