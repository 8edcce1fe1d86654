"""Access tokens for a single record, for guests without an account."""

from __future__ import annotations

import hashlib
import hmac
from typing import TypeVar

from dinerapp.accounts.domain.permissions import Caller, Permission
from dinerapp.accounts.errors import NotPermitted
from dinerapp.replication.errors import NotFound
from dinerapp.replication.ports.repository import Repository
from dinerapp.replication.record import Record

R = TypeVar("R", bound=Record)


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

    def get_own(
        self, repository: Repository[R], record_id: str, caller: Caller, sees: Permission
    ) -> R:
        """The record, for whoever has its token, whose `user_id` it has, or who may see all of
        them; for anybody else there is none."""
        self.require(record_id, caller)
        record = repository.get(record_id)
        is_own = caller.user_id is not None and caller.user_id == getattr(record, "user_id", None)
        if caller.record_token is None and not is_own and not caller.may(sees):
            raise NotFound(repository.kind.name, record_id)
        return record
