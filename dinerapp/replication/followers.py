"""Shows records that were written to the followers of their kind, at least once each.

A store owes the followers what it accepted or merged itself, noted in the same commit. So
nothing that follows is lost with the process that wrote, and every process shares the work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import structlog

from dinerapp.replication.errors import NothingAvailable, StoreFailure
from dinerapp.replication.local_dispatch import Fresh
from dinerapp.replication.outbox_consumer import Collector, Handed, Terms
from dinerapp.replication.ports.follower import Follower
from dinerapp.replication.ports.observer import Observer
from dinerapp.replication.ports.replica import Audience, Backlog, Replica
from dinerapp.replication.record import Record, utc_now
from dinerapp.replication.version import Place

_log = structlog.get_logger(__name__)

TERMS = Terms(batch=100, tries=8)
LONGEST_REASON = 200


class WithoutFollowers(TypeError):
    """Records of a kind are owed to followers, and nobody follows; or the other way round."""


class Following:
    """Works off what stores owe the followers of their kinds. Has no thread of its own."""

    def __init__(
        self,
        stores: Iterable[Replica[Any]],
        followers: Mapping[str, Sequence[Follower[Any]]],
        *,
        terms: Terms = TERMS,
        fresh: Fresh | None = None,
        observer: Observer | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self.stores = [store for store in stores if store.kind.followed]
        self._followers = followers
        self._collector = Collector(terms, observer, now)
        self._batch = terms.batch
        self._fresh = fresh or Fresh.of_nobody()
        followed = {store.kind.name for store in self.stores}
        if followed != {kind for kind, found in followers.items() if found}:
            raise WithoutFollowers(f"followed are {sorted(followed)}, not {sorted(followers)}")

    def follow_here(self) -> int:
        """What this process has just written; says how many records it was. What fails is claimed
        later."""
        count = 0
        for source, records in self._fresh.take(self._batch).items():
            handed = _shown(records, self._followers[source.kind.name])
            source.settle(Audience.FOLLOWERS, handed.settled)
            count += len(records)
        return count

    def follow_at(self, place: Place) -> int:
        """One batch of each kind that the place's stores owe; says how many records it were."""
        return sum(self._follow(store) for store in self._at(place))

    def backlog(self, place: Place) -> Backlog:
        """What the place's stores owe followers, all kinds together."""
        return Backlog.of_all(store.backlog(Audience.FOLLOWERS) for store in self._at(place))

    def _at(self, place: Place) -> list[Replica[Any]]:
        return [store for store in self.stores if store.place is place]

    def _follow(self, source: Replica[Any]) -> int:
        followers = self._followers[source.kind.name]
        return self._collector.collect(
            source, Audience.FOLLOWERS, lambda records: _shown(records, followers)
        )


def _shown(records: Sequence[Record], followers: Sequence[Follower[Any]]) -> Handed:
    """Every follower is shown every record, whatever the others make of it."""
    failed: dict[str, str] = {}
    for follower in followers:
        failed |= _failures(follower, records)
    settled = [(record.id, record.version) for record in records if record.id not in failed]
    return Handed(settled, list(failed.items()))


def _failures(follower: Follower[Any], records: Sequence[Record]) -> dict[str, str]:
    """The records that a follower fails at, with reasons; one that spoils a batch is found."""
    try:
        follower.follow(records)
    except (StoreFailure, NothingAvailable):
        raise
    except Exception as exc:  # noqa: BLE001 whatever it is, it must not stop the other records
        if len(records) > 1:
            return {
                key: why for each in records for key, why in _failures(follower, [each]).items()
            }
        name = type(follower).__name__
        _log.warning("follower_failed", follower=name, record_id=records[0].id, exc_info=True)
        return {records[0].id: f"{name}: {type(exc).__name__}: {exc}"[:LONGEST_REASON]}
    return {}
