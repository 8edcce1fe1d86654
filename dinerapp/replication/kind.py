"""A kind of record: what replication needs to know about an aggregate."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from dinerapp.replication import codec
from dinerapp.replication.record import Record

if TYPE_CHECKING:
    from dinerapp.replication.merge import MergePolicy

R = TypeVar("R", bound=Record)


@dataclass(frozen=True, slots=True)
class MergeResult(Generic[R]):
    """The merge of two concurrent states. `loser` is the state whose content was lost, if any."""

    record: R
    loser: R | None = None
    reason: str = ""


def merge_by_policy(first: R, second: R, policy: MergePolicy) -> MergeResult[R]:
    """The merge rule of kinds without one of their own: one state wins as a whole."""
    return policy.decide(first, second)


def _restore_whole(_record: R, lost: R) -> R:
    return lost


def _no_reservations(_record: Record) -> Mapping[str, int]:
    return {}


def _no_limits(_record: Record) -> Mapping[str, int | None]:
    return {}


@dataclass(frozen=True, slots=True)
class Kind(Generic[R]):
    """One kind of aggregate.

    `merge` is called with two concurrent states, neither of them a tombstone, always in the same
    order in either store. It must be deterministic.

    `unique_fields` are fields in which no two living records may have the same value.

    `reservations` returns the quantities of counted things that a record takes, by key. `limits`
    returns how much there is of counted things, with None for no limit. A store updates its
    counters with every record it writes, and does not accept a record that would exceed a limit; a
    limit that the record itself sets applies already. A record must return the same keys from
    `limits` in every state, also when it is deleted, and no two living records may limit the same
    key.

    `default_limit` is the limit of keys that records of this kind reserve and no record limits;
    with 1, nothing can be reserved twice. It is set on a counter with the first reservation. If two
    stores that were cut off from each other accept too much together, each pair of records is a
    conflict. Finding these records needs an index: in PostgreSQL the table of a kind that is not a
    document kind needs `CREATE INDEX <table>_holds ON <table> USING gin (holds)`. Other indexes are
    declared by the stores.

    `secret_fields` are fields that no response includes.

    `has_followers` says that followers process every write.

    `restore` returns the record that results if a manager prefers the state that lost a conflict.
    """

    name: str
    record_type: type[R]
    merge: Callable[[R, R, MergePolicy], MergeResult[R]] = merge_by_policy
    unique_fields: tuple[str, ...] = ()
    reservations: Callable[[R], Mapping[str, int]] = _no_reservations
    limits: Callable[[R], Mapping[str, int | None]] = _no_limits
    default_limit: int | None = None
    secret_fields: tuple[str, ...] = ()
    has_followers: bool = False
    restore: Callable[[R, R], R] = _restore_whole

    def __post_init__(self) -> None:
        codec.warm_up(self.record_type)

    @property
    def has_reservations(self) -> bool:
        """Whether its records reserve counted things."""
        return self.reservations is not _no_reservations

    @property
    def has_limits(self) -> bool:
        """Whether its records set limits of counted things."""
        return self.limits is not _no_limits
