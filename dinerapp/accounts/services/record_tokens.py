"""Access tokens for a single record, for guests without an account."""

from __future__ import annotations

import hashlib
import hmac

from dinerapp.accounts.domain.permissions import Caller
from dinerapp.accounts.errors import NotPermitted


class RecordTokens:
    """The access tokens of one kind of record."""

    def __init__(self, secret: str, kind: str) -> None:
        self._secret = secret.encode()
        self._kind = kind

    def issue(self, record_id: str) -> str:
        """The record's token."""
        text = f"{self._kind} {record_id}".encode()
        return hmac.new(self._secret, text, hashlib.sha256).hexdigest()

    def verify(self, token: str, record_id: str) -> bool:
        """Whether the token belongs to the record."""
        return hmac.compare_digest(token.encode(), self.issue(record_id).encode())

    def require(self, record_id: str, caller: Caller) -> None:
        """NotPermitted unless the caller's token belongs to the record; checked before the record
        is read, so that the error does not reveal whether it exists."""
        if caller.record_token is not None and not self.verify(caller.record_token, record_id):
            raise NotPermitted(f"this access token does not belong to this {self._kind}")
