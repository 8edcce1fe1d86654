"""What happens after a record was written, even if the process dies right after the commit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

from dinerapp.replication.record import Record

R_contra = TypeVar("R_contra", bound=Record, contravariant=True)


class Follower(Protocol[R_contra]):
    """Is shown every record of a kind after a write, in its state of then or a later one."""

    def follow(self, records: Sequence[R_contra]) -> None:
        """Does what follows from these states, tombstones among them.

        It is shown a state once at least: what it does must be the same if it is done twice, by
        two processes at once, or for a later state alone. It tells what is to be done from the
        state, not from having been called. An error means that nothing is known to be done, and
        it is asked again; one that is about a single record parks that record in the end.
        """
