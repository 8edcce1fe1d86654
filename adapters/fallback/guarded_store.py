"""One of the two stores of a composite, with its health and its share of the deadline."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from adapters.fallback.store_health import StoreHealth
from adapters.fallback.suspicion import Suspicion
from dinerapp.replication import deadline, served_by
from dinerapp.replication.errors import Contended, OutcomeUnknown, Rejection, StoreFailure
from dinerapp.replication.ports.observer import CallOutcome, Observer
from dinerapp.replication.ports.store import Store
from dinerapp.replication.record import Record
from dinerapp.replication.served_by import StoreRole
from dinerapp.replication.version import StoreId

R = TypeVar("R", bound=Record)

FAIR_TIMEOUT_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class GuardedStore(Generic[R]):
    """A store in its role for one kind of record.

    An attempt takes at most `timeout` seconds. If one had less than its fair share of that, its
    failure says nothing about the store. `peer_suspicion` is about the other store, kept here.
    """

    store: Store[R]
    health: StoreHealth
    role: StoreRole
    timeout: float = 0.45
    observer: Observer = field(default_factory=Observer)
    peer_suspicion: Suspicion | None = None

    @property
    def store_id(self) -> StoreId:
        return self.store.store_id

    @contextmanager
    def guarded_call(self, operation: str) -> Iterator[StoreCall[R]]:
        """Wraps every call to the store: measures it, limits it, and updates the store's health."""
        allowed = min(self.timeout, deadline.remaining(self.timeout))
        started = time.perf_counter()
        outcome = CallOutcome.OK
        try:
            with deadline.within(self.timeout):
                yield StoreCall(self, self.health.epoch)
        except Contended:
            outcome = CallOutcome.REJECTED
            raise
        except StoreFailure as exc:
            outcome = (
                CallOutcome.UNKNOWN if isinstance(exc, OutcomeUnknown) else CallOutcome.UNAVAILABLE
            )
            if allowed >= self.timeout * FAIR_TIMEOUT_SHARE:
                self.health.trip(exc.reason)
            raise
        except Rejection:
            outcome = CallOutcome.REJECTED
            raise
        finally:
            seconds = time.perf_counter() - started
            self.observer.call_finished(self.store_id, self.role, operation, outcome, seconds)
            if outcome in (CallOutcome.OK, CallOutcome.REJECTED):
                self.health.record_latency(seconds)

    def record_served(self, operation: str, call: StoreCall[R], *, wrote: bool = False) -> None:
        """Records for the response headers that this store served it; while it is catching up it
        counts as backup."""
        role = self.role if call.was_up_throughout else StoreRole.BACKUP
        served_by.record(self.store_id, role, wrote=wrote)
        if role is StoreRole.BACKUP:
            self.observer.fell_back(operation, self.store_id)


@dataclass(frozen=True, slots=True)
class StoreCall(Generic[R]):
    """A call to a guarded store, and the store's epoch when the call started."""

    guarded_store: GuardedStore[R]
    epoch: int | None

    @property
    def was_up_throughout(self) -> bool:
        """Whether the store has been up since the start of the call."""
        return self.epoch is not None and self.epoch == self.guarded_store.health.epoch
