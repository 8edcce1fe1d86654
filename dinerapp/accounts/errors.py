"""What callers are refused for who they are."""

from __future__ import annotations

from dinerapp.replication.errors import DinerError


class NotAuthenticated(DinerError):
    """Nobody we know, or not any more; the words never tell which."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NotPermitted(DinerError):
    """Known, but this is for others to do; the words are meant for the caller."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TooBusy(DinerError):
    """This process has more of such work than it can do; worth another try in a second."""
