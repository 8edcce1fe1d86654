"""A kind of record: the little that the two-store machinery has to know about an aggregate."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from dinerapp.replication import codec
from dinerapp.replication.record import Record

if TYPE_CHECKING:
    from dinerapp.replication.merge import Policy

R = TypeVar("R", bound=Record)


@dataclass(frozen=True, slots=True)
class Merge(Generic[R]):
    """What two concurrent states become; `lost` is a state whose content did not survive."""

    record: R
    lost: R | None = None
    reason: str = ""


def by_policy(one: R, other: R, policy: Policy) -> Merge[R]:
    """The merge rule of kinds that know no better: one side wins whole."""
    return policy.decide(one, other)


def _whole(_record: R, lost: R) -> R:
    return lost


def _nothing(_record: Record) -> Mapping[str, int]:
    return {}


def _no_ceilings(_record: Record) -> Mapping[str, int | None]:
    return {}


@dataclass(frozen=True, slots=True)
class Kind(Generic[R]):
    """One kind of aggregate.

    `merge` is called with two concurrent states, neither a tombstone, in an order that does not
    depend on where it happens; it must be deterministic.

    `unique` names fields that no two living records share.

    `holds` says how much the record takes of counted things, by key; `ceilings` says how much of
    a counted thing there is, None for no limit. Stores count what is held when they take a
    record, and refuse to accept one that would pass a ceiling.

    `secret` names fields that no answer shows.

    `followed` says that something has to happen after every write: the kind has followers.

    `adopt` says what the record becomes when a manager prefers a state that lost against it.
    """

    name: str
    record: type[R]
    merge: Callable[[R, R, Policy], Merge[R]] = by_policy
    unique: tuple[str, ...] = ()
    holds: Callable[[R], Mapping[str, int]] = _nothing
    ceilings: Callable[[R], Mapping[str, int | None]] = _no_ceilings
    secret: tuple[str, ...] = ()
    followed: bool = False
    adopt: Callable[[R, R], R] = _whole

    def __post_init__(self) -> None:
        codec.learn(self.record)

    @property
    def takes(self) -> bool:
        """Whether its records hold something of counted things."""
        return self.holds is not _nothing

    @property
    def limits(self) -> bool:
        """Whether its records say how much there is of counted things."""
        return self.ceilings is not _no_ceilings
