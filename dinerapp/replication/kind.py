"""A kind of record: the little that the two-store machinery has to know about an aggregate."""

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
    """What two concurrent states become; `lost` is a state whose content did not survive."""

    record: R
    loser: R | None = None
    reason: str = ""


def merge_by_policy(first: R, second: R, policy: MergePolicy) -> MergeResult[R]:
    """The merge rule of kinds that know no better: one side wins whole."""
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

    `merge` is called with two concurrent states, neither a tombstone, in an order that does not
    depend on where it happens; it must be deterministic.

    `unique` names fields that no two living records share.

    `reservations` says how much the record takes of counted things, by key; `limits` says how much
    of a counted thing there is, None for no limit. Stores count what is held when they take a
    record, and refuse to accept one that takes more than there is once it is stored: what it says
    of a limit itself counts already. A record names the things it limits in every state, deleted
    ones too, and no two living records limit the same thing.

    `default_limit` is how much there is of what records of this kind hold and no record limits:
    with 1, nothing is held twice. It becomes the thing's limit with the first hold. What was held
    twice nevertheless, in two stores that were cut off, is a conflict of two records. To find them,
    stores keep an index: in PostgreSQL the kind's table needs `CREATE INDEX <table>_holds ON
    <table> USING gin (holds)`; in MongoDB the store declares it itself.

    `secret` names fields that no answer shows.

    `followed` says that something has to happen after every write: the kind has followers.

    `adopt` says what the record becomes when a manager prefers a state that lost against it.
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
        """Whether its records hold something of counted things."""
        return self.reservations is not _no_reservations

    @property
    def has_limits(self) -> bool:
        """Whether its records say how much there is of counted things."""
        return self.limits is not _no_limits
