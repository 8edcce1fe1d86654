from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dinerapp.ordering.domain.customers import CUSTOMERS, blank
from dinerapp.ordering.domain.erasure import anonymise
from dinerapp.ordering.domain.menu import MENU_ITEMS, MenuItem
from dinerapp.ordering.domain.order_merge import ORDERS
from dinerapp.ordering.domain.orders import CHANGEABLE_STATUSES, STEPS, OrderContact, Status
from dinerapp.replication import codec
from dinerapp.replication.identity import Operation, new_id, new_op_id
from dinerapp.replication.kind import Kind, MergeResult, merge_by_policy
from dinerapp.replication.merge import MergePolicy, merge_states
from dinerapp.replication.record import AppliedOperation, Record
from dinerapp.replication.version import StoreId
from dinerapp.runtime.registry import PORTS
from tests.contracts.samples import SAMPLES
from tests.factories import at, customer, line, menu_item, order, other_store, payment
from tests.unit.strategies import databases, menu_items, messages, orders, reads, states_of, users

P, M, N = StoreId
POLICIES = [MergePolicy(), MergePolicy("last_write_wins"), MergePolicy(priority={P: 1, M: 3, N: 2})]
policies = st.sampled_from(POLICIES)
ONE_ID = new_id()
OWN_STATES = {
    "menu_items": menu_items(id=ONE_ID),
    "orders": orders(id=ONE_ID),
    "users": users(id=ONE_ID),
    "direct_messages": messages(id=ONE_ID),
    "channel_messages": messages(id=ONE_ID),
    "reads": reads(id=ONE_ID),
}
"""States that differ in what the kind's rule looks at; those of other kinds differ in a text."""
STATES = {
    sample.name: OWN_STATES.get(sample.name, states_of(sample, sample.make(id=ONE_ID)))
    for sample in SAMPLES
}
RULED = [name for name, port in PORTS.items() if port.kind.merge is not merge_by_policy]
UNTOLD = {
    "users", "carts", "conversations", "direct_messages", "channel_messages", "reads",
    "deliveries",
}  # fmt: skip
"""Kinds whose rule decides without anybody being told what lost."""


def both_stores_come_to_the_same_state(
    kind: Kind[Any], one: Any, other: Any, policy: MergePolicy
) -> None:
    assert merge_states(kind, one, other, policy) == merge_states(kind, other, one, policy)


def a_state_meeting_itself_stays_as_it_is(
    kind: Kind[Any], one: Any, other: Any, policy: MergePolicy
) -> None:
    assert merge_states(kind, one, replace(one), policy) == MergeResult(one)
    merged = merge_states(kind, one, other, policy).record
    assert merge_states(kind, merged, replace(merged), policy) == MergeResult(merged)


def the_merged_state_covers_both(
    kind: Kind[Any], one: Any, other: Any, policy: MergePolicy
) -> None:
    merged = merge_states(kind, one, other, policy).record
    assert merged.version == one.version.merged(other.version)
    assert merged.updated_at in (one.updated_at, other.updated_at)
    assert merged.created_at == min(one.created_at, other.created_at)


def a_deletion_wins_over_a_concurrent_change(
    kind: Kind[Any], one: Any, other: Any, policy: MergePolicy
) -> None:
    gone, kept = replace(one, deleted=True), replace(other, deleted=False)
    if not (gone.includes(kept) or kept.includes(gone)):
        merge = merge_states(kind, gone, kept, policy)
        assert merge.record.deleted
        assert merge.loser == kept


def what_loses_is_reported_unless_the_winner_includes_it(
    kind: Kind[Any], one: Any, other: Any, policy: MergePolicy
) -> None:
    if kind.name in UNTOLD or (one.deleted and other.deleted):
        return
    merge = merge_states(kind, one, other, policy)
    said = outside_of_progress(merge.record)
    for state, opponent in ((one, other), (other, one)):
        said_anyway = outside_of_progress(state) == said
        assert said_anyway or merge.loser == state or opponent.includes(state)
    if merge.loser is not None:
        assert merge.reason


