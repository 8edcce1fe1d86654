"""Kitchen tickets: one per revision of each line, so that a change sends only the difference."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from dinerapp.replication.errors import RuleViolation
from dinerapp.replication.identity import derived_id


class TicketStatus(StrEnum):
    """The status of a ticket, in the order of progress."""

    NEW = "new"
    ACCEPTED = "accepted"
    DONE = "done"
    VOID = "void"


OPEN_STATUSES = frozenset({TicketStatus.NEW, TicketStatus.ACCEPTED})
_STATUS_RANK = {status: rank for rank, status in enumerate(TicketStatus)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A quantity of one line, to be made or not to be made after all, at one station.

    `recalls` counts how often the ticket was recalled; of two states the one with more recalls is
    the later one.
    """

    id: str
    line_id: str
    revision: int
    station: str
    name: str
    quantity: int
    options: tuple[str, ...] = ()
    notes: str | None = None
    status: TicketStatus = TicketStatus.NEW
    recalls: int = 0
    fired_at: datetime
    accepted_at: datetime | None = None
    done_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        return self.status in OPEN_STATUSES

    def as_accepted(self, now: datetime) -> Ticket:
        """The ticket once work on it has begun; unchanged if it has."""
        if self.status is TicketStatus.ACCEPTED:
            return self
        self._require(TicketStatus.NEW, "accepted")
        return replace(self, status=TicketStatus.ACCEPTED, accepted_at=now)

    def as_bumped(self, now: datetime) -> Ticket:
        """The ticket once it has left the kitchen."""
        if self.status is TicketStatus.DONE:
            return self
        if not self.is_open:
            raise RuleViolation(f"a ticket that is {self.status} cannot be bumped")
        return replace(
            self,
            status=TicketStatus.DONE,
            accepted_at=self.accepted_at or now,
            done_at=now,
        )

    def as_recalled(self, _now: datetime) -> Ticket:
        """The ticket after it was bumped by mistake."""
        if self.status is TicketStatus.ACCEPTED and self.recalls:
            return self
        self._require(TicketStatus.DONE, "recalled")
        return replace(self, status=TicketStatus.ACCEPTED, done_at=None, recalls=self.recalls + 1)

    def as_voided(self) -> Ticket:
        """The ticket once it need not be made any more."""
        return replace(self, status=TicketStatus.VOID) if self.is_open else self

    def _require(self, status: TicketStatus, verb: str) -> None:
        if self.status is not status:
            raise RuleViolation(f"a ticket that is {self.status} cannot be {verb}")


def ticket_id(order_id: str, line_id: str, revision: int) -> str:
    """The id of a ticket, the same on every try and in both databases."""
    return derived_id("ticket", order_id, line_id, str(revision))


def merge_tickets(preferred: Sequence[Ticket], other: Sequence[Ticket]) -> tuple[Ticket, ...]:
    """Every ticket of both once, in the more advanced state."""
    by_id: dict[str, Ticket] = {}
    for ticket in (*preferred, *other):
        known = by_id.get(ticket.id)
        if known is None or _progress(ticket) > _progress(known):
            by_id[ticket.id] = ticket
    return tuple(sorted(by_id.values(), key=lambda t: (t.fired_at, t.id)))


def open_stations(tickets: Iterable[Ticket]) -> tuple[str, ...]:
    """The stations with open tickets."""
    return tuple(sorted({ticket.station for ticket in tickets if ticket.is_open}))


def _progress(ticket: Ticket) -> tuple[int, int]:
    return ticket.recalls, _STATUS_RANK[ticket.status]
