"""Password hashing, which is slow on purpose, so that its share of a process must be limited."""

from __future__ import annotations

import secrets
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from dinerapp.accounts.errors import TooBusy
from dinerapp.replication import deadline

_QUEUE_SECONDS = 5.0


class Passwords:
    """Argon2id, one hash at a time. A waiting request blocks a thread that others could use, so at
    most `max_waiting` wait; the next one gets TooBusy."""

    def __init__(self, memory_kib: int, rounds: int, max_waiting: int) -> None:
        self._argon2 = PasswordHasher(time_cost=rounds, memory_cost=memory_kib, parallelism=1)
        self._waiting_slots = threading.BoundedSemaphore(max_waiting)
        self._hashing_lock = threading.Lock()

    def hash(self, password: str) -> str:
        """The hash to store."""
        with self._hashing_slot():
            return self._argon2.hash(_normalise(password))

    def matches(self, password: str, password_hash: str | None) -> bool:
        """Whether the hash is of this password. Without a hash it returns False, at equal cost."""
        with self._hashing_slot():
            try:
                self._argon2.verify(password_hash or self._dummy_hash, _normalise(password))
            except (VerificationError, InvalidHashError):
                return False
        return password_hash is not None

    def is_outdated(self, password_hash: str) -> bool:
        """Whether the hash was made with other parameters than the current ones."""
        return self._argon2.check_needs_rehash(password_hash)

    @cached_property
    def _dummy_hash(self) -> str:
        return self._argon2.hash(secrets.token_hex())

    @contextmanager
    def _hashing_slot(self) -> Iterator[None]:
        if not self._waiting_slots.acquire(blocking=False):
            raise TooBusy("too many passwords are being checked")
        try:
            if not self._hashing_lock.acquire(timeout=deadline.remaining(_QUEUE_SECONDS)):
                raise TooBusy("too many passwords are being checked")
            try:
                yield
            finally:
                self._hashing_lock.release()
        finally:
            self._waiting_slots.release()


def _normalise(password: str) -> bytes:
    """The same bytes for all Unicode encodings of the same letters."""
    return unicodedata.normalize("NFC", password).encode()
