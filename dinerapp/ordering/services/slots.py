"""Use cases for slots of scheduled orders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from threading import Lock

from cachetools import LRUCache

from dinerapp.ordering.domain.orders import Fulfilment
from dinerapp.ordering.domain.slots import Slot, SlotPolicy, slot_id, slot_key
from dinerapp.ordering.ports.orders import Orders
from dinerapp.ordering.ports.slots import Slots
from dinerapp.replication.errors import InvalidRequest, NotFound, RecordRejection
from dinerapp.replication.identity import Operation
from dinerapp.replication.record import utc_now
from dinerapp.replication.saving import WriteResult, update_with_retry

MAX_KNOWN_SLOTS = 10_000


@dataclass(frozen=True, slots=True)
class SlotAvailability:
    """A slot, and how many more orders fit into it; None if there is no limit."""

    starts_at: datetime
    capacity: int | None = None
    left: int | None = None


class SlotService:
    """Use cases for opening hours and slots."""

    def __init__(
        self,
        slots: Slots,
        orders: Orders,
        policy: SlotPolicy,
        *,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._slots = slots
        self._orders = orders
        self._policy = policy
        self._now = now
        self._known = LRUCache[datetime, None](MAX_KNOWN_SLOTS)
        self._lock = Lock()

    @property
    def minutes(self) -> int:
        """The length of a slot."""
        return self._policy.minutes

    def require_accepting(self, fulfilment: Fulfilment) -> None:
        """Raises unless a guest can order for that time."""
        now = self._now()
        if fulfilment.scheduled_for is None:
            self._policy.require_open(now)
        else:
            self._policy.require_bookable(fulfilment.scheduled_for, now)

    def slot_of(self, fulfilment: Fulfilment) -> datetime | None:
        """The start of the slot in which an order for this fulfilment reserves a place, if any."""
        if fulfilment.scheduled_for is None:
            return None
        return self._policy.slot_of(fulfilment.scheduled_for)

    def ensure(self, starts_at: datetime) -> None:
        """Creates the slot before its first order, so that the stores know its limit."""
        if starts_at in self._known:
            return
        if not self._slots.get_many([slot_id(starts_at)]):
            self._make_slot(starts_at)
        with self._lock:
            self._known[starts_at] = None

    def availability_on(self, day: date | None) -> Sequence[SlotAvailability]:
        """The slots of a business day that are still to come, by default of today."""
        now = self._now()
        day = day or self._policy.calendar.business_day(now)
        starts = [start for start in self._policy.slots_of(day) if start > now]
        if not self._policy.capacity:
            return [SlotAvailability(start) for start in starts]
        changed = self._slots.get_many([slot_id(start) for start in starts])
        counts = self._orders.usage([slot_key(start) for start in starts]) if starts else {}
        return [
            self._availability(start, changed.get(slot_id(start)), counts[slot_key(start)].reserved)
            for start in starts
        ]

    def plan(
        self,
        starts_at: datetime,
        capacity: int,
        notes: str,
        operation: Operation,
        if_match: str | None,
    ) -> WriteResult[Slot]:
        """Sets how many orders fit into one slot; 0 closes it. Orders already in it stay."""
        starts_at = self._require_slot(starts_at)
        self.ensure(starts_at)

        def change(slot: Slot) -> Slot:
            if (slot.capacity, slot.notes) == (capacity, notes):
                return slot
            fields = {"capacity": capacity, "notes": notes}
            return slot.with_changes(op_id=operation.op_id, now=self._now(), **fields)

        return update_with_retry(self._slots, slot_id(starts_at), operation.op_id, change, if_match)

    def availability_of(self, slot: Slot) -> SlotAvailability:
        """One slot with the places left."""
        key = slot_key(slot.starts_at)
        return self._availability(slot.starts_at, slot, self._orders.usage([key])[key].reserved)

    def _availability(self, start: datetime, slot: Slot | None, reserved: int) -> SlotAvailability:
        capacity = self._policy.capacity if slot is None else slot.capacity
        return SlotAvailability(start, capacity, max(0, capacity - reserved))

    def _require_slot(self, starts_at: datetime) -> datetime:
        if self._policy.slot_of(starts_at) is None:
            raise InvalidRequest("orders per slot are not limited here; set SLOT_ORDERS first")
        if self._policy.start_of(starts_at) != starts_at:
            raise NotFound(Slots.kind.name, starts_at.isoformat())
        return starts_at

    def _make_slot(self, starts_at: datetime) -> None:
        """Creates the slot, unless another request has done so."""
        now = self._now()
        ids = Operation.from_key("slots", starts_at.isoformat(), b"")
        slot = Slot(
            id=slot_id(starts_at),
            op_id=ids.op_id,
            created_at=now,
            updated_at=now,
            starts_at=starts_at,
            capacity=self._policy.capacity,
        )
        try:
            self._slots.save(slot)
        except RecordRejection:
            return
