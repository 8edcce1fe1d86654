"""Which role may take which step of an order.

The cancel route also goes by Permission.CANCEL_ORDERS, and lets owners.
"""

from __future__ import annotations

from collections.abc import Mapping

from dinerapp.accounts.domain.permissions import Caller, Role
from dinerapp.ordering.domain.orders import Status

STEPS_BY_ROLE: Mapping[Role, frozenset[Status]] = {
    Role.CUSTOMER: frozenset(),
    Role.WAITER: frozenset(Status),
    Role.CHEF: frozenset({Status.PREPARING, Status.READY}),
    Role.CASHIER: frozenset({Status.CONFIRMED, Status.COMPLETED, Status.CANCELLED}),
    Role.MANAGER: frozenset(Status),
    Role.ADMIN: frozenset(Status),
}
"""The steps that each role may take."""


def may_take_step(caller: Caller, status: Status) -> bool:
    """Whether the caller's role may take the step to this status."""
    return caller.role is not None and status in STEPS_BY_ROLE[caller.role]
