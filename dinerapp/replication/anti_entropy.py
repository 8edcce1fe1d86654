"""Finds records that differ between two stores, and makes them equal.

Both stores count and digest their records in buckets; only buckets that differ are opened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

from dinerapp.replication.codec import BUCKET_COUNT, digest
from dinerapp.replication.replicator import Replicator
from dinerapp.replication.store_pair import StorePair

BATCH_SIZE = 500
T = TypeVar("T")


def _no_progress(_done: int, _of: int) -> None:
    """Nobody is watching."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A record that the two stores do not hold alike; a version is None where it is missing."""

    record_id: str
    one: str | None
    other: str | None


@dataclass(frozen=True, slots=True)
class RepairReport:
    """What a repair did."""

    differing: int
    repaired: int
    refused: tuple[tuple[str, str], ...] = ()


class AntiEntropy:
    """The check and the repair of any kind."""

    def __init__(self, replicator: Replicator) -> None:
        self._replicator = replicator

    def differences(
        self, pair: StorePair[Any], progress: Callable[[int, int], None] = _no_progress
    ) -> Iterator[Difference]:
        """Records that differ now; those whose delivery is under way are among them."""
        for batch in _batches(self._differing_ids(pair, progress)):
            yield from self._recheck(pair, batch)

    def deep_differences(
        self, pair: StorePair[Any], progress: Callable[[int, int], None] = _no_progress
    ) -> Iterator[Difference]:
        """Reads every record and trusts no stored digest: finds what was changed by hand."""
        seen = 0
        for source, target in ((pair.primary, pair.backup), (pair.backup, pair.primary)):
            for records in _scan_batches(source):
                mirrored = target.load([record.id for record in records])
                unlike = [r.id for r in records if mirrored.get(r.id) != r]
                if source is pair.backup:
                    unlike = [key for key in unlike if key not in mirrored]
                yield from self._recheck(pair, unlike)
                seen += len(records)
                progress(seen, 0)

    def repair(self, pair: StorePair[Any], record_ids: Sequence[str]) -> RepairReport:
        """Brings the states of both stores together, in both directions."""
        refused: list[tuple[str, str]] = []
        for ids in _batches(iter(record_ids)):
            for source, target in ((pair.primary, pair.backup), (pair.backup, pair.primary)):
                states = list(source.load(ids).values())
                if states:
                    refused += self._replicator.replicate(states, source, target).refused
                target.rehash(ids)
        unrepaired = {record_id for record_id, _ in refused}
        return RepairReport(len(record_ids), len(record_ids) - len(unrepaired), tuple(refused))

    def repair_all(
        self, pair: StorePair[Any], progress: Callable[[int, int], None] = _no_progress
    ) -> RepairReport:
        """Finds and repairs, a bucket at a time, so that memory stays small."""
        differing, repaired = 0, 0
        refused: list[tuple[str, str]] = []
        for batch in _batches(self._differing_ids(pair, progress)):
            done = self.repair(pair, batch)
            differing += done.differing
            repaired += done.repaired
            refused += done.refused
        return RepairReport(differing, repaired, tuple(refused))

    def _differing_ids(
        self, pair: StorePair[Any], progress: Callable[[int, int], None]
    ) -> Iterator[str]:
        one, other = pair.primary.fingerprints(), pair.backup.fingerprints()
        for number in range(BUCKET_COUNT):
            if one.get(number) != other.get(number):
                left, right = (
                    pair.primary.bucket_digests(number),
                    pair.backup.bucket_digests(number),
                )
                for record_id in sorted({*left, *right}):
                    if left.get(record_id) != right.get(record_id):
                        yield record_id
            progress(number + 1, BUCKET_COUNT)

    def _recheck(self, pair: StorePair[Any], record_ids: Sequence[str]) -> Iterator[Difference]:
        if not record_ids:
            return
        one, other = pair.primary.load(record_ids), pair.backup.load(record_ids)
        for key in record_ids:
            left, right = one.get(key), other.get(key)
            if left != right:
                yield Difference(
                    key,
                    _describe_state(left),
                    _describe_state(right),
                )


def _describe_state(record: Any) -> str | None:
    return None if record is None else f"{record.version} {digest(record):011x}"


def _scan_batches(replica: Any) -> Iterator[Sequence[Any]]:
    after: str | None = None
    while page := replica.scan(after, BATCH_SIZE):
        yield page
        after = page[-1].id


def _batches(items: Iterator[T]) -> Iterator[list[T]]:
    while batch := list(islice(items, BATCH_SIZE)):
        yield batch
