"""What this process tells the others about a store it cannot use."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from dinerapp.replication.errors import StoreFailure
from dinerapp.replication.ports.database import Absence, Database
from dinerapp.replication.record import utc_now
from dinerapp.replication.signals import absence_reported, announce
from dinerapp.replication.version import Place

HOLDS = timedelta(seconds=5)
_INSTANT = timedelta(milliseconds=1)


class Word:
    """This process's word about a store, kept in the other one, where the others look for it.

    It is given before a write is accepted that the store will miss: from then on nobody else
    goes on using that store for longer than until the next look. Without a lock: the later
    of two words holds, and taking one back leaves a later one alone.
    """

    def __init__(
        self,
        about: Place,
        witness: Database,
        process: str,
        *,
        holds: timedelta = HOLDS,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._about = about
        self._witness = witness
        self._process = process
        self._holds = holds
        self._now = now
        self._given: Absence | None = None
        self._latest = now()

    def give(self) -> None:
        """Says it for a while, unless that was said a moment ago."""
        now, given = self._now(), self._given
        if given is None or given.until - now < self._holds / 2:
            self._latest = max(now + self._holds, self._latest + _INSTANT)
            word = Absence(self._about, self._process, self._latest)
            self._witness.report_absence(word)
            self._given = word
            announce(absence_reported, self, place=str(self._about))

    def withdraw(self) -> None:
        """Takes it back, if it was given."""
        given, self._given = self._given, None
        if given is None:
            return
        try:
            self._witness.withdraw_absence(given)
        except StoreFailure:
            self._given = self._given or given
            raise

    def is_given_by_others(self) -> bool:
        """Whether another process cannot use the store."""
        words = self._witness.absences(self._now())
        return any(w.store == self._about and w.process != self._process for w in words)
