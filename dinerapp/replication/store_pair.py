"""The kinds that live in two stores, as the relay, the catch-up and the check see them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from dinerapp.replication.ports.replica import Replica
from dinerapp.replication.record import Record
from dinerapp.replication.version import StoreId

R = TypeVar("R", bound=Record)


@dataclass(frozen=True, slots=True)
class StorePair(Generic[R]):
    """Two stores that hold the same records. Neither is special here."""

    primary: Replica[R]
    backup: Replica[R]

    @property
    def kind_name(self) -> str:
        return self.primary.kind.name

    def store_of(self, store_id: StoreId) -> Replica[R]:
        """The store in that place."""
        return self.primary if self.primary.store_id == store_id else self.backup

    def peer_of(self, store_id: StoreId) -> Replica[R]:
        """The store in the other place."""
        return self.backup if self.primary.store_id == store_id else self.primary
