"""Watches one store for this process: notices its loss and its return, and brings it up to date.

`look` is one step and has no thread of its own. A store that answers again is prepared (it may be
new), receives everything it missed, and only then is up. While any process cannot use a store it
says so in the other one, so that all processes agree on who takes the writes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog

from adapters.fallback.breaker import Breaker
from adapters.fallback.probe import Manners, Probe
from adapters.fallback.word import Word
from dinerapp.replication.anti_entropy import Consistency
from dinerapp.replication.errors import NothingAvailable, StoreFailure
from dinerapp.replication.ports.database import Database
from dinerapp.replication.record import utc_now
from dinerapp.replication.relay import Relay
from dinerapp.replication.store_pair import Pair

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Member:
    """A database and what this process thinks of it."""

    database: Database
    breaker: Breaker


class Watch(Probe):
    """Watches `member`; `other` is the store that holds what it missed, if there is one."""

    def __init__(
        self,
        member: Member,
        other: Member | None,
        *,
        word: Word | None,
        relay: Relay,
        consistency: Consistency,
        pairs: list[Pair[Any]],
        manners: Manners | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        super().__init__(member.database, member.breaker, manners)
        self.member = member
        self._other = other
        self._word = word
        self._relay = relay
        self._consistency = consistency
        self._pairs = pairs
        self._now = now

    @property
    def other_is_reachable(self) -> bool:
        """Whether the store can be asked that knows what this one is owed."""
        return self._other is not None and self._other.breaker.is_reachable

    def look(self) -> None:
        try:
            super().look()
        except NothingAvailable as exc:
            _log.debug("watch_interrupted", store=self.breaker.place, reason=str(exc))

    def _is_lost(self) -> None:
        if self._word is not None and self.other_is_reachable:
            self._word.give()

    def _may_be_up(self) -> bool:
        if self.breaker.is_up:
            if not self._is_missed_elsewhere() and not self._lacks_writes():
                return True
            self._attempt = self.breaker.catch_up("another process cannot use it")
        if self._word is not None:
            self._word.withdraw()
        return self._has_everything()

    def _has_everything(self) -> bool:
        if self._other is None:
            return True
        if not self.other_is_reachable:
            return False
        if not self.member.database.has_joined():
            self._copy_everything()
        if self._is_missed_elsewhere():
            return False
        return self._drained()

    def _copy_everything(self) -> None:
        """The store has never held what the other one holds: it is new, or was replaced."""
        for pair in self._pairs:
            self._consistency.repair_all(pair)
        self.member.database.join()

    def _drained(self) -> bool:
        """Ships until nothing that was missed is left; False when that takes too long."""
        place = self.member.database.place
        give_up = self._now() + timedelta(seconds=self._manners.drain_for)
        while self._relay.is_missing_some(place):
            if not self._relay.ship_to(place) and self._now() > give_up:
                return False
        return True

    def _is_missed_elsewhere(self) -> bool:
        if self._word is None or not self.other_is_reachable:
            return False
        return self._word.is_given_by_others()

    def _lacks_writes(self) -> bool:
        """Whether a process took writes without it and had no time, or did not live, to say so."""
        if not self.other_is_reachable:
            return False
        return self._relay.is_missing_some(self.member.database.place)

    def _blame(self, failure: StoreFailure) -> None:
        super()._blame(failure)
        if self._other is not None and failure.place == self._other.breaker.place:
            self._other.breaker.failed(failure.reason)
