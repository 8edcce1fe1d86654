"""Ids of records and of operations, and how an idempotency key becomes both.

A key gives the same ids on every try, so two tries that reach two databases are one record and
one operation. An operation id has two halves: who asks (scope and key) and what for (the body).
Where the same request may come out differently, what came of it follows (`giving`).
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
    """A UUIDv7, made before the first write."""
    return str(uuid7())


def new_op_id() -> str:
    """The id of an operation nobody will retry under a key."""
    return uuid4().hex


def derived_id(*parts: str) -> str:
    """The id that these parts always give: a UUID of version 8, which is there for that."""
    return _to_uuid8(_hash(*parts).digest())


def hmac_id(secret: str, *parts: str) -> str:
    """The same for whoever knows the secret; nobody else can tell the parts from it by trying."""
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
    """The ids one request writes under."""

    record_id: str
    op_id: str
    is_keyed: bool = False

    @classmethod
    def without_key(cls) -> Operation:
        """Ids for a request without an idempotency key."""
        return cls(new_id(), new_op_id())

    @classmethod
    def from_key(cls, scope: str, key: str, body: bytes) -> Operation:
        """Ids that every try of this key within this scope arrives at."""
        who = _hash(scope, key).hexdigest()
        what = hashlib.sha256(body).hexdigest()
        return cls(derived_id(scope, key), who[-_HALF_LENGTH:] + what[:_HALF_LENGTH], is_keyed=True)

    def op_id_with_outcome(self, *outcome: object) -> str:
        """The operation id with what came of this try. Tries with other outcomes repeat one
        another, and yet none of them has done what the other one did."""
        return self.op_id + _hash(*map(str, outcome)).hexdigest()[:_OUTCOME_LENGTH]

    def child_id(self, name: str) -> str:
        """A stable id for a part of the record this operation creates."""
        return derived_id(self.record_id, name)


def same_key(op_id: str, other_op_id: str) -> bool:
    """Whether two operation ids were made from one key, whatever the bodies."""
    return op_id[:_HALF_LENGTH] == other_op_id[:_HALF_LENGTH]


def same_operation(op_id: str, other_op_id: str) -> bool:
    """Whether two operation ids are one request, whatever came of its tries."""
    return op_id[: 2 * _HALF_LENGTH] == other_op_id[: 2 * _HALF_LENGTH]


def _hash(*parts: str) -> hashlib._Hash:
    return hashlib.sha256(_length_prefixed(parts))


def _length_prefixed(parts: Iterable[str]) -> bytes:
    """The parts one by one: "ab", "c" is not "a", "bc"."""
    return "".join(f"{len(part)}:{part}" for part in parts).encode()


def _to_uuid8(hashed: bytes) -> str:
    number = int.from_bytes(hashed[:16])
    number = number & ~(0xF << 76) | 8 << 76
    number = number & ~(0b11 << 62) | 0b10 << 62
    return str(UUID(int=number))