PROMISES = (
    both_stores_come_to_the_same_state,
    a_state_meeting_itself_stays_as_it_is,
    the_merged_state_covers_both,
    a_deletion_wins_over_a_concurrent_change,
    what_loses_is_reported_unless_the_winner_includes_it,
)


@pytest.mark.parametrize("name", ["menu_items", *RULED])
@settings(max_examples=200)
@given(data=st.data(), policy=policies)
def test_what_becomes_of_two_states(name: str, data: Any, policy: MergePolicy) -> None:
    """All promises about one pair: to make pairs up takes longer than to look at them."""
    kind, states = PORTS[name].kind, STATES[name]
    one, other = data.draw(states), data.draw(states)
    for promise in PROMISES:
        promise(kind, one, other, policy)


def test_a_rule_of_a_kind_is_never_asked_about_tombstones() -> None:
    kind = Kind("menu_items", MenuItem, merge=no_rule)
    base = menu_item().as_accepted_by(P)
    ours = replace(base, price=1, deleted=True, op_id="ours").as_accepted_by(P)
    theirs = replace(base, price=2, deleted=True, op_id="theirs").as_accepted_by(M)
    merge = merge_states(kind, ours, theirs, MergePolicy())
    assert merge.record.deleted
    assert merge.loser is None


def test_an_operation_tried_on_both_stores_is_no_conflict() -> None:
    record = menu_item()
    merge = merge_states(
        MENU_ITEMS, record.as_accepted_by(P), record.as_accepted_by(M), MergePolicy()
    )
    assert merge.loser is None
    assert merge.record.version == record.as_accepted_by(P).as_accepted_by(M).version
    assert merge.record.has_applied(record.op_id)


@pytest.mark.parametrize("more", [1, 2, 3])
def test_an_operation_tried_on_both_stores_is_no_conflict_after_later_writes_on_one(
    more: int,
) -> None:
    record = menu_item()
    first, second = record.as_accepted_by(P), record.as_accepted_by(M)
    for number in range(more):
        first = first.with_changes(
            op_id=f"{number}" * 32, now=at(number), price=number
        ).as_accepted_by(P)
    for stored, incoming in ((first, second), (second, first)):
        merge = merge_states(MENU_ITEMS, stored, incoming, MergePolicy())
        assert merge.loser is None
        assert merge.record.price == more - 1


def test_one_request_tried_twice_with_other_results_keeps_the_later_and_reports_the_other() -> None:
    one = menu_item(id=ONE_ID, op_id="o" * 32, price=1, updated_at=at(1)).as_accepted_by(P)
    other = menu_item(id=ONE_ID, op_id="o" * 32, price=2, updated_at=at(2)).as_accepted_by(M)
    merge = merge_states(MENU_ITEMS, one, other, MergePolicy(priority={P: 9, M: 1, N: 1}))
    assert merge.record.price == 2
    assert merge.loser == one


def test_another_result_of_a_request_is_reported_when_one_of_them_has_gone_on() -> None:
    """Both tries priced the order from menus of different age; one of the two was then moved."""
    operation = Operation.from_key("guest", "key", b"body")
    here, there = (
        order(
            id=ONE_ID,
            op_id=operation.op_id_with_outcome(price),
            order_lines=(line(id=operation.child_id("line 0"), unit_price=price),),
        ).as_accepted_by(place)
        for place, price in ((P, 5056), (M, 4645))
    )
    moved = there.with_status(
        Status.CONFIRMED, actor="staff", reason=None, op_id=new_op_id(), now=at(5)
    ).as_accepted_by(M)
    for one, other in ((here, moved), (moved, here)):
        merge = merge_states(ORDERS, one, other, MergePolicy())
        assert merge.loser is not None
        assert {merge.record.total, merge.loser.total} == {5056, 4645}
        assert merge.record.status is Status.CONFIRMED


@pytest.mark.parametrize(
    ("policy", "price"), [(MergePolicy(), 1), (MergePolicy("last_write_wins"), 2)]
)
def test_the_policy_decides_where_nobody_knows_better(policy: MergePolicy, price: int) -> None:
    base = menu_item().as_accepted_by(P)
    noco = base.with_changes(op_id="n" * 32, now=at(1), price=1).as_accepted_by(N)
    mongo = base.with_changes(op_id="m" * 32, now=at(2), price=2).as_accepted_by(M)
    merge = merge_states(MENU_ITEMS, noco, mongo, policy)
    assert merge.record.price == price
    assert merge.loser == (mongo if price == 1 else noco)
    assert merge.reason.startswith(policy.name)


