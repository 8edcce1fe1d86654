"""Sending something to an address that others have chosen."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from dinerapp.replication.errors import DinerError


class NotSent(DinerError):
    """There was no response, or the address is not allowed; the reason is for whoever chose it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


Post = Callable[[str, bytes, Mapping[str, str]], int]
"""Posts the body with the headers to the URL and returns the status of the answer, whatever it is.
Raises NotSent. Follows no redirects, and ends after a time of its own, whoever is at the other
end."""
