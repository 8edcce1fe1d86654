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
    """Reports no progress."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A record that differs between the two stores: `one` is its state in the primary, `other` in
    the backup, None if it is missing. `consistency --json` shows these names."""

    record_id: str
    one: str | None
    other: str | None


@dataclass(frozen=True, slots=True)
class RepairReport:
    """The result of a repair."""

    differing: int
    repaired: int
    refused: tuple[tuple[str, str], ...] = ()


class AntiEntropy:
    """Checks and repairs the stores of any kind."""

    def __init__(self, replicator: Replicator) -> None:
        self._replicator = replicator

    def differences(
        self, pair: StorePair[Any], progress: Callable[[int, int], None] = _no_progress
    ) -> Iterator[Difference]:
        """The records that differ now, including those whose delivery is still in progress."""
        for batch in _batches(self._differing_ids(pair, progress)):
            yield from self._recheck(pair, batch)

    def deep_differences(
        self, pair: StorePair[Any], progress: Callable[[int, int], None] = _no_progress
    ) -> Iterator[Difference]:
        """Compares every record instead of stored digests, and so finds changes made by hand."""
        seen = 0
        for source, target in ((pair.primary, pair.backup), (pair.backup, pair.primary)):
            for records in _scan_batches(source):
                mirrored = target.load([record.id for record in records])
                differing = [r.id for r in records if mirrored.get(r.id) != r]
                if source is pair.backup:
                    differing = [key for key in differing if key not in mirrored]
                yield from self._recheck(pair, differing)
                seen += len(records)
                progress(seen, 0)

    def repair(self, pair: StorePair[Any], record_ids: Sequence[str]) -> RepairReport:
        """Replicates these records in both directions."""
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
        """Finds and repairs all differences in batches, so that memory use stays low."""
        differing, repaired = 0, 0
        refused: list[tuple[str, str]] = []
        for batch in _batches(self._differing_ids(pair, progress)):
            report = self.repair(pair, batch)
            differing += report.differing
            repaired += report.repaired
            refused += report.refused
        return RepairReport(differing, repaired, tuple(refused))

    def _differing_ids(
        self, pair: StorePair[Any], progress: Callable[[int, int], None]
    ) -> Iterator[str]:
        primary, backup = pair.primary.fingerprints(), pair.backup.fingerprints()
        for number in range(BUCKET_COUNT):
            if primary.get(number) != backup.get(number):
                in_primary = pair.primary.bucket_digests(number)
                in_backup = pair.backup.bucket_digests(number)
                for record_id in sorted({*in_primary, *in_backup}):
                    if in_primary.get(record_id) != in_backup.get(record_id):
                        yield record_id
            progress(number + 1, BUCKET_COUNT)

    def _recheck(self, pair: StorePair[Any], record_ids: Sequence[str]) -> Iterator[Difference]:
        if not record_ids:
            return
        in_primary, in_backup = pair.primary.load(record_ids), pair.backup.load(record_ids)
        for key in record_ids:
            primary, backup = in_primary.get(key), in_backup.get(key)
            if primary != backup:
                yield Difference(key, _describe_state(primary), _describe_state(backup))


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
