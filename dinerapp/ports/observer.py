"""Where the two-store machinery says what it does; metrics listen."""

from __future__ import annotations

from enum import StrEnum

from dinerapp.domain.version import Place
from dinerapp.ports.replica import Creditor


class Outcome(StrEnum):
    """How a store call ended."""

    OK = "ok"
    REJECTED = "rejected"
    UNAVAILABLE = "unavailable"
    UNKNOWN = "unknown"


class Observer:
    """Hears everything and does nothing; metrics override what they count."""

    def called(
        self, place: Place, role: str, operation: str, outcome: Outcome, seconds: float
    ) -> None:
        """A call to one store ended."""

    def fell_back(self, operation: str, to: Place) -> None:
        """A store answered that is not the kind's primary, or that is behind."""

    def state_changed(self, place: str, state: str) -> None:
        """A breaker changed its mind."""

    def shipped(self, kind: str, to: Creditor, count: int, refused: int) -> None:
        """A batch of what was owed was dealt with."""

    def conflict(self, about: str, reason: str) -> None:
        """A conflict was filed."""
