"""Strikes off debts that were delivered inline, in batches and off the request's path.

Losing a batch loses nothing: the debts stay, and a relay delivers once more.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from typing import Any

from dinerapp.domain.version import Place, Version
from dinerapp.errors import StoreFailure
from dinerapp.ports import deadline
from dinerapp.ports.replica import Replica

AT_ONCE = 500


class Settler:
    """Collects from all request threads of a process; one thread flushes."""

    def __init__(self, patience: float = 2.0) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[tuple[Replica[Any], Place], list[tuple[str, Version]]] = defaultdict(
            list
        )
        self._patience = patience

    def add(self, store: Replica[Any], to: Place, record_id: str, version: Version) -> None:
        """Notes that the store's debt to the place is paid."""
        with self._lock:
            self._waiting[store, to].append((record_id, version))

    def flush(self) -> int:
        """Strikes off what has gathered and says how much that was."""
        with self._lock:
            waiting, self._waiting = self._waiting, defaultdict(list)
        return sum(self._flush(store, to, paid) for (store, to), paid in waiting.items())

    def _flush(self, store: Replica[Any], to: Place, paid: list[tuple[str, Version]]) -> int:
        for start in range(0, len(paid), AT_ONCE):
            try:
                with deadline.within(self._patience):
                    store.settle(to, paid[start : start + AT_ONCE])
            except StoreFailure:
                return start
        return len(paid)
