"""One of the two stores of a composite, with its breaker and its share of the deadline."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from adapters.fallback.breaker import Breaker
from adapters.fallback.word import Word
from dinerapp.replication import deadline, served_by
from dinerapp.replication.errors import Contended, OutcomeUnknown, Rejection, StoreFailure
from dinerapp.replication.ports.observer import Observer, Outcome
from dinerapp.replication.ports.store import Store
from dinerapp.replication.record import Record
from dinerapp.replication.served_by import Role
from dinerapp.replication.version import Place

R = TypeVar("R", bound=Record)

FAIR_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Side(Generic[R]):
    """A store in the role it has for one kind of record.

    An attempt takes at most `patience` seconds. One that was given less than its fair share of
    that says nothing about the store when it fails. `word` is about the other store, kept here.
    """

    store: Store[R]
    breaker: Breaker
    role: Role
    patience: float = 0.45
    observer: Observer = field(default_factory=Observer)
    word: Word | None = None

    @property
    def place(self) -> Place:
        return self.store.place

    @contextmanager
    def calling(self, operation: str) -> Iterator[Call[R]]:
        """Around every call of the store: times it, bounds it, and tells the breaker."""
        given = min(self.patience, deadline.remaining(self.patience))
        started = time.perf_counter()
        outcome = Outcome.OK
        try:
            with deadline.within(self.patience):
                yield Call(self, self.breaker.standing)
        except Contended:
            outcome = Outcome.REJECTED
            raise
        except StoreFailure as exc:
            outcome = Outcome.UNKNOWN if isinstance(exc, OutcomeUnknown) else Outcome.UNAVAILABLE
            if given >= self.patience * FAIR_SHARE:
                self.breaker.failed(exc.reason)
            raise
        except Rejection:
            outcome = Outcome.REJECTED
            raise
        finally:
            seconds = time.perf_counter() - started
            self.observer.called(self.place, self.role, operation, outcome, seconds)
            if outcome in (Outcome.OK, Outcome.REJECTED):
                self.breaker.took(seconds)

    def note_served(self, operation: str, call: Call[R], *, wrote: bool = False) -> None:
        """Says in the answer that this store gave it; one that is behind is nobody's primary."""
        role = self.role if call.missed_nothing else Role.BACKUP
        served_by.note(self.place, role, wrote=wrote)
        if role is Role.BACKUP:
            self.observer.fell_back(operation, self.place)


@dataclass(frozen=True, slots=True)
class Call(Generic[R]):
    """A call of a side's store, and how the store stood when it began."""

    side: Side[R]
    standing: int | None

    @property
    def missed_nothing(self) -> bool:
        """Whether the store was up from the beginning of the call until now."""
        return self.standing is not None and self.standing == self.side.breaker.standing
