"""Errors of authentication and authorization."""

from __future__ import annotations

from dinerapp.replication.errors import DinerError


class NotAuthenticated(DinerError):
    """The credentials are missing, wrong or no longer valid; the message never says which account
    exists."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NotPermitted(DinerError):
    """The caller is known but may not do this; the message is meant for the caller."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TooBusy(DinerError):
    """This process is overloaded with such work; the caller may retry in a second."""
