"""Two orders on one bill, whatever two databases did while they were cut off from each other."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

from dinerapp.ordering.domain.order_merge import CANCELLED_AND_MERGED
from dinerapp.ordering.domain.orders import Fulfilment, FulfilmentType, Status
from dinerapp.ordering.services.bills import BillService
from dinerapp.replication.conflicts import ConflictState
from dinerapp.replication.errors import RuleViolation
from dinerapp.replication.identity import Operation, new_op_id
from dinerapp.replication.merge import MergePolicy
from dinerapp.replication.replicator import Replicator
from tests.contracts.conftest import compose_stores
from tests.contracts.samples import Stores, scan_all
from tests.factories import at, order, payment

HERE = Fulfilment(type=FulfilmentType.DINE_IN, table="12")


@pytest.fixture
def seated(postgresql: Stores, mongodb: Stores) -> list[Any]:
    """Three orders of a table, of 8.50 each, oldest first; both databases have them."""
    made = [
        postgresql.orders.save(order(fulfilment=HERE, created_at=at(number))) for number in range(3)
    ]
    mongodb.orders.deliver(made)
    return made


def bills(stores: Stores) -> BillService:
    return BillService(stores.orders)


def merge(stores: Stores, target: Any, other: Any) -> Any:
    return bills(stores).merge(target.id, Operation.without_key(), other.id).record


def meet(one: Stores, other: Stores) -> list[str]:
    """Each learns of what the other did, and followers follow, until nothing is new; the reasons
    of what was filed."""
    both = compose_stores(one, other)
    replicator = Replicator(MergePolicy(), save_conflict=lambda each: both.conflicts.save(each))
    for _ in range(6):
        before = scan_all(one.orders), scan_all(other.orders)
        replicator.replicate(before[0], one.orders, other.orders)
        replicator.replicate(scan_all(other.orders), other.orders, one.orders)
        for stores in (one, other):
            bills(stores).follow(scan_all(stores.orders))
        if (scan_all(one.orders), scan_all(other.orders)) == before:
            break
    assert scan_all(one.orders) == scan_all(other.orders)
    return [each.reason for each in both.conflicts.page(ConflictState.OPEN, None, 50).items]


def owed(stores: Stores, record: Any) -> int:
    """What is to be paid with this order."""
    amount: int = stores.orders.get(record.id).outstanding
    return amount


def test_the_same_merge_on_both_sides_is_one(
    postgresql: Stores, mongodb: Stores, seated: list[Any]
) -> None:
    first, second, _ = seated
    merge(postgresql, first, second)
    merge(mongodb, first, second)
    assert meet(postgresql, mongodb) == []
    assert owed(mongodb, first) == 1700
    assert [part.order_id for part in mongodb.orders.get(first.id).seating.on_bill] == [second.id]


def test_a_merge_that_died_half_way_is_finished_by_the_follower(
    postgresql: Stores, seated: list[Any]
) -> None:
    first, second, _ = seated
    postgresql.orders.save(second.onto_bill(first, op_id=new_op_id(), now=at(9)))
    assert owed(postgresql, first) == 850
    for _ in range(2):
        bills(postgresql).follow(scan_all(postgresql.orders))
        assert owed(postgresql, first) == 1700


def test_a_merge_that_is_refused_after_its_first_half_is_undone(
    postgresql: Stores, seated: list[Any]
) -> None:
    first, second, _ = seated
    half = postgresql.orders.save(second.onto_bill(first, op_id=new_op_id(), now=at(9)))
    gone = first.with_status(
        Status.CANCELLED, actor="a", reason=None, op_id=new_op_id(), now=at(10)
    )
    postgresql.orders.save(gone)
    with pytest.raises(RuleViolation):
        merge(postgresql, first, half)
    assert postgresql.orders.get(second.id).seating.merged_into is None
    bills(postgresql).follow(scan_all(postgresql.orders))
    assert postgresql.orders.get(first.id).seating.on_bill == ()


def test_money_taken_on_one_side_while_the_other_merged_is_counted_once(
    postgresql: Stores, mongodb: Stores, seated: list[Any]
) -> None:
    first, second, _ = seated
    merge(postgresql, first, second)
    mongodb.orders.save(
        second.with_payment(payment(300, till_id="t", op_id=new_op_id(), at=at(8)), at(8))
    )
    assert meet(postgresql, mongodb) == []
    assert owed(postgresql, first) == 1400
    for stores in (postgresql, mongodb):
        assert sum(stores.orders.taken("t").values()) == 300


def test_orders_put_on_each_others_bills_are_one_bill_of_the_older_one(
    postgresql: Stores, mongodb: Stores, seated: list[Any]
) -> None:
    first, second, _ = seated
    merge(postgresql, first, second)
    merge(mongodb, second, first)
    meet(postgresql, mongodb)
    older, newer = sorted((first.id, second.id))
    assert mongodb.orders.get(older).seating.merged_into is None
    assert mongodb.orders.get(newer).seating.merged_into == older
    assert mongodb.orders.get(older).outstanding == 1700
    assert mongodb.orders.get(newer).seating.on_bill == ()


def test_an_order_put_on_two_bills_is_a_conflict_and_on_one_bill_in_the_end(
    postgresql: Stores, mongodb: Stores, seated: list[Any]
) -> None:
    first, second, third = seated
    merge(postgresql, first, second)
    merge(mongodb, third, second)
    assert "put on the bills of two orders" in meet(postgresql, mongodb)
    target = postgresql.orders.get(second.id).seating.merged_into
    assert target in (first.id, third.id)
    expected = {first.id: 850, third.id: 850, target: 1700}
    assert {each.id: owed(mongodb, each) for each in (first, third)} == expected


def test_a_cancellation_meets_a_merge_as_a_conflict(
    postgresql: Stores, mongodb: Stores, seated: list[Any]
) -> None:
    first, second, _ = seated
    merge(postgresql, first, second)
    gone = second.with_status(
        Status.CANCELLED, actor="a", reason=None, op_id=new_op_id(), now=at(10)
    )
    mongodb.orders.save(gone)
    [reason] = meet(postgresql, mongodb)
    assert reason == CANCELLED_AND_MERGED
    assert owed(postgresql, first) == 850


@pytest.mark.parametrize("both", [False, True])
def test_a_move_survives_a_step_and_two_moves_are_a_conflict(
    postgresql: Stores, mongodb: Stores, seated: list[Any], both: bool
) -> None:
    first = seated[0]
    postgresql.orders.save(first.at_table("13", op_id=new_op_id(), now=at(5)))
    if both:
        mongodb.orders.save(first.at_table("14", op_id=new_op_id(), now=at(6)))
    else:
        mongodb.orders.save(
            first.with_status(
                Status.CONFIRMED, actor="a", reason=None, op_id=new_op_id(), now=at(6)
            )
        )
    assert len(meet(postgresql, mongodb)) == both
    merged = mongodb.orders.get(first.id)
    assert merged.fulfilment.table in (("13", "14") if both else ("13",))
    assert merged.status is (Status.PENDING if both else Status.CONFIRMED)


def test_split_and_merged_anew_on_the_other_side_ends_on_one_bill(
    postgresql: Stores, mongodb: Stores, seated: list[Any]
) -> None:
    first, second, third = seated
    merge(postgresql, first, second)
    meet(postgresql, mongodb)
    bills(postgresql).split(second.id, Operation.without_key())
    merge(postgresql, third, second)
    with suppress(RuleViolation):
        merge(mongodb, first, second)
    assert meet(postgresql, mongodb) == []
    assert [owed(mongodb, each) for each in (first, third)] == [850, 1700]
