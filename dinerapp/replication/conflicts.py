"""Conflicts: what lost in a merge or was oversold, for a manager to resolve."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

import msgspec

from dinerapp.replication import codec
from dinerapp.replication.identity import derived_id
from dinerapp.replication.kind import Kind
from dinerapp.replication.record import Record

R = TypeVar("R", bound=Record)


class ConflictState(StrEnum):
    """Whether a manager has resolved the conflict."""

    OPEN = "open"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict(Record):
    """Two states as they were, each with the store that wrote it (`source`), and why one won.

    `winner` and `loser` are plain JSON values, so that a conflict stays readable when the type of
    the record changes.
    """

    about: str
    record_id: str
    reason: str
    winner: dict[str, Any]
    loser: dict[str, Any]
    state: ConflictState = ConflictState.OPEN
    resolution: str | None = None


def from_states(about: str, winner: Record, loser: Record, reason: str, now: datetime) -> Conflict:
    """The conflict of two states. Its id depends on the states only, not on where it was found."""
    parts = (about, winner.id, str(codec.digest(winner)), str(codec.digest(loser)))
    return _of_states(parts, about, winner, loser, reason, now)


def from_double_booking(
    about: str, first: Record, second: Record, key: str, limit: int, now: datetime
) -> Conflict:
    """The conflict of two records that reserve more than there is. Its id is derived from the ids
    of the records only: there is one conflict, however many keys they share and however often they
    change."""
    parts = (about, "double booking", *sorted((first.id, second.id)))
    reason = f"both hold {key}, but only {limit} of it may be held"
    return _of_states(parts, about, first, second, reason, now)


def from_oversold(key: str, reserved: int, limit: int, now: datetime) -> Conflict:
    """The conflict of a counted thing of which two stores sold more than there was while they were
    cut off from each other."""
    return Conflict(
        id=derived_id(key, str(limit)),
        op_id=derived_id("op", key, str(limit)),
        created_at=now,
        updated_at=now,
        about=key.partition(":")[0],
        record_id=key.partition(":")[2],
        reason="oversold",
        winner={"held": reserved},
        loser={"ceiling": limit},
    )


def _of_states(
    id_parts: Sequence[str],
    about: str,
    winner: Record,
    loser: Record,
    reason: str,
    now: datetime,
) -> Conflict:
    return Conflict(
        id=derived_id(*id_parts),
        op_id=derived_id("op", *id_parts),
        created_at=now,
        updated_at=now,
        about=about,
        record_id=winner.id,
        reason=reason,
        winner=_to_plain(winner),
        loser=_to_plain(loser),
    )


def redact_states(
    conflict: Conflict,
    record_type: type[R],
    redact: Callable[[R], R],
    *,
    op_id: str,
    now: datetime,
) -> Conflict:
    """The conflict with both states redacted; the same object if that changes nothing."""
    winner, loser = (
        _redact_state(state, record_type, redact) for state in (conflict.winner, conflict.loser)
    )
    if (winner, loser) == (conflict.winner, conflict.loser):
        return conflict
    return conflict.with_changes(op_id=op_id, now=now, winner=winner, loser=loser)


def _redact_state(
    plain_state: dict[str, Any], record_type: type[R], redact: Callable[[R], R]
) -> dict[str, Any]:
    """The redacted state; empty if it can no longer be read as a record."""
    try:
        state = codec.load(record_type, plain_state)
    except msgspec.ValidationError:
        return {}
    redacted = redact(state)
    return plain_state if redacted is state else _to_plain(redacted)


def _to_plain(record: Record) -> dict[str, Any]:
    """The state as JSON values at every level."""
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(record))
    return plain


CONFLICTS = Kind("conflicts", Conflict)
