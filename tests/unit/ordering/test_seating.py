"""Tables and bills of orders, whatever two stores did with them."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from dinerapp.ordering.domain.order_merge import ORDERS
from dinerapp.ordering.domain.orders import Fulfilment, FulfilmentType, Status
from dinerapp.replication.errors import RuleViolation
from dinerapp.replication.version import StoreId
from tests.factories import at, order
from tests.unit.replication.test_merging import TwoStores, histories, order_changes

P, M, _ = StoreId
HERE = Fulfilment(type=FulfilmentType.DINE_IN, table="12")
SEATED = order(op_id="f" * 32, fulfilment=HERE)
OTHERS = [order(fulfilment=HERE) for _ in range(2)]
PARTS = [
    made
    for other in OTHERS
    for made in (other.as_accepted_by(P), other.onto_bill(SEATED, op_id="e" * 32, now=at(1)))
]


@st.composite
def seating_changes(draw: st.DrawFn, record: Any, number: int) -> Any:
    """To another table, onto a bill, off it, or with another order on its own."""
    if not draw(st.integers(0, 2)):
        try:
            return draw(order_changes(record, number))
        except RuleViolation:  # Not while it is on one bill with another one.
            return record
    op_id, now = f"{number:032x}", at(draw(st.integers(0, 20)))
    done = {"op_id": op_id, "now": now}
    if record.status in (Status.COMPLETED, Status.CANCELLED):
        return record.with_part(draw(st.sampled_from(PARTS)), **done)
    match draw(st.sampled_from(["move", "merge", "split", "part"])):
        case "move":
            return record.at_table(draw(st.sampled_from(["12", "13"])), **done)
        case "merge" if record.seating.merged_into is None and record.fulfilment.table == "12":
            return record.onto_bill(draw(st.sampled_from(OTHERS)), **done)
        case "split":
            return record.off_bill(**done)
    return record.with_part(draw(st.sampled_from(PARTS)), **done)


seating_histories = histories(ORDERS, SEATED, seating_changes)


@settings(max_examples=300)
@given(seating_histories)
def test_stores_that_exchange_their_states_end_with_equal_orders(stores: TwoStores) -> None:
    stores.assert_convergence()


@settings(max_examples=300)
@given(seating_histories)
def test_every_bill_an_order_was_on_is_remembered_and_every_part_known(stores: TwoStores) -> None:
    stores.exchange(M)
    seating = stores.held[P].seating
    for state in stores.accepted:
        assert {*state.seating.former} <= {*seating.former}
        known = {part.order_id: part.revision for part in seating.parts}
        assert all(part.revision <= known[part.order_id] for part in state.seating.parts)
    assert seating.merged_into is None or seating.merged_into in seating.former


@settings(max_examples=300)
@given(seating_histories)
def test_a_move_is_kept_or_reported(stores: TwoStores) -> None:
    stores.exchange(P)
    end = stores.held[P]
    for state in stores.accepted:
        followed = any(
            later is not state and later.version != state.version and later.includes(state)
            for later in [*stores.accepted, *stores.lost]
        )
        reported = any(lost.includes(state) for lost in stores.lost)
        moved_on = {*state.seating.moves} < {*end.seating.moves}
        kept = state.fulfilment.table == end.fulfilment.table
        assert followed or reported or kept or moved_on
