"""Notices that a server is lost and that it is back."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.fallback.breaker import Breaker
from dinerapp.replication import deadline
from dinerapp.replication.errors import StoreFailure
from dinerapp.replication.ports.connections import State
from dinerapp.replication.ports.database import Connection


@dataclass(frozen=True, slots=True)
class Manners:
    """How patiently a store is watched, in seconds."""

    ping: float = 1.5
    drain_for: float = 2.0


class Probe:
    """Looks after one connection for this process. `look` is one step and has no thread."""

    def __init__(
        self, connection: Connection, breaker: Breaker, manners: Manners | None = None
    ) -> None:
        self.connection = connection
        self.breaker = breaker
        self.latency: float | None = None
        self._manners = manners or Manners()
        self._attempt = 0

    def look(self) -> None:
        """One look. A failure ends it; the next look goes on."""
        try:
            self._look()
        except StoreFailure as exc:
            self._blame(exc)

    def _look(self) -> None:
        if not self._answers():
            self._is_lost()
            return
        if self.breaker.state is State.DOWN:
            self.connection.reset()
            self.connection.prepare()
            self._attempt = self.breaker.catch_up("it answers again")
        if self._may_be_up():
            self.breaker.caught_up(self._attempt)

    def _answers(self) -> bool:
        try:
            with deadline.within(self._manners.ping):
                ping = self.connection.ping()
        except StoreFailure as exc:
            self.breaker.failed(exc.reason)
            self.latency = None
            return False
        self.latency = ping.seconds
        return self.breaker.is_reachable or ping.seconds <= self.breaker.slow.after

    def _is_lost(self) -> None:
        """What else there is to do while the server does not answer."""

    def _may_be_up(self) -> bool:
        """Whether nothing stands in the way of using it."""
        return True

    def _blame(self, failure: StoreFailure) -> None:
        if failure.place == self.breaker.place:
            self.breaker.failed(failure.reason)
