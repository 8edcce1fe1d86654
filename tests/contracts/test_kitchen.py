"""The contract of `Orders` about kitchen tickets."""

from __future__ import annotations

from typing import Any

from dinerapp.ordering.domain.orders import Order, Status
from dinerapp.ordering.domain.tickets import Ticket, TicketStatus
from dinerapp.replication.identity import new_op_id
from tests.contracts.over import over_what_answers_questions
from tests.contracts.samples import Repositories, ids
from tests.factories import at, line, order


def fired(repositories: Repositories, *stations: str, **fields: Any) -> Order:
    """A confirmed order with a ticket for each station."""
    lines = tuple(line(station=station, name=f"at {station}") for station in stations)
    placed = order(order_lines=lines, **fields)
    confirmed = placed.with_status(
        Status.CONFIRMED, actor="ada", reason=None, op_id=new_op_id(), now=placed.created_at
    )
    kept: Order = repositories.orders.save(confirmed)
    return kept


def bumped(repositories: Repositories, record: Order, *tickets: Ticket) -> Order:
    done = record.with_ticket_step(
        [ticket.id for ticket in tickets], Ticket.as_bumped, op_id=new_op_id(), now=at(9)
    )
    kept: Order = repositories.orders.save(done)
    return kept


@over_what_answers_questions
class TestTickets:
    """What is to be made."""

    def test_nothing_is_to_be_made_at_first(self, repositories: Repositories) -> None:
        repositories.orders.save(order())
        assert list(repositories.orders.in_kitchen(None, 10)) == []

    def test_orders_with_open_tickets_come_oldest_first(self, repositories: Repositories) -> None:
        made = [fired(repositories, "grill", created_at=at(n)) for n in (2, 0, 1)]
        found = repositories.orders.in_kitchen(None, 10)
        assert list(found) == sorted(made, key=lambda each: each.created_at)
        assert ids(repositories.orders.in_kitchen(None, 2)) == ids(found[:2])

    def test_a_station_sees_the_orders_that_wait_for_it(self, repositories: Repositories) -> None:
        both = fired(repositories, "grill", "bar", created_at=at(1))
        grill = fired(repositories, "grill", created_at=at(2))
        assert ids(repositories.orders.in_kitchen("grill", 10)) == ids([both, grill])
        assert ids(repositories.orders.in_kitchen("bar", 10)) == ids([both])
        assert list(repositories.orders.in_kitchen("cellar", 10)) == []
        assert list(repositories.orders.in_kitchen("\0", 10)) == []

    def test_what_is_done_is_not_seen_any_more_until_it_is_recalled(
        self, repositories: Repositories
    ) -> None:
        both = fired(repositories, "grill", "bar")
        grill, bar = sorted(both.tickets, key=lambda ticket: ticket.station, reverse=True)
        without_grill = bumped(repositories, both, grill)
        assert list(repositories.orders.in_kitchen("grill", 10)) == []
        assert ids(repositories.orders.in_kitchen(None, 10)) == ids([both])
        done = bumped(repositories, without_grill, bar)
        assert list(repositories.orders.in_kitchen(None, 10)) == []
        recalled = done.with_ticket_step(
            [bar.id], Ticket.as_recalled, op_id=new_op_id(), now=at(20)
        )
        assert repositories.orders.save(recalled).tickets == recalled.tickets
        assert ids(repositories.orders.in_kitchen("bar", 10)) == ids([both])

    def test_a_cancelled_order_is_not_made(self, repositories: Repositories) -> None:
        record = fired(repositories, "grill")
        gone = record.with_status(
            Status.CANCELLED, actor="ada", reason=None, op_id=new_op_id(), now=at(5)
        )
        kept = repositories.orders.save(gone)
        assert [ticket.status for ticket in kept.tickets] == [TicketStatus.VOID]
        assert list(repositories.orders.in_kitchen(None, 10)) == []