def test_the_later_write_wins_between_places_of_equal_priority() -> None:
    base = menu_item().as_accepted_by(P)
    early = base.with_changes(op_id="p" * 32, now=at(1), price=1).as_accepted_by(P)
    late = base.with_changes(op_id="m" * 32, now=at(2), price=2).as_accepted_by(M)
    assert merge_states(MENU_ITEMS, early, late, MergePolicy()).record.price == 2


@dataclass
class TwoStores:
    """A record in two stores that are now and then cut off, and states on their way."""

    kind: Kind[Any]
    policy: MergePolicy
    held: dict[StoreId, Any] = field(default_factory=dict)
    under_way: list[tuple[StoreId, Any]] = field(default_factory=list)
    lost: list[Any] = field(default_factory=list)
    accepted: list[Any] = field(default_factory=list)

    def readable(self, store_id: StoreId) -> bool:
        """Whether a caller could get the record there, to change it."""
        return store_id in self.held and not self.held[store_id].deleted

    def write(self, store_id: StoreId, record: Any) -> None:
        """What `accept` does."""
        held = self.held.get(store_id)
        if held is None or record.version.dominates(held.version):
            self.held[store_id] = record.as_accepted_by(store_id)
            self.accepted.append(self.held[store_id])

    def send(self, store_id: StoreId) -> None:
        if store_id in self.held:
            self.under_way.append((other_store(store_id), self.held[store_id]))

    def receive(self, store_id: StoreId, incoming: Any) -> None:
        """What `deliver` and the handover do."""
        held = self.held.get(store_id)
        if held is None or strictly_covers(incoming, held):
            self.held[store_id] = incoming
        elif incoming != held and not strictly_covers(held, incoming):
            merge = merge_states(self.kind, held, incoming, self.policy)
            self.held[store_id] = merge.record
            self.lost += [merge.loser] if merge.loser else []

    def exchange(self, first: StoreId, rounds: int = 4) -> None:
        """Ships both ways until nothing is new."""
        for _ in range(rounds):
            for place in (first, other_store(first)):
                if place in self.held:
                    self.receive(other_store(place), self.held[place])

    def assert_convergence(self) -> None:
        """Whichever store sends first, both end with one and the same record."""
        ends = []
        for first in (P, M):
            ended = self.copy()
            ended.exchange(first)
            assert ended.held[P] == ended.held[M]
            ends.append(ended.held[P])
        assert ends[0] == ends[1]

    def copy(self) -> TwoStores:
        return replace(
            self,
            held=dict(self.held),
            under_way=list(self.under_way),
            lost=list(self.lost),
            accepted=list(self.accepted),
        )


@st.composite
def histories(draw: st.DrawFn, kind: Kind[Any], base: Record, change: Any) -> TwoStores:
    """Writes on either side or tried on both, and deliveries that repeat and overtake."""
    stores = TwoStores(kind, draw(policies))
    stores.write(draw(databases), base)
    for number in range(draw(st.integers(1, 12))):
        place = draw(databases)
        match draw(st.sampled_from(["write", "write", "try both", "send", "receive"])):
            case "write" | "try both" as how if stores.readable(place):
                record = draw(change(stores.held[place], number))
                if record is stores.held[place]:
                    continue
                stores.write(place, record)
                if how == "try both":
                    stores.write(other_store(place), record)
            case "send":
                stores.send(place)
            case "receive" if stores.under_way:
                stores.receive(*draw(st.sampled_from(stores.under_way)))
    return stores


@st.composite
def item_changes(draw: st.DrawFn, record: Any, number: int) -> Any:
    """Another price, or a deletion."""
    fields: dict[str, Any] = {"price": draw(st.integers(0, 2))}
    fields["deleted"] = draw(st.integers(0, 9)) == 0
    return changed(record, number, draw(st.integers(0, 20)), **fields)


