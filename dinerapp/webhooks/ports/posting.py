"""Posting to URLs that others have chosen."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from dinerapp.replication.errors import DinerError


class NotSent(DinerError):
    """There was no response, or the address is not allowed; the reason is shown to the owner of the
    URL."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


Post = Callable[[str, bytes, Mapping[str, str]], int]
"""Posts the body with the headers to the URL, and returns the status of the response, whatever it
is. Raises NotSent. Follows no redirects, and has a timeout of its own for the whole request."""
