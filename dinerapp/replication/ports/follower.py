"""What must follow every write of a kind, even if the process dies right after the commit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

from dinerapp.replication.record import Record

R_contra = TypeVar("R_contra", bound=Record, contravariant=True)


class Follower(Protocol[R_contra]):
    """Receives every record of a kind after each write, in that state or a later one."""

    def follow(self, records: Sequence[R_contra]) -> None:
        """Handles these states, which may include tombstones.

        Each state is delivered at least once, so this must be idempotent: also if two processes
        do it at the same time, or if only a later state is delivered. What is to be done must
        depend on the state, not on the call. After an error the records are delivered again; a
        record that fails on its own becomes a dead letter in the end.
        """