@st.composite
def order_changes(draw: st.DrawFn, record: Any, number: int) -> Any:
    """A step, a payment, or another note."""
    now, op_id = at(draw(st.integers(0, 20))), f"{number:032x}"
    match draw(st.sampled_from(["step", "payment", "notes"])):
        case "step" if STEPS[record.status]:
            status = draw(st.sampled_from(sorted(STEPS[record.status])))
            return record.with_status(status, actor="a", reason=None, op_id=op_id, now=now)
        case "payment" if record.outstanding > 0 and record.status is not Status.CANCELLED:
            amount = draw(st.integers(1, record.outstanding))
            return record.with_payment(payment(amount, id=op_id, op_id=op_id, at=now), now)
    return record.with_changes(op_id=op_id, now=now, notes=draw(st.sampled_from("abc")))


@st.composite
def order_changes_or_erasure(draw: st.DrawFn, record: Any, number: int) -> Any:
    """One of these, or the guest is to be forgotten."""
    if draw(st.integers(0, 3)):
        return draw(order_changes(record, number))
    now = at(draw(st.integers(0, 20)))
    return erased(record, anonymise(record, now), op_id=f"{number:032x}", now=now)


@st.composite
def order_changes_or_lines(draw: st.DrawFn, record: Any, number: int) -> Any:
    """One of these, or the guest wants something else too, or more or less of something."""
    is_changeable = record.status in CHANGEABLE_STATUSES and record.outstanding == record.total
    if not is_changeable or draw(st.booleans()):
        return draw(order_changes(record, number))
    known = draw(st.none() | st.sampled_from(record.lines))
    revised = (
        line(id=f"{number:08}", item_id="i")
        if known is None
        else known.with_quantity(known.quantity + 1)
    )
    now = at(draw(st.integers(0, 20)))
    return record.with_lines([revised], op_id=f"{number:032x}", now=now)


@st.composite
def customer_changes(draw: st.DrawFn, record: Any, number: int) -> Any:
    """One more order, other notes, or the guest is to be forgotten."""
    now, op_id = at(draw(st.integers(0, 20))), f"{number:032x}"
    match draw(st.sampled_from(["order", "notes", "erasure"])):
        case "order":
            placed = order(created_at=now, customer=OrderContact(name=f"{number}", phone="1"))
            return record.with_order(placed, "1", op_id=op_id, now=now)
        case "notes" if not record.is_erased:
            return record.with_changes(op_id=op_id, now=now, notes=draw(st.sampled_from("abc")))
    return erased(record, blank(record, now), op_id=op_id, now=now)


def erased(before: Any, left: Any, *, op_id: str, now: datetime) -> Any:
    """After an erasure; where there is nothing to erase it is no change."""
    return before if left is before else left.with_changes(op_id=op_id, now=now)


ITEM = menu_item(op_id="f" * 32)
ORDER = order(op_id="f" * 32)
GUEST = customer(op_id="f" * 32)
item_histories = histories(MENU_ITEMS, ITEM, item_changes)
order_histories = histories(ORDERS, ORDER, order_changes)
erased_histories = histories(ORDERS, ORDER, order_changes_or_erasure) | histories(
    CUSTOMERS, GUEST, customer_changes
)
revised_histories = histories(ORDERS, ORDER, order_changes_or_lines)
all_histories = item_histories | order_histories | erased_histories | revised_histories


@settings(max_examples=300)
@given(all_histories)
def test_stores_that_exchange_their_states_end_with_equal_records(stores: TwoStores) -> None:
    stores.assert_convergence()


@settings(max_examples=300)
@given(all_histories, st.data())
def test_late_deliveries_change_nothing_once_the_stores_agree(
    stores: TwoStores, data: st.DataObject
) -> None:
    for place, state in data.draw(st.permutations(stores.under_way)):
        stores.receive(place, state)
    stores.exchange(P)
    agreed = dict(stores.held)
    for place, state in stores.under_way:
        stores.receive(place, state)
        stores.receive(other_store(place), state)
    assert stores.held == agreed


