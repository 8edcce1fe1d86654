"""The two stores of a kind, as the relay, catch-up and anti-entropy see them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from dinerapp.replication.ports.replica import Replica
from dinerapp.replication.record import Record
from dinerapp.replication.version import StoreId

R = TypeVar("R", bound=Record)


@dataclass(frozen=True, slots=True)
class StorePair(Generic[R]):
    """Two stores that hold the same records; both are treated alike."""

    primary: Replica[R]
    backup: Replica[R]

    @property
    def kind_name(self) -> str:
        return self.primary.kind.name

    def store_of(self, store_id: StoreId) -> Replica[R]:
        """The store in that database."""
        return self.primary if self.primary.store_id == store_id else self.backup

    def peer_of(self, store_id: StoreId) -> Replica[R]:
        """The store in the other database."""
        return self.backup if self.primary.store_id == store_id else self.primary
