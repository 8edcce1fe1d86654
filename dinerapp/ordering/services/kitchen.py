"""Use cases for kitchen tickets."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from dinerapp.ordering.domain.orders import Order
from dinerapp.ordering.domain.tickets import Ticket
from dinerapp.ordering.ports.orders import Orders
from dinerapp.ordering.signals import tickets_changed
from dinerapp.replication.errors import NotFound
from dinerapp.replication.identity import Operation
from dinerapp.replication.record import utc_now
from dinerapp.replication.saving import WriteResult, update_and_confirm
from dinerapp.replication.signals import announce

MAX_ORDERS = 200

TICKET_STEPS: Mapping[str, Callable[[Ticket, datetime], Ticket]] = {
    "accept": Ticket.as_accepted,
    "bump": Ticket.as_bumped,
    "recall": Ticket.as_recalled,
}


@dataclass(frozen=True, slots=True)
class KitchenBoard:
    """The orders that a station sees, with its tickets."""

    orders: Sequence[tuple[Order, Sequence[Ticket]]]


class KitchenService:
    """Use cases for tickets."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders

    def board(self, station: str | None) -> KitchenBoard:
        """Orders with open tickets, oldest first."""
        orders = self._orders.in_kitchen(station, MAX_ORDERS)
        return KitchenBoard([(order, _open_tickets(order, station)) for order in orders])

    def step(
        self, order_id: str, ticket_ids: Collection[str], verb: str, operation: Operation
    ) -> WriteResult[Order]:
        """Takes one of TICKET_STEPS on tickets of one order; on all of them or on none."""

        def change(order: Order) -> Order:
            _require_tickets(order, ticket_ids)
            return order.with_ticket_step(
                ticket_ids, TICKET_STEPS[verb], op_id=operation.op_id, now=utc_now()
            )

        result = update_and_confirm(self._orders, order_id, operation.op_id, change)
        if result.changed:
            announce(tickets_changed, self, order=result.record)
        return result


def _open_tickets(order: Order, station: str | None) -> list[Ticket]:
    return [t for t in order.tickets if t.is_open and station in (None, t.station)]


def _require_tickets(order: Order, ticket_ids: Collection[str]) -> None:
    known = {ticket.id for ticket in order.tickets}
    for ticket_id in ticket_ids:
        if ticket_id not in known:
            raise NotFound("tickets", ticket_id)