@settings(max_examples=300)
@given(item_histories | order_histories)
def test_every_accepted_write_is_in_the_end_followed_reported_or_kept(stores: TwoStores) -> None:
    stores.exchange(P)
    end = stores.held[P]
    for state in stores.accepted:
        assert end.version.dominates(state.version)
        followed = any(
            later is not state and later.version != state.version and later.includes(state)
            for later in [*stores.accepted, *stores.lost]
        )
        reported = any(codec.content(lost) == codec.content(state) for lost in stores.lost)
        kept = outside_of_progress(state) == outside_of_progress(end)
        assert followed or reported or kept or end.deleted


@settings(max_examples=300)
@given(item_histories)
def test_a_record_that_was_deleted_anywhere_is_deleted_in_the_end(stores: TwoStores) -> None:
    stores.exchange(M)
    was_deleted = any(state.deleted for state in stores.accepted)
    assert stores.held[P].deleted == was_deleted


@settings(max_examples=300)
@given(histories(ORDERS, ORDER, order_changes_or_erasure))
def test_an_order_that_was_erased_anywhere_is_so_in_the_end(stores: TwoStores) -> None:
    stores.exchange(M)
    was_erased = any(state.erased_at for state in stores.accepted)
    assert (stores.held[P].erased_at is not None) == was_erased
    assert (stores.held[P].customer.name == "") == was_erased


@settings(max_examples=300)
@given(order_histories)
def test_neither_cancellation_nor_payment_is_lost_on_the_way(stores: TwoStores) -> None:
    stores.exchange(M)
    end = stores.held[P]
    if any(state.status is Status.CANCELLED for state in stores.accepted):
        assert end.status is Status.CANCELLED
    paid = {payment.id: payment for state in stores.accepted for payment in state.payments}
    assert {payment.id: payment for payment in end.payments} == paid
    assert end.outstanding == end.total - sum(payment.amount for payment in paid.values())
    fired = {ticket.id for state in stores.accepted for ticket in state.tickets}
    assert [ticket.id for ticket in end.tickets] == list(fired)
    steps = {(step.status, step.actor) for state in stores.accepted for step in state.history}
    assert {(step.status, step.actor) for step in end.history} == steps


@settings(max_examples=300)
@given(revised_histories)
def test_the_kitchen_is_told_of_every_line_whichever_side_it_was_added_on(
    stores: TwoStores,
) -> None:
    stores.exchange(M)
    end = stores.held[P]
    told = Counter[str]()
    for ticket in end.tickets:
        told[ticket.line_id] += ticket.quantity
    assert len({(ticket.line_id, ticket.revision) for ticket in end.tickets}) == len(end.tickets)
    if end.tickets:
        assert told == {line.id: line.quantity for line in end.lines}


def outside_of_progress(record: Any) -> dict[str, Any]:
    """What a record says, but for what an order's merge rule unites."""
    united = {"status", "payment_status", "history", "payments", "tickets"}
    return {name: value for name, value in codec.content(record).items() if name not in united}


def changed(record: Any, number: int, seconds: int, **fields: Any) -> Any:
    """One more operation."""
    return record.with_changes(op_id=f"{number:032x}", now=at(seconds), **fields)


def strictly_covers(one: Record, other: Record) -> bool:
    """Whether a store that holds the other takes the one without a thought."""
    return one.version != other.version and one.version.dominates(other.version)


def no_rule(one: Any, other: Any, policy: MergePolicy) -> MergeResult[Any]:
    """Fails whoever asks."""
    raise AssertionError(f"asked about {one} and {other}")


def test_steps_of_the_same_write_are_kept_once() -> None:
    first = menu_item().as_accepted_by(P)
    assert first.with_history_of(first).trail == (AppliedOperation(P, 1, first.op_id),)


def test_a_place_does_not_lose_to_its_own_earlier_write() -> None:
    base = menu_item().as_accepted_by(P)
    manager = changed(base, 1, 3, price=1).as_accepted_by(N)
    staff = changed(base, 2, 10, price=2).as_accepted_by(P)
    met = merge_states(MENU_ITEMS, manager, staff, MergePolicy()).record
    later = changed(manager, 3, 5, price=3).as_accepted_by(N)
    assert merge_states(MENU_ITEMS, met, later, MergePolicy()).record.price == 3
