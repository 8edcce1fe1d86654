"""Ids of records and of operations, and how both are derived from an idempotency key.

A key gives the same ids on every try, so two tries that reach two databases are one record and
one operation. An operation id has two halves: a hash of scope and key, and one of the body. If
tries of a request may have different outcomes, a hash of the outcome is appended.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from uuid_utils import uuid4, uuid7

_HALF_LENGTH = 16
_OUTCOME_LENGTH = 8
_CODE_LETTERS = "ACDEFGHJKLMNPQRTUVWXY34679"
_CODE_LENGTH = 4


def new_id() -> str:
    """A UUIDv7, generated before the first write."""
    return str(uuid7())


def new_op_id() -> str:
    """The id of an operation that is never retried under a key."""
    return uuid4().hex


def derived_id(*parts: str) -> str:
    """The same id for the same parts: a UUID of version 8, the one for custom formats."""
    return _to_uuid8(_hash(*parts).digest())


def hmac_id(secret: str, *parts: str) -> str:
    """As `derived_id`, but keyed with a secret, so that the parts cannot be guessed from it."""
    return _to_uuid8(hmac.digest(secret.encode(), _length_prefixed(parts), "sha256"))


def short_code(record_id: str) -> str:
    """Short, for people; not an identity."""
    number = int.from_bytes(hashlib.sha256(record_id.encode()).digest()[:8])
    letters = []
    for _ in range(_CODE_LENGTH):
        number, letter = divmod(number, len(_CODE_LETTERS))
        letters.append(_CODE_LETTERS[letter])
    return "".join(letters)


@dataclass(frozen=True, slots=True)
class Operation:
    """The record id and operation id of one request."""

    record_id: str
    op_id: str
    is_keyed: bool = False

    @classmethod
    def without_key(cls) -> Operation:
        """Ids for a request without an idempotency key."""
        return cls(new_id(), new_op_id())

    @classmethod
    def from_key(cls, scope: str, key: str, body: bytes) -> Operation:
        """The same ids for every try of this key within this scope."""
        key_hash = _hash(scope, key).hexdigest()
        body_hash = hashlib.sha256(body).hexdigest()
        op_id = key_hash[-_HALF_LENGTH:] + body_hash[:_HALF_LENGTH]
        return cls(derived_id(scope, key), op_id, is_keyed=True)

    def op_id_with_outcome(self, *outcome: object) -> str:
        """The operation id with a hash of this try's outcome. Two tries with different outcomes
        count as the same operation, but not as the same write."""
        return self.op_id + _hash(*map(str, outcome)).hexdigest()[:_OUTCOME_LENGTH]

    def child_id(self, name: str) -> str:
        """A stable id for a part of the record that this operation creates."""
        return derived_id(self.record_id, name)


def same_key(op_id: str, other_op_id: str) -> bool:
    """Whether two operation ids were derived from one key, even with different bodies."""
    return op_id[:_HALF_LENGTH] == other_op_id[:_HALF_LENGTH]


def same_operation(op_id: str, other_op_id: str) -> bool:
    """Whether two operation ids belong to one request, even with different outcomes."""
    return op_id[: 2 * _HALF_LENGTH] == other_op_id[: 2 * _HALF_LENGTH]


def _hash(*parts: str) -> hashlib._Hash:
    return hashlib.sha256(_length_prefixed(parts))


def _length_prefixed(parts: Iterable[str]) -> bytes:
    """Encodes the parts unambiguously: "ab", "c" differs from "a", "bc"."""
    return "".join(f"{len(part)}:{part}" for part in parts).encode()


def _to_uuid8(hashed: bytes) -> str:
    number = int.from_bytes(hashed[:16])
    number = number & ~(0xF << 76) | 8 << 76
    number = number & ~(0b11 << 62) | 0b10 << 62
    return str(UUID(int=number))
