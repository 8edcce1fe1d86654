"""The kinds that live in two stores, as the relay, the catch-up and the check see them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from dinerapp.replication.ports.replica import Replica
from dinerapp.replication.record import Record
from dinerapp.replication.version import Place

R = TypeVar("R", bound=Record)


@dataclass(frozen=True, slots=True)
class Pair(Generic[R]):
    """Two stores that hold the same records. Neither is special here."""

    one: Replica[R]
    other: Replica[R]

    @property
    def kind(self) -> str:
        return self.one.kind.name

    def at(self, place: Place) -> Replica[R]:
        """The store in that place."""
        return self.one if self.one.place == place else self.other

    def beside(self, place: Place) -> Replica[R]:
        """The store in the other place."""
        return self.other if self.one.place == place else self.one
